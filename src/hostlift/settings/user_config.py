# SPDX-License-Identifier: Apache-2.0
"""user_config.json: the wishes of the user, validated once, then frozen.

The file's keys are those of the original tool, plus optional ones of ours. Each key is declared
once, here; its description is the rule that error messages and the reference page print.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationInfo,
)

from hostlift.settings import rules

FILE_NAME = "user_config.json"
_STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
CHANGEABLE = frozenset(
    {"bandwidth_limit", "bandwidth_window", "bandwidth_limit_outside", "streams", "compress_level"}
    | {"source_cpu_limit", "source_priority", "freeze_limit", "sync_keep_hours", "keep_rehearsals"}
    | {"carry_hours"}
    | {"heat_map", "block_trace", "hold_hours", "proxy", "proxy_data", "vpc_endpoints", "max_cost"}
    | {"keep_trial", "share_with", "copy_to"}
)
"""Keys that may change at any time: how it is done, not what; no plan is asked about again."""


def _system_size(value: int) -> int:
    return rules.disk_size(value, 20, 2048)


def _data_size(value: int) -> int:
    return rules.disk_size(value, 20, 32768)


def _platform(value: str) -> str:
    return rules.one_of(value, rules.PLATFORMS)


def _architecture(value: str) -> str:
    return rules.one_of(value, rules.ARCHITECTURES)


def _proxy(value: SecretStr) -> SecretStr:
    rules.proxy(value.get_secret_value())
    return value


def _proxy_data(value: bool, info: ValidationInfo) -> bool:
    # A proxy that is wrong itself is missing here, and told already.
    given = info.data.get("proxy")
    if value and isinstance(given, SecretStr):
        rules.tunnel(given.get_secret_value())
    return value


def _listed(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


class DataDisk(BaseModel):
    """A directory of the source that becomes a disk of its own."""

    model_config = _STRICT

    data_disk_index: StrictInt = Field(
        ge=1, le=16, description="a whole number from 1 to 16 that no other data disk has"
    )
    data_disk_size: Annotated[StrictInt, AfterValidator(_data_size)] = Field(
        default=-1,
        description="a whole number of GiB from 20 to 32768, more than is used; -1: hostlift chooses",
    )
    src_path: Annotated[StrictStr, AfterValidator(rules.src_path)] = Field(
        description="an absolute directory such as /data, none of the system's own (/, /bin, /boot,"
        " /dev, /etc, /lib, /lib64, /proc, /root, /run, /sbin, /sys, /usr, /var)"
    )


class Settings(BaseModel):
    """Everything a user can wish for. Empty or absent means: hostlift decides."""

    model_config = _STRICT

    access_id: StrictStr = Field(
        default="", repr=False, description="the AccessKey ID, a string; empty: environment or role"
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        repr=False,
        description="the AccessKey secret, a string; empty: environment or role",
    )
    region_id: StrictStr = Field(
        default="", pattern=r"^[a-z0-9-]*$", description="a region such as cn-hangzhou"
    )
    image_name: Annotated[StrictStr, AfterValidator(rules.image_name)] = Field(
        default="",
        description="2 to 128 characters: first a Latin or Chinese letter, then letters, digits,"
        " '.', ':', '_', '-'; not http:// or https://",
    )
    system_disk_size: Annotated[StrictInt, AfterValidator(_system_size)] = Field(
        default=-1,
        description="a whole number of GiB from 20 to 2048, more than is used; -1: hostlift chooses",
    )
    platform: Annotated[StrictStr, AfterValidator(_platform)] = Field(
        default="", description=f"empty (detected) or exactly one of: {', '.join(rules.PLATFORMS)}"
    )
    architecture: Annotated[StrictStr, AfterValidator(_architecture)] = Field(
        default="", description=f"empty (detected) or one of: {', '.join(rules.ARCHITECTURES)}"
    )
    bandwidth_limit: StrictInt = Field(
        default=0, ge=0, le=100_000_000, description="a whole number of KB/s; 0: no limit"
    )
    bandwidth_window: Annotated[StrictStr, AfterValidator(rules.window)] = Field(
        default="",
        description="empty (always) or local times of the day at which data is sent, such as"
        " 22:00-06:00 or 12:00-13:00,22:00-06:00",
    )
    bandwidth_limit_outside: StrictInt = Field(
        default=0,
        ge=0,
        le=100_000_000,
        description="a whole number of KB/s outside of bandwidth_window; 0: nothing is sent then",
    )
    data_disks: Annotated[tuple[DataDisk, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=16,
        description="a list of at most 16 objects with data_disk_index, data_disk_size, src_path",
    )
    endpoint: Annotated[StrictStr, AfterValidator(rules.endpoint)] = Field(
        default="",
        description="empty (Alibaba's own) or http://host:port of an embedded cloud or proxy",
    )
    vpc_endpoints: StrictBool = Field(
        default=False,
        description="true (the API is called at the addresses it has inside the region's VPCs, such as"
        " ecs-vpc.cn-hangzhou.aliyuncs.com) or false (at its public ones)",
    )
    proxy: Annotated[SecretStr, AfterValidator(_proxy)] = Field(
        default=SecretStr(""),
        repr=False,
        description="empty (HTTPS_PROXY of the environment, or none) or host:port, or"
        " http://user:password@host:port, of an HTTP proxy on the way to the cloud's API",
    )
    proxy_data: Annotated[StrictBool, AfterValidator(_proxy_data)] = Field(
        default=False,
        description="true (tcp 8080 and 8703 to the intermediate instance go through proxy, by"
        " CONNECT, too) or false (they go there directly)",
    )
    net_mode: Literal[0, 1, 2] = Field(
        default=0,
        description="0 (everything over public addresses), 1 (the source reaches only the VPC: three"
        " stages, between which the folder is carried by hand) or 2 (data goes over the VPC, which"
        " the source reaches by VPN or Express Connect)",
    )
    public_address: Literal["auto", "own", "elastic", "none"] = Field(
        default="auto",
        description='"auto" (own in net_mode 0, else none), "own" (comes and goes with the'
        ' intermediate instance), "elastic" (an EIP) or "none" (private only)',
    )
    zone_id: StrictStr = Field(default="", description="a zone of the region; empty: chosen")
    instance_type: StrictStr = Field(
        default="", description="type of the intermediate instance; empty: a cheap one in stock"
    )
    vpc_id: StrictStr = Field(default="", description="an existing VPC (vpc-…); empty: a new one")
    vswitch_id: StrictStr = Field(
        default="", description="an existing vSwitch (vsw-…) of vpc_id; empty: a new one"
    )
    security_group_id: StrictStr = Field(
        default="",
        description="an existing security group (sg-…) of vpc_id that admits tcp 8080 and 8703;"
        " empty: a new one",
    )
    source_cidr: Annotated[StrictStr, AfterValidator(rules.cidr)] = Field(
        default="",
        description="an IPv4 network such as 198.51.100.7/32, admitted to ports 8080 and 8703;"
        " empty: found out",
    )
    streams: StrictInt = Field(
        default=2, ge=1, le=16, description="a whole number of parallel transfers from 1 to 16"
    )
    compress_level: StrictInt = Field(
        default=1, ge=0, le=19, description="a whole number from 0 (none) to 19"
    )
    source_cpu_limit: StrictInt = Field(
        default=0,
        ge=0,
        le=100_000,
        description="a whole number, percent of one processor that the passes may use while the"
        " source serves; 0: no limit",
    )
    source_priority: Literal["low", "normal"] = Field(
        default="low",
        description='"low" (the passes give way to the services of a live source) or "normal"',
    )
    boot_mode: Literal["", "bios", "uefi"] = Field(
        default="",
        description='"bios" or "uefi": how the migrated server starts; "": as the source does',
    )
    flatten_lvm: StrictBool = Field(
        default=False,
        description="true or false: make plain partitions of LVM's logical volumes; false: keep LVM"
        " with the same names",
    )
    luks: Literal["", "plain"] = Field(
        default="",
        description='"plain" (what is encrypted on the source is stored unencrypted on the target)'
        ' or "" (a source with encrypted devices is refused)',
    )
    freeze_limit: StrictInt = Field(
        default=30, ge=1, le=3600, description="a whole number of seconds from 1 to 3600"
    )
    hold_hours: StrictInt = Field(
        default=0,
        ge=0,
        le=168,
        description="a whole number of hours from 0 to 168 that the source's writers stay frozen after"
        " its cutover, or until 'hostlift thaw'; 0: they go on when the last pass is over",
    )
    trial: StrictBool = Field(
        default=True, description="true or false: start a trial instance from the image"
    )
    keep_trial: StrictBool = Field(
        default=False,
        description="true or false: the trial instance that booted stays, with its network; it is"
        " billed until you release it",
    )
    target_instance_id: StrictStr = Field(
        default="",
        pattern=r"^(i-[A-Za-z0-9]{1,60})?$",
        description="empty, or a stopped instance (i-…) of the region whose system disk is replaced"
        " by the migrated one at the end; what is on that disk is erased",
    )
    share_with: Annotated[tuple[StrictStr, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=50,
        description="a list of the numbers of other accounts that may use the image, such as"
        ' ["1234567890123456"]',
    )
    copy_to: Annotated[tuple[StrictStr, ...], BeforeValidator(_listed)] = Field(
        default=(),
        max_length=30,
        description='a list of other regions that get a copy of the image, such as ["eu-central-1"]',
    )
    hooks: Annotated[Literal["auto"] | tuple[StrictStr, ...], BeforeValidator(_listed)] = Field(
        default="auto", description='"auto" or a list of freeze hooks such as ["postgresql"]'
    )

    max_cost: StrictFloat = Field(
        default=0.0,
        ge=0,
        le=1e9,
        description="a number in the account's currency that the migration itself may cost; 0: any",
    )
    sync_keep_hours: StrictInt = Field(
        default=24,
        ge=1,
        le=720,
        description="a whole number of hours from 1 to 720 that the intermediate instance lives on"
        " after a sync or a rehearsal",
    )
    carry_hours: StrictInt = Field(
        default=72,
        ge=2,
        le=720,
        description="a whole number of hours from 2 to 720 that the intermediate instance lives on"
        " after the first stage of net_mode 1",
    )
    block_trace: StrictBool = Field(
        default=False,
        description="true or false: follow writes to the disks, so that of a large file that changed"
        " only the written parts are read again (ext4, xfs)",
    )
    heat_map: StrictBool = Field(
        default=False,
        description="true or false: name the files and processes that never go quiet during a pass",
    )
    keep_rehearsals: StrictBool = Field(
        default=False,
        description="true or false: keep the images of rehearsals when the migration is finished",
    )

    @property
    def over_vpc(self) -> bool:
        """Data goes to the intermediate instance's private address."""
        return self.net_mode != 0 or self.public_address == "none"

    @property
    def address_kind(self) -> Literal["own", "elastic", "none"]:
        """What public address the intermediate instance gets."""
        if self.public_address == "auto":
            return "own" if self.net_mode == 0 else "none"
        return self.public_address

    @property
    def has_credentials(self) -> bool:
        """True when an AccessKey pair is given; else the cloud's own chain finds one."""
        return bool(self.access_id and self.secret_key.get_secret_value())
