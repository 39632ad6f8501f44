# SPDX-License-Identifier: Apache-2.0
"""Every API action the driver makes; a call that is not named here cannot be made.

`policy` turns the table into the smallest RAM policy that lets the driver work.
"""

from __future__ import annotations

from enum import Enum


class Service(Enum):
    """An API product: its name in permissions and host names, and its version."""

    ECS = ("ecs", "2014-05-26")
    VPC = ("vpc", "2016-04-28")
    STS = ("sts", "2015-04-01")

    @property
    def product(self) -> str:
        """``ecs``, ``vpc`` or ``sts``."""
        return self.value[0]

    @property
    def version(self) -> str:
        """API version as the protocol wants it."""
        return self.value[1]


class Action(Enum):
    """An action of a service."""

    AUTHORIZE_SECURITY_GROUP = (Service.ECS, "AuthorizeSecurityGroup")
    CREATE_IMAGE = (Service.ECS, "CreateImage")
    CREATE_SECURITY_GROUP = (Service.ECS, "CreateSecurityGroup")
    CREATE_SNAPSHOT = (Service.ECS, "CreateSnapshot")
    CREATE_VPC = (Service.VPC, "CreateVpc")
    CREATE_V_SWITCH = (Service.VPC, "CreateVSwitch")
    DELETE_IMAGE = (Service.ECS, "DeleteImage")
    DELETE_INSTANCE = (Service.ECS, "DeleteInstance")
    DELETE_SECURITY_GROUP = (Service.ECS, "DeleteSecurityGroup")
    DELETE_SNAPSHOT = (Service.ECS, "DeleteSnapshot")
    DELETE_VPC = (Service.VPC, "DeleteVpc")
    DELETE_V_SWITCH = (Service.VPC, "DeleteVSwitch")
    DESCRIBE_AVAILABLE_RESOURCE = (Service.ECS, "DescribeAvailableResource")
    DESCRIBE_DISKS = (Service.ECS, "DescribeDisks")
    DESCRIBE_IMAGES = (Service.ECS, "DescribeImages")
    DESCRIBE_INSTANCES = (Service.ECS, "DescribeInstances")
    DESCRIBE_INSTANCE_TYPES = (Service.ECS, "DescribeInstanceTypes")
    DESCRIBE_SECURITY_GROUPS = (Service.ECS, "DescribeSecurityGroups")
    DESCRIBE_SECURITY_GROUP_ATTRIBUTE = (Service.ECS, "DescribeSecurityGroupAttribute")
    DESCRIBE_SNAPSHOTS = (Service.ECS, "DescribeSnapshots")
    DESCRIBE_VPCS = (Service.VPC, "DescribeVpcs")
    DESCRIBE_V_SWITCHES = (Service.VPC, "DescribeVSwitches")
    GET_CALLER_IDENTITY = (Service.STS, "GetCallerIdentity")
    GET_INSTANCE_CONSOLE_OUTPUT = (Service.ECS, "GetInstanceConsoleOutput")
    MODIFY_INSTANCE_AUTO_RELEASE_TIME = (Service.ECS, "ModifyInstanceAutoReleaseTime")
    REVOKE_SECURITY_GROUP = (Service.ECS, "RevokeSecurityGroup")
    RUN_INSTANCES = (Service.ECS, "RunInstances")
    START_INSTANCE = (Service.ECS, "StartInstance")
    STOP_INSTANCE = (Service.ECS, "StopInstance")

    @property
    def service(self) -> Service:
        """The service that offers it."""
        return self.value[0]

    @property
    def api_name(self) -> str:
        """As the protocol wants it."""
        return self.value[1]

    @property
    def permission(self) -> str:
        """Its name in a RAM policy: ``ecs:RunInstances``."""
        return f"{self.service.product}:{self.api_name}"

    @property
    def reads_only(self) -> bool:
        """True when it changes nothing."""
        return self.api_name.startswith(("Describe", "Get"))


# Tags given with a create call are judged as this action. GetCallerIdentity needs no permission.
_TAGGING = ("ecs:TagResources", "vpc:TagResources")


def policy() -> dict[str, object]:
    """The RAM policy document that allows exactly what the driver does."""
    granted = [a for a in Action if a.service is not Service.STS]
    reading = sorted(a.permission for a in granted if a.reads_only)
    changing = sorted([*(a.permission for a in granted if not a.reads_only), *_TAGGING])
    return {
        "Version": "1",
        "Statement": [
            {"Effect": "Allow", "Action": reading, "Resource": "*"},
            {"Effect": "Allow", "Action": changing, "Resource": "*"},
        ],
    }
