# SPDX-License-Identifier: Apache-2.0
"""ECS: RunInstances, checked as a whole before anything is made."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from hostlift.localcloud.accounts import serves_instances
from hostlift.localcloud.actions.base import (
    Context,
    check_description,
    check_name,
    need,
    read_tags,
)
from hostlift.localcloud.actions.instances.launch_request import DataDiskPart, RunInstances
from hostlift.localcloud.actions.storage.disks import check_disk_quota, check_size, data_snapshot
from hostlift.localcloud.actions.storage.images import need_image, usable_images
from hostlift.localcloud.addresses import is_usable
from hostlift.localcloud.offer import stock
from hostlift.localcloud.offer.catalogue import (
    CATEGORIES,
    INSTANCE_TYPES,
    SYSTEM_SMALLEST,
    InstanceType,
)
from hostlift.localcloud.ram.judge import Question, Verdict
from hostlift.localcloud.state.records import (
    Image,
    ImageStatus,
    NetworkStatus,
    SecurityGroup,
    VSwitch,
)
from hostlift.localcloud.wire.errors import (
    ApiError,
    conflict,
    invalid_parameter,
    missing_parameter,
    not_found,
    quota,
)

USER_DATA_LIMIT = 16 * 1024
_RELEASE_SOONEST = 30 * 60
_RELEASE_LATEST = 3 * 366 * 86400
_MOST_DATA_DISKS = 16
_HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,62}[A-Za-z0-9])?")
_PASSWORD_CLASSES = ("[a-z]", "[A-Z]", "[0-9]", r"[^A-Za-z0-9]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a valid request comes to; ``release_at`` is 0 for never."""

    ask: RunInstances
    image: Image
    size: InstanceType
    vswitch: VSwitch
    groups: tuple[SecurityGroup, ...]
    private_ip: str
    system_gib: int
    system_category: str
    release_at: float
    tags: dict[str, str]


def check_launch(context: Context, ask: RunInstances) -> Launch:
    """Everything that can be wrong with a request, in the order a person would mend it.

    Raises:
        ApiError: The first thing wrong.
    """
    size = _size(ask)
    image = _image(context, ask)
    vswitch, groups, private_ip = _network(context, ask)
    _check_words(ask)
    _check_account(ask)
    _check_user_data(ask)
    for number, disk in enumerate(ask.DataDisk, 1):
        _check_data_disk(context, number, disk)
    if len(ask.DataDisk) > _MOST_DATA_DISKS:
        raise conflict("InstanceDiskNumLimitExceed", "At most 16 data disks.")
    category = ask.SystemDisk.Category or "cloud_efficiency"
    disks = [category, *(d.Category or "cloud_efficiency" for d in ask.DataDisk)]
    system_gib = _system_size(ask, image, category)
    _check_quotas(context, ask, size, system_gib)
    check_role(context, ask.RamRoleName)
    check_stock(context, vswitch.zone, size.id, disks)
    release = check_release(context, ask.AutoReleaseTime) if ask.AutoReleaseTime else 0.0
    return Launch(
        ask=ask,
        image=image,
        size=size,
        vswitch=vswitch,
        groups=groups,
        private_ip=private_ip,
        system_gib=system_gib,
        system_category=category,
        release_at=release,
        tags=read_tags(ask.Tag),
    )


def check_release(context: Context, at: float) -> float:
    """The time of an automatic release, to the minute; half an hour ahead or more."""
    if at < context.now + _RELEASE_SOONEST - 1 or at > context.now + _RELEASE_LATEST:
        raise invalid_parameter(
            "AutoReleaseTime",
            "It must be 30 minutes to 3 years ahead.",
            "InvalidAutoReleaseTime.Malformed",
        )
    return at - at % 60


def check_host_name(name: str) -> None:
    """Refuse host names no system would take."""
    if name and (not _HOST_NAME.fullmatch(name) or ".." in name or "--" in name):
        raise invalid_parameter("HostName", code="InvalidHostName.Malformed")


def check_user_data(text: str) -> None:
    """Refuse user data that is not Base64, or too long."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise invalid_parameter("UserData", code="InvalidUserData.Base64FormatInvalid") from None
    if len(raw) > USER_DATA_LIMIT:
        raise ApiError(
            "InvalidUserData.SizeExceeded", 'The specified parameter "UserData" exceeds the size.'
        )


def check_password(password: str) -> None:
    """Refuse passwords that are too short, too long or too plain."""
    classes = sum(bool(re.search(c, password)) for c in _PASSWORD_CLASSES)
    if password and (not 8 <= len(password) <= 30 or classes < 3):  # noqa: PLR2004 - the API's rule
        raise invalid_parameter("Password", code="InvalidPassword.Malformed")


def _size(ask: RunInstances) -> InstanceType:
    if not ask.InstanceType:
        raise missing_parameter("InstanceType")
    if ask.InstanceType not in INSTANCE_TYPES:
        raise ApiError(
            "InvalidInstanceType.ValueNotSupported",
            "The specified InstanceType beyond the permitted range.",
        )
    return INSTANCE_TYPES[ask.InstanceType]


def _image(context: Context, ask: RunInstances) -> Image:
    if ask.ImageId:
        image = need_image(context, ask.ImageId)
    elif ask.ImageFamily:
        family = [i for i in usable_images(context) if i.family == ask.ImageFamily]
        if not family:
            raise not_found("ImageFamily", ask.ImageFamily)
        image = family[-1]
    else:
        raise missing_parameter("ImageId")
    if image.status is not ImageStatus.AVAILABLE:
        raise conflict("OperationDenied.ImageNotValid", "The specified Image is not Available.")
    return image


def _network(context: Context, ask: RunInstances) -> tuple[VSwitch, tuple[SecurityGroup, ...], str]:
    if len(ask.NetworkInterface) > 1:
        raise ApiError("UnsupportedParameter", "Instances of this cloud have one interface.")
    nic = ask.NetworkInterface[0] if ask.NetworkInterface else None
    vswitch_id = ask.VSwitchId or (nic.VSwitchId if nic else "")
    group_ids = dict.fromkeys(
        g
        for g in (
            ask.SecurityGroupId,
            *ask.SecurityGroupIds,
            *((nic.SecurityGroupId, *nic.SecurityGroupIds) if nic else ()),
        )
        if g
    )
    if not vswitch_id:
        raise missing_parameter("VSwitchId")
    if not group_ids:
        raise missing_parameter("SecurityGroupId")
    store = context.store
    groups = tuple(need(store.groups.get(g), "SecurityGroupId", g) for g in group_ids)
    vswitch = need(store.vswitches.get(vswitch_id), "VSwitchId", vswitch_id)
    _check_places(ask, vswitch, groups)
    address = ask.PrivateIpAddress or (nic.PrimaryIpAddress if nic else "")
    _check_address(context, ask, vswitch, address)
    return vswitch, groups, address


def _check_places(ask: RunInstances, vswitch: VSwitch, groups: tuple[SecurityGroup, ...]) -> None:
    if vswitch.region != ask.RegionId:
        raise not_found("VSwitchId", vswitch.id)
    if vswitch.status is NetworkStatus.PENDING:
        raise ApiError(
            "IncorrectVSwitchStatus",
            "The current status of virtual switch does not support this operation.",
        )
    if any(g.vpc != vswitch.vpc for g in groups):
        raise ApiError(
            "InvalidParameter.Mismatch",
            "Specified security group and virtual switch are not in the same VPC.",
        )
    if ask.ZoneId and ask.ZoneId != vswitch.zone:
        raise ApiError(
            "InvalidParameter.Mismatch", "Specified virtual switch is not in the specified zone."
        )


def _check_address(context: Context, ask: RunInstances, vswitch: VSwitch, address: str) -> None:
    if not address:
        return
    try:
        IPv4Address(address)
    except ValueError:
        raise invalid_parameter(
            "PrivateIpAddress", code="InvalidPrivateIpAddress.Malformed"
        ) from None
    if ask.Amount > 1:
        raise invalid_parameter("PrivateIpAddress", "Only one instance can have it.")
    if not is_usable(address, vswitch.cidr):
        raise ApiError(
            "InvalidPrivateIpAddress",
            "Specified private IP address is not in the CIDR block of virtual switch.",
        )
    instances = context.store.instances.all()
    if any(i.private_ip == address and i.vswitch == vswitch.id for i in instances):
        raise ApiError(
            "InvalidPrivateIpAddress.Duplicated", "Specified private IP address is duplicated."
        )


def _check_words(ask: RunInstances) -> None:
    check_name(ask.InstanceName, "InstanceName")
    check_description(ask.Description)
    for name in (ask.HostName, *ask.HostNames):
        check_host_name(name)
    check_password(ask.Password)
    check_name(ask.SystemDisk.DiskName, "DiskName")
    check_description(ask.SystemDisk.Description, "InvalidDiskDescription.Malformed")
    if not ask.ClientToken.isascii():
        raise invalid_parameter("ClientToken", code="InvalidClientToken.ValueNotSupported")


def _check_account(ask: RunInstances) -> None:
    if ask.InstanceChargeType == "PrePaid":
        raise conflict("InvalidPayMethod", "This account pays as it goes; it has no subscriptions.")
    if ask.IoOptimized == "none":
        raise ApiError(
            "DependencyViolation.IoOptimized", "The instance type is I/O-optimised.", 404
        )
    if ask.SystemDisk.Encrypted or any(d.Encrypted for d in ask.DataDisk):
        raise ApiError("InvalidParameter.EncryptedNotSupported", "This cloud encrypts no disks.")


def _check_user_data(ask: RunInstances) -> None:
    if ask.UserData:
        check_user_data(ask.UserData)


def _check_data_disk(context: Context, number: int, disk: DataDiskPart) -> None:
    category = disk.Category or "cloud_efficiency"
    check_name(disk.DiskName, "DiskName")
    check_description(disk.Description, "InvalidDiskDescription.Malformed")
    size = disk.Size
    if disk.SnapshotId:
        size = data_snapshot(context, disk.SnapshotId, "DataDiskSnapshotId").disk_size
    if size is None:
        raise missing_parameter(f"DataDisk.{number}.Size")
    check_size(size, category, "InvalidDataDiskSize.ValueNotSupported")


def _system_size(ask: RunInstances, image: Image, category: str) -> int:
    if category not in CATEGORIES:
        raise invalid_parameter(
            "SystemDisk.Category", code="InvalidSystemDiskCategory.ValueNotSupported"
        )
    least = next(d.size for d in image.disks if d.type == "system")
    size = max(40, least) if ask.SystemDisk.Size is None else ask.SystemDisk.Size
    if size < least:
        raise ApiError(
            "InvalidSystemDiskSize.LessThanImageSize",
            "The specified parameter SystemDisk.Size is less than the image size.",
            404,
        )
    if size < SYSTEM_SMALLEST:
        raise ApiError(
            "InvalidSystemDiskSize.LessThanMinSize",
            "The specified parameter SystemDisk.Size is less than the min size.",
            404,
        )
    if size > CATEGORIES[category].system_largest:
        raise invalid_parameter("SystemDisk.Size", code="InvalidSystemDiskSize.ValueNotSupported")
    return size


def _check_quotas(context: Context, ask: RunInstances, size: InstanceType, system_gib: int) -> None:
    quotas = context.quotas
    here = context.store.instances.all()
    if len(here) + ask.Amount > quotas.instances:
        raise ApiError("QuotaExceed.AfterpayInstance", "Living afterpay instances quota exceeded.")
    if sum(INSTANCE_TYPES[i.type].cpus for i in here) + ask.Amount * size.cpus > quotas.vcpus:
        raise quota("ElasticQuota", "The number of vCPUs has exceeded the quota in the zone.")
    each = system_gib + sum(d.Size or 0 for d in ask.DataDisk)
    check_disk_quota(context, ask.Amount * (1 + len(ask.DataDisk)), ask.Amount * each)


def check_stock(context: Context, zone: str, instance_type: str, disks: Sequence[str]) -> None:
    """Refuse what is sold out; the first category is the system disk's."""
    shortages = context.cloud.settings.stock
    if not stock.zone_sells(shortages, zone, INSTANCE_TYPES):
        raise conflict(
            "Zone.NotOnSale", "The resource in the specified zone is no longer available."
        )
    if not stock.of_type(shortages, zone, instance_type).can_be_had:
        raise conflict(
            "OperationDenied.NoStock",
            "The requested resource is sold out in the specified zone; try other types of resources"
            " or other regions and zones.",
        )
    if disks and not stock.of_disk(shortages, zone, disks[0]).can_be_had:
        raise conflict(
            "OperationDenied.ZoneSystemCategoryNotMatch",
            "The specified Zone or cluster does not offer the specified disk category.",
        )
    if any(not stock.of_disk(shortages, zone, d).can_be_had for d in disks[1:]):
        raise conflict(
            "InvalidDataDiskCategory.NotSupported",
            "The specified data disk category is not offered in the zone.",
        )


def check_role(context: Context, name: str) -> None:
    """Refuse a RAM role that is not there, or that the caller may not pass on."""
    if not name:
        return
    role = context.account.role(name)
    if role is None or not serves_instances(role, context.account):
        raise ApiError("InvalidRamRole.NotFound", "The specified RamRoleName does not exist.", 404)
    arn = f"acs:ram::{context.account.id}:role/{role.name.lower()}"
    question = Question("ram:PassRole", arn, {"acs:service": ("ecs.aliyuncs.com",)})
    verdict = context.cloud.accounts.verdict(context.caller.principal, question)
    if verdict is not Verdict.ALLOW:
        raise conflict(
            "InvalidUser.PassRoleForbidden",
            "The RAM user does not have the privilege to pass the role.",
        )
