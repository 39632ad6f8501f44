# SPDX-License-Identifier: Apache-2.0
"""Every API action the driver makes; a call that is not named here cannot be made.

Each says for which wishes it is needed; `policy` turns that into the smallest RAM policy under which
a migration with these wishes works.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum

from hostlift.ports.market import Feature


class Service(Enum):
    """An API product.

    Attributes:
        product: First word of its host names.
        version: As the protocol wants it.
        ram_code: First word of its permissions.
    """

    ECS = ("ecs", "2014-05-26")
    VPC = ("vpc", "2016-04-28")
    STS = ("sts", "2015-04-01")
    BSS = ("business", "2017-12-14", "bssapi")
    QUOTAS = ("quotas", "2020-05-10")

    def __init__(self, product: str, version: str, ram_code: str = "") -> None:
        self.product = product
        self.version = version
        self.ram_code = ram_code or product


class Action(Enum):
    """An action of a service.

    Attributes:
        api_name: As the protocol wants it.
        feature: What it is needed for.
    """

    ALLOCATE_EIP_ADDRESS = (Service.VPC, "AllocateEipAddress", Feature.EIP)
    ASSOCIATE_EIP_ADDRESS = (Service.VPC, "AssociateEipAddress", Feature.EIP)
    ATTACH_DISK = (Service.ECS, "AttachDisk")
    AUTHORIZE_SECURITY_GROUP = (Service.ECS, "AuthorizeSecurityGroup", Feature.OWN_GROUP)
    CANCEL_COPY_IMAGE = (Service.ECS, "CancelCopyImage", Feature.COPY)
    COPY_IMAGE = (Service.ECS, "CopyImage", Feature.COPY)
    CREATE_DISK = (Service.ECS, "CreateDisk", Feature.TARGET)
    CREATE_IMAGE = (Service.ECS, "CreateImage")
    CREATE_SECURITY_GROUP = (Service.ECS, "CreateSecurityGroup", Feature.OWN_GROUP)
    CREATE_SNAPSHOT = (Service.ECS, "CreateSnapshot")
    CREATE_VPC = (Service.VPC, "CreateVpc", Feature.OWN_VPC)
    CREATE_V_SWITCH = (Service.VPC, "CreateVSwitch", Feature.OWN_VSWITCH)
    DELETE_DISK = (Service.ECS, "DeleteDisk")
    DELETE_IMAGE = (Service.ECS, "DeleteImage")
    DELETE_INSTANCE = (Service.ECS, "DeleteInstance")
    DELETE_SECURITY_GROUP = (Service.ECS, "DeleteSecurityGroup", Feature.OWN_GROUP)
    DELETE_SNAPSHOT = (Service.ECS, "DeleteSnapshot")
    DELETE_VPC = (Service.VPC, "DeleteVpc", Feature.OWN_VPC)
    DELETE_V_SWITCH = (Service.VPC, "DeleteVSwitch", Feature.OWN_VSWITCH)
    DESCRIBE_ACCOUNT_ATTRIBUTES = (Service.ECS, "DescribeAccountAttributes", Feature.FORESIGHT)
    DESCRIBE_AVAILABLE_RESOURCE = (Service.ECS, "DescribeAvailableResource")
    DESCRIBE_DISKS = (Service.ECS, "DescribeDisks")
    DESCRIBE_EIP_ADDRESSES = (Service.VPC, "DescribeEipAddresses")
    DESCRIBE_IMAGES = (Service.ECS, "DescribeImages")
    DESCRIBE_IMAGE_SHARE_PERMISSION = (
        Service.ECS,
        "DescribeImageSharePermission",
        Feature.SHARE,
    )
    DESCRIBE_INSTANCES = (Service.ECS, "DescribeInstances")
    DESCRIBE_INSTANCE_TYPES = (Service.ECS, "DescribeInstanceTypes")
    DESCRIBE_PRICE = (Service.ECS, "DescribePrice", Feature.FORESIGHT)
    DESCRIBE_SECURITY_GROUPS = (Service.ECS, "DescribeSecurityGroups")
    DESCRIBE_SECURITY_GROUP_ATTRIBUTE = (
        Service.ECS,
        "DescribeSecurityGroupAttribute",
        Feature.OWN_GROUP,
    )
    DESCRIBE_SNAPSHOTS = (Service.ECS, "DescribeSnapshots")
    DESCRIBE_VPCS = (Service.VPC, "DescribeVpcs")
    DESCRIBE_V_SWITCHES = (Service.VPC, "DescribeVSwitches")
    DETACH_DISK = (Service.ECS, "DetachDisk")
    GET_CALLER_IDENTITY = (Service.STS, "GetCallerIdentity")
    GET_INSTANCE_CONSOLE_OUTPUT = (Service.ECS, "GetInstanceConsoleOutput", Feature.TRIAL)
    LIST_PRODUCT_QUOTAS = (Service.QUOTAS, "ListProductQuotas", Feature.FORESIGHT)
    MODIFY_IMAGE_SHARE_PERMISSION = (Service.ECS, "ModifyImageSharePermission", Feature.SHARE)
    MODIFY_INSTANCE_AUTO_RELEASE_TIME = (Service.ECS, "ModifyInstanceAutoReleaseTime")
    QUERY_ACCOUNT_BALANCE = (Service.BSS, "QueryAccountBalance", Feature.FORESIGHT)
    RESIZE_DISK = (Service.ECS, "ResizeDisk")
    RELEASE_EIP_ADDRESS = (Service.VPC, "ReleaseEipAddress", Feature.EIP)
    REPLACE_SYSTEM_DISK = (Service.ECS, "ReplaceSystemDisk", Feature.TARGET)
    REVOKE_SECURITY_GROUP = (Service.ECS, "RevokeSecurityGroup", Feature.OWN_GROUP)
    RUN_INSTANCES = (Service.ECS, "RunInstances")
    START_INSTANCE = (Service.ECS, "StartInstance")
    STOP_INSTANCE = (Service.ECS, "StopInstance")

    def __init__(self, service: Service, api_name: str, feature: Feature = Feature.CORE) -> None:
        self.service = service
        self.api_name = api_name
        self.feature = feature

    @property
    def permission(self) -> str:
        """Its name in a RAM policy: ``ecs:RunInstances``."""
        return f"{self.service.ram_code}:{self.api_name}"

    @property
    def permissions(self) -> tuple[str, ...]:
        """What a caller must be allowed: the action itself, and to tag what it makes."""
        tagging = f"{self.service.ram_code}:TagResources"
        return (self.permission, tagging) if self.makes else (self.permission,)

    @property
    def makes(self) -> bool:
        """True when it makes something that carries tags."""
        return self.api_name.startswith(("Create", "Run", "Allocate", "Copy"))

    @property
    def reads_only(self) -> bool:
        """True when it changes nothing."""
        return self.api_name.startswith(("Describe", "Get", "List", "Query"))


# Tags given with a create call are judged as this action. GetCallerIdentity needs no permission.
_TAGGING = ("ecs:TagResources", "vpc:TagResources")


def needed(features: Collection[Feature]) -> list[Action]:
    """What is called for these wishes and may be refused."""
    return [a for a in Action if a.feature in features and a.service is not Service.STS]


def policy(features: Collection[Feature] = tuple(Feature)) -> dict[str, object]:
    """The RAM policy document that allows exactly what these wishes need."""
    granted = needed(features)
    tagging = [
        p for p in _TAGGING if any(a.makes and a.permission.startswith(p[:4]) for a in granted)
    ]
    reading = sorted(a.permission for a in granted if a.reads_only)
    changing = sorted([*(a.permission for a in granted if not a.reads_only), *tagging])
    return {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": reading, "Resource": "*"},
            {"Effect": "Allow", "Action": changing, "Resource": "*"},
        ],
    }
