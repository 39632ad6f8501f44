# SPDX-License-Identifier: Apache-2.0
"""ECS: an instance in the forms of DescribeInstances and DescribeInstanceAttribute."""

from __future__ import annotations

from hostlift.localcloud.actions.base import tags_of
from hostlift.localcloud.offer.catalogue import INSTANCE_TYPES
from hostlift.localcloud.state.records import Eip, Instance, InstanceStatus
from hostlift.localcloud.wire.answer import Body, Json
from hostlift.localcloud.wire.times import to_minute

NEVER = "2099-12-31T15:59Z"


def full_view(instance: Instance, eip: Eip | None = None) -> Body:
    """As DescribeInstances shows it."""
    size = INSTANCE_TYPES[instance.type]
    return {
        **_common(instance, eip),
        "InstanceTypeFamily": size.family,
        "OSName": instance.os_name,
        "OSNameEn": instance.os_name,
        "OSType": instance.os_type,
        "StartTime": to_minute(instance.started) if instance.started else "",
        "AutoReleaseTime": to_minute(instance.release_at) if instance.release_at else "",
        "IoOptimized": True,
        "DeviceAvailable": True,
        "DeletionProtection": instance.protected,
        "Recyclable": False,
        "KeyPairName": instance.key_pair,
        "ResourceGroupId": instance.resource_group,
        "SaleCycle": "",
        "SpotStrategy": instance.spot_strategy,
        "SpotPriceLimit": 0.0,
        "SpotDuration": 0,
        "GPUAmount": 0,
        "GPUSpec": "",
        "LocalStorageCapacity": 0,
        "LocalStorageAmount": 0,
        "HpcClusterId": "",
        "DeploymentSetId": "",
        "ISP": "",
        "CpuOptions": {"CoreCount": max(1, size.cpus // 2), "ThreadsPerCore": 2, "Numa": ""},
        "MetadataOptions": {
            "HttpEndpoint": instance.http_endpoint,
            "HttpTokens": instance.http_tokens,
            "HttpPutResponseHopLimit": instance.hop_limit,
        },
        "NetworkInterfaces": {"NetworkInterface": [_nic(instance)]},
        "RdmaIpAddress": {"IpAddress": []},
        "DedicatedHostAttribute": {
            "DedicatedHostId": "",
            "DedicatedHostName": "",
            "DedicatedHostClusterId": "",
        },
        "DedicatedInstanceAttribute": {"Tenancy": "", "Affinity": ""},
        "EcsCapacityReservationAttr": {
            "CapacityReservationId": "",
            "CapacityReservationPreference": "",
        },
        "HibernationOptions": {"Configured": False},
        "Tags": tags_of(instance),
    }


def attributes_view(instance: Instance, eip: Eip | None = None) -> Body:
    """As DescribeInstanceAttribute shows it."""
    return {
        **_common(instance, eip),
        "IoOptimized": "optimized",
        "EnableJumboFrame": False,
        "EnableNetworkEncryption": False,
        "DedicatedHostAttribute": {"DedicatedHostId": "", "DedicatedHostName": ""},
    }


def _common(instance: Instance, elastic: Eip | None) -> dict[str, Json]:
    size = INSTANCE_TYPES[instance.type]
    eip: dict[str, Json] = {
        "AllocationId": elastic.id if elastic else "",
        "IpAddress": elastic.address if elastic else "",
        "InternetChargeType": elastic.internet_charge if elastic else "",
        "Bandwidth": elastic.bandwidth if elastic else 0,
    }
    stopped = instance.status is InstanceStatus.STOPPED
    own = instance.public_ip if not instance.elastic else ""
    public: list[Json] = [own] if own else []
    return {
        "InstanceId": instance.id,
        "InstanceName": instance.name,
        "Description": instance.description,
        "HostName": instance.hostname,
        "ImageId": instance.image,
        "RegionId": instance.region,
        "ZoneId": instance.zone,
        "ClusterId": "",
        "InstanceType": instance.type,
        "Cpu": size.cpus,
        "Memory": int(size.memory * 1024),
        "Status": instance.status.value,
        "StoppedMode": instance.stopped_mode if stopped else "Not-applicable",
        "SerialNumber": instance.serial,
        "InstanceNetworkType": "vpc",
        "InstanceChargeType": instance.charge,
        "InternetChargeType": instance.internet_charge,
        "InternetMaxBandwidthIn": instance.bandwidth_in,
        "InternetMaxBandwidthOut": instance.bandwidth_out,
        "CreditSpecification": instance.credit,
        "CreationTime": to_minute(instance.created),
        "ExpiredTime": NEVER,
        "VlanId": "",
        "InnerIpAddress": {"IpAddress": []},
        "PublicIpAddress": {"IpAddress": public},
        "EipAddress": eip,
        "SecurityGroupIds": {"SecurityGroupId": [*instance.groups]},
        "VpcAttributes": {
            "VpcId": instance.vpc,
            "VSwitchId": instance.vswitch,
            "PrivateIpAddress": {"IpAddress": [instance.private_ip]},
            "NatIpAddress": "",
        },
        "OperationLocks": {"LockReason": []},
    }


def _nic(instance: Instance) -> Body:
    return {
        "NetworkInterfaceId": instance.eni,
        "MacAddress": instance.mac,
        "Type": "Primary",
        "PrimaryIpAddress": instance.private_ip,
        "PrivateIpSets": {
            "PrivateIpSet": [{"PrivateIpAddress": instance.private_ip, "Primary": True}]
        },
    }
