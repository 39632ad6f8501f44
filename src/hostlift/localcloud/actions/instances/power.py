# SPDX-License-Identifier: Apache-2.0
"""ECS: start, stop, reboot, release, attributes and console of an instance."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Annotated, Literal

from hostlift.localcloud.actions.base import (
    DONE,
    Context,
    Order,
    Regional,
    action,
    check_description,
    check_name,
    need,
)
from hostlift.localcloud.actions.instances.launch import (
    check_host_name,
    check_password,
    check_release,
    check_stock,
    check_user_data,
)
from hostlift.localcloud.actions.instances.listing import need_instance
from hostlift.localcloud.actions.instances.run import public_address
from hostlift.localcloud.actions.storage.sysdisk import need_system
from hostlift.localcloud.jobs import Job
from hostlift.localcloud.life import networks
from hostlift.localcloud.life.instances import begin_release
from hostlift.localcloud.state.records import Instance, InstanceStatus
from hostlift.localcloud.wire.answer import Body
from hostlift.localcloud.wire.errors import ApiError, conflict, invalid_parameter
from hostlift.localcloud.wire.message import Product
from hostlift.localcloud.wire.parameters import Ranged, Request
from hostlift.localcloud.wire.times import read_time, to_second

_WRONG_STATE = "The current status of the resource does not support this operation."


@dataclass(frozen=True, kw_only=True)
class StartInstance(Request):
    """From Stopped."""

    HARMLESS = "InitLocalDisk SourceRegionId"

    InstanceId: str
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class StopInstance(Request):
    """Ask the guest, or with ``ForceStop`` pull the plug.

    Without ``StoppedMode`` a setting of the account decides. StopCharging gives up the public
    address; the next start gets another, if the type is still in stock.
    """

    HARMLESS = "ConfirmStop"

    InstanceId: str
    ForceStop: bool = False
    StoppedMode: Literal["StopCharging", "KeepCharging"] | None = None
    Hibernate: bool = False
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class RebootInstance(Request):
    """Stop and start."""

    InstanceId: str
    ForceStop: bool = False
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class DeleteInstance(Request):
    """Release; ``Force`` does it to a running one."""

    HARMLESS = "TerminateSubscription"

    InstanceId: str
    Force: bool = False
    ForceStop: bool = False
    DryRun: bool = False


@dataclass(frozen=True, kw_only=True)
class ModifyInstanceAttribute(Request):
    """What is not given stays."""

    HARMLESS = "Recyclable CreditSpecification NetworkInterfaceQueueNumber"

    InstanceId: str
    InstanceName: str | None = None
    Description: str | None = None
    HostName: str = ""
    Password: str = ""
    UserData: str | None = None
    DeletionProtection: bool | None = None
    SecurityGroupIds: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ModifyInstanceAutoReleaseTime(Request):
    """An empty time cancels."""

    InstanceId: str
    RegionId: str = ""
    AutoReleaseTime: str = ""


@dataclass(frozen=True, kw_only=True)
class ModifyInstanceMetadataOptions(Regional):
    """How the guest may ask the metadata service."""

    HARMLESS = "InstanceMetadataTags"

    InstanceId: str
    HttpEndpoint: Literal["enabled", "disabled"] | None = None
    HttpTokens: Literal["optional", "required"] | None = None
    HttpPutResponseHopLimit: Annotated[int, Ranged(1, 64)] | None = None


@dataclass(frozen=True, kw_only=True)
class GetInstanceConsoleOutput(Request):
    """The serial console."""

    RegionId: str
    InstanceId: str
    RemoveSymbols: bool = False


@action(Product.ECS, StartInstance, order=Order.STANDING)
def start_instance(context: Context, ask: StartInstance) -> Body:
    """Starting first, Running soon."""
    instance = _need_in(context, ask.InstanceId, InstanceStatus.STOPPED)
    need_system(context, instance)
    if instance.stopped_mode == "StopCharging":
        check_stock(context, instance.zone, instance.type, ())
    address = public_address(context) if instance.released_ip else instance.public_ip
    _put(
        context,
        replace(
            instance,
            status=InstanceStatus.STARTING,
            public_ip=address,
            released_ip=False,
            stopped_mode="Not-applicable",
        ),
    )
    return DONE


@action(Product.ECS, StopInstance)
def stop_instance(context: Context, ask: StopInstance) -> Body:
    """Stopping first. A second call with ``ForceStop`` hastens one under way."""
    if ask.Hibernate:
        raise ApiError("UnsupportedParameter", "Instances of this cloud do not hibernate.")
    states = (InstanceStatus.RUNNING, *((InstanceStatus.STOPPING,) if ask.ForceStop else ()))
    instance = _need_in(context, ask.InstanceId, *states)
    economical = context.account.settings.stop_charging
    mode = ask.StoppedMode or ("StopCharging" if economical else "KeepCharging")
    _put(context, _stopping(context, instance, ask.ForceStop, mode))
    return DONE


@action(Product.ECS, RebootInstance)
def reboot_instance(context: Context, ask: RebootInstance) -> Body:
    """Stopping, Starting, Running."""
    instance = _need_in(context, ask.InstanceId, InstanceStatus.RUNNING)
    stopping = _stopping(context, instance, ask.ForceStop, instance.stopped_mode)
    _put(context, replace(stopping, restart=True))
    return DONE


@action(Product.ECS, DeleteInstance)
def delete_instance(context: Context, ask: DeleteInstance) -> Body:
    """Disks marked so go with it; the others stay."""
    instance = need_instance(context, ask.InstanceId)
    if instance.protected:
        raise conflict("InvalidOperation.DeletionProtection", "The instance is protected.")
    if instance.deleting:
        raise conflict("IncorrectInstanceStatus", "The instance is being released.")
    if instance.status is InstanceStatus.PENDING:
        raise conflict("IncorrectInstanceStatus.Initializing", "The instance is initializing.")
    if instance.status is not InstanceStatus.STOPPED and not (ask.Force or ask.ForceStop):
        raise conflict("IncorrectInstanceStatus", _WRONG_STATE)
    begin_release(context.cloud, instance.id)
    context.later(Job("instance", instance.id))
    return DONE


@action(Product.ECS, ModifyInstanceAttribute)
def modify_instance_attribute(context: Context, ask: ModifyInstanceAttribute) -> Body:
    """A new host name or user data shows at the next start."""
    instance = need_instance(context, ask.InstanceId)
    check_name(ask.InstanceName or "", "InstanceName")
    check_description(ask.Description or "")
    check_host_name(ask.HostName)
    check_password(ask.Password)
    if ask.UserData:
        check_user_data(ask.UserData)
        if instance.status is not InstanceStatus.STOPPED:
            raise conflict("IncorrectInstanceStatus", _WRONG_STATE)
    groups = _groups(context, ask, instance)
    context.store.instances.put(
        replace(
            instance,
            name=instance.name if ask.InstanceName is None else ask.InstanceName,
            description=instance.description if ask.Description is None else ask.Description,
            hostname=ask.HostName or instance.hostname,
            user_data=instance.user_data if ask.UserData is None else ask.UserData,
            protected=(
                instance.protected if ask.DeletionProtection is None else ask.DeletionProtection
            ),
            groups=groups,
        )
    )
    if groups != instance.groups:
        touched = frozenset({*groups, *instance.groups})
        for job in networks.admit_again(context.cloud, touched):
            context.later(job, 0.0)
    return DONE


@action(Product.ECS, ModifyInstanceAutoReleaseTime)
def modify_instance_auto_release_time(context: Context, ask: ModifyInstanceAutoReleaseTime) -> Body:
    """The dead man's switch."""
    instance = need_instance(context, ask.InstanceId)
    at = 0.0
    if ask.AutoReleaseTime:
        try:
            at = check_release(context, read_time(ask.AutoReleaseTime))
        except ValueError:
            raise invalid_parameter(
                "AutoReleaseTime", code="InvalidAutoReleaseTime.Malformed"
            ) from None
    context.store.instances.put(replace(instance, release_at=at))
    return DONE


@action(Product.ECS, ModifyInstanceMetadataOptions)
def modify_instance_metadata_options(context: Context, ask: ModifyInstanceMetadataOptions) -> Body:
    """What is not given stays; it counts at the guest's next question."""
    instance = need_instance(context, ask.InstanceId)
    context.store.instances.put(
        replace(
            instance,
            http_endpoint=ask.HttpEndpoint or instance.http_endpoint,
            http_tokens=ask.HttpTokens or instance.http_tokens,
            hop_limit=ask.HttpPutResponseHopLimit or instance.hop_limit,
        )
    )
    return DONE


@action(Product.ECS, GetInstanceConsoleOutput, on="instance/*")
def get_instance_console_output(context: Context, ask: GetInstanceConsoleOutput) -> Body:
    """Base64 of the last 64 KiB."""
    instance = need_instance(context, ask.InstanceId)
    text = context.cloud.compute.console(instance.id)[-65536:]
    if ask.RemoveSymbols:
        text = bytes(b for b in text if b in b"\t\n" or 32 <= b != 127)  # noqa: PLR2004 - printable
    return {
        "InstanceId": instance.id,
        "ConsoleOutput": base64.b64encode(text).decode(),
        "LastUpdateTime": to_second(context.now),
    }


def _need_in(context: Context, key: str, *states: InstanceStatus) -> Instance:
    instance = need_instance(context, key)
    if instance.deleting or instance.status not in states:
        raise conflict("IncorrectInstanceStatus", _WRONG_STATE)
    return instance


def _put(context: Context, instance: Instance) -> None:
    context.store.instances.put(instance)
    context.later(Job("instance", instance.id))


def _stopping(
    context: Context,
    instance: Instance,
    force: bool,
    mode: str,
) -> Instance:
    return replace(
        instance,
        status=InstanceStatus.STOPPING,
        force_stop=force,
        stopped_mode=mode,
        stop_asked=context.now,
    )


def _groups(context: Context, ask: ModifyInstanceAttribute, instance: Instance) -> tuple[str, ...]:
    groups = tuple(dict.fromkeys(ask.SecurityGroupIds)) or instance.groups
    for key in groups:
        group = need(context.store.groups.get(key), "SecurityGroupId", key)
        if group.vpc != instance.vpc:
            raise ApiError(
                "InvalidParameter.Mismatch", "Security group and instance are not in the same VPC."
            )
    return groups
