# SPDX-License-Identifier: Apache-2.0
"""ECS: the parameters of RunInstances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import Regional, TagPart
from hostlift.localcloud.wire.parameters import Ranged, Time

Level = Literal["PL0", "PL1", "PL2", "PL3"]


@dataclass(frozen=True, kw_only=True)
class SystemDiskPart:
    """The disk the instance boots from."""

    Category: str = ""
    Size: int | None = None
    DiskName: str = ""
    Description: str = ""
    PerformanceLevel: Level | None = None
    Encrypted: bool = False
    AutoSnapshotPolicyId: str = ""
    BurstingEnabled: bool = False
    ProvisionedIops: int = 0


@dataclass(frozen=True, kw_only=True)
class DataDiskPart:
    """A further disk; with a snapshot, ``Size`` is ignored; ``Device`` is, always."""

    Size: int | None = None
    SnapshotId: str = ""
    Category: str = ""
    DeleteWithInstance: bool = True
    DiskName: str = ""
    Description: str = ""
    Device: str = ""
    PerformanceLevel: Level | None = None
    Encrypted: bool = False
    AutoSnapshotPolicyId: str = ""
    BurstingEnabled: bool = False
    ProvisionedIops: int = 0


@dataclass(frozen=True, kw_only=True)
class InterfacePart:
    """The primary interface, where it is described instead of the plain parameters."""

    VSwitchId: str = ""
    SecurityGroupId: str = ""
    SecurityGroupIds: tuple[str, ...] = ()
    PrimaryIpAddress: str = ""
    InstanceType: Literal["Primary"] = "Primary"
    NetworkInterfaceName: str = ""
    Description: str = ""
    NetworkInterfaceTrafficMode: Literal["Standard"] = "Standard"
    DeleteOnRelease: bool = True


@dataclass(frozen=True, kw_only=True)
class RunInstances(Regional):
    """Up to a hundred instances of one kind; they start at once."""

    HARMLESS = (
        "Affinity AutoPay AutoRenew AutoRenewPeriod ClockOptions CpuOptions DeploymentSetGroupNo"
        " HibernationOptions ImageOptions Isp NetworkInterfaceQueueNumber"
        " NetworkOptions PasswordInherit Period PeriodUnit PrivateDnsNameOptions"
        " PrivatePoolOptions SecurityEnhancementStrategy SpotDuration SpotInterruptionBehavior"
        " SpotPriceLimit StorageSetPartitionNumber"
    )

    ImageId: str = ""
    ImageFamily: str = ""
    InstanceType: str = ""
    VSwitchId: str = ""
    ZoneId: str = ""
    SecurityGroupId: str = ""
    SecurityGroupIds: tuple[str, ...] = ()
    NetworkInterface: tuple[InterfacePart, ...] = ()
    PrivateIpAddress: str = ""
    Amount: Annotated[int, Ranged(1, 100)] = 1
    MinAmount: Annotated[int, Ranged(1, 100, "InvalidMinAmount.Malformed")] | None = None
    InstanceName: str = ""
    HostName: str = ""
    HostNames: tuple[str, ...] = ()
    UniqueSuffix: bool = False
    Description: str = ""
    SystemDisk: SystemDiskPart = SystemDiskPart()
    DataDisk: tuple[DataDiskPart, ...] = ()
    InternetMaxBandwidthOut: Annotated[
        int, Ranged(0, 100, "InvalidInternetMaxBandwidthOut.Malformed")
    ] = 0
    InternetMaxBandwidthIn: (
        Annotated[int, Ranged(1, 100, "InvalidInternetMaxBandwidthIn.Malformed")] | None
    ) = None
    InternetChargeType: Literal["PayByTraffic", "PayByBandwidth"] = "PayByTraffic"
    InstanceChargeType: Literal["PostPaid", "PrePaid"] = "PostPaid"
    IoOptimized: Literal["optimized", "none"] = "optimized"
    SpotStrategy: Literal["NoSpot", "SpotWithPriceLimit", "SpotAsPriceGo"] = "NoSpot"
    CreditSpecification: Literal["Standard", "Unlimited"] | None = None
    UserData: str = ""
    KeyPairName: str = ""
    Password: str = ""
    RamRoleName: str = ""
    HttpEndpoint: Literal["enabled", "disabled"] = "enabled"
    HttpTokens: Literal["optional", "required"] = "optional"
    HttpPutResponseHopLimit: Annotated[int, Ranged(1, 64)] = 1
    AutoReleaseTime: Time | None = None
    DeletionProtection: bool = False
    Tenancy: Literal["default"] = "default"
    ResourceGroupId: str = ""
    Tag: tuple[TagPart, ...] = ()
    ClientToken: str = ""
    DryRun: bool = False
