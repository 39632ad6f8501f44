# SPDX-License-Identifier: Apache-2.0
"""user_config.json: the wishes of the user, validated once, then frozen.

The file's keys are those of the original tool, plus optional ones of ours. Each key is declared
once, here; its description is the rule that error messages and the reference page print.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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
    ValidationError,
    ValidationInfo,
)

from hostlift.settings import rules, source
from hostlift.settings.problems import Problem, from_pydantic, refuse

FILE_NAME = "user_config.json"
_STRICT = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
_GROUP_OR_WORLD = 0o077
CHANGEABLE = frozenset(
    {"bandwidth_limit", "bandwidth_window", "bandwidth_limit_outside", "streams", "compress_level"}
    | {"source_cpu_limit", "source_priority", "freeze_limit", "sync_keep_hours", "keep_rehearsals"}
    | {"heat_map", "block_trace", "hold_hours", "proxy", "proxy_data", "max_cost"}
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
    net_mode: Literal[0, 2] = Field(
        default=0,
        description="0 (everything over public addresses) or 2 (data goes over the VPC, which the"
        " source reaches by VPN or Express Connect)",
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


def load(
    folder: Path,
    *,
    overrides: Mapping[str, object],
    environ: Mapping[str, str],
    complete: bool = True,
) -> Settings:
    """Read the folder's file; options of the command line win, the environment fills gaps.

    Args:
        overrides: Values by key as given on the command line; None means not given. Numbers may
            be strings, ``data_disks`` may be ``index|size|path;index|size|path``.
        environ: Where ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET are looked up.
        complete: Demand the file, region_id and image_name (checks alone can do without).

    Raises:
        ConfigError: With every problem listed; no value of a secret is ever part of it.
    """
    file = folder / FILE_NAME
    given = {k: v for k, v in overrides.items() if v is not None}
    values, problems = source.read(file, needed=complete and not _sufficient(given))
    changed, more = source.coerce(given, _integers())
    values |= changed
    problems += more
    problems += source.fill_credentials(values, environ)
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        problems += from_pydantic(error, Settings)
        # Not chained: pydantic's error holds the input, and with it the secret key.
        raise refuse(_unique(problems), str(file)) from None
    problems += _missing(settings) if complete else []
    problems += _conflicts(settings)
    if problems:
        raise refuse(_unique(problems), str(file))
    return settings


def file_warnings(folder: Path) -> tuple[str, ...]:
    """What is unsafe, though it works: a file with secrets that others can read."""
    file = folder / FILE_NAME
    try:
        mode = file.stat().st_mode
        values, _ = source.read(file, needed=False)
    except OSError:
        return ()
    if not mode & _GROUP_OR_WORLD or not values.get("secret_key"):
        return ()
    text = (
        f"{file} holds the AccessKey secret and others can read it (mode {mode & 0o777:03o});"
        f" run: chmod 600 {file}"
    )
    return (text,)


def _integers() -> frozenset[str]:
    return frozenset(n for n, f in Settings.model_fields.items() if f.annotation is int)


def _sufficient(given: Mapping[str, object]) -> bool:
    return bool(given.get("region_id") and given.get("image_name"))


def _missing(settings: Settings) -> list[Problem]:
    keys = ("region_id", "image_name")
    return [
        Problem(key, f"is empty; it must be {Settings.model_fields[key].description}")
        for key in keys
        if not getattr(settings, key)
    ]


def _conflicts(settings: Settings) -> list[Problem]:
    problems: list[Problem] = []
    for key, name in (("data_disk_index", "index"), ("src_path", "path")):
        seen: dict[object, int] = {}
        for i, disk in enumerate(settings.data_disks):
            value = getattr(disk, key)
            if value in seen:
                text = (
                    f"{value!r} is also the {name} of data_disks[{seen[value]}]; each must differ"
                )
                problems.append(Problem(f"data_disks[{i}].{key}", text))
            seen.setdefault(value, i)
    if settings.over_vpc:
        problems += [
            Problem(key, f"is empty; {_why_private(settings)} needs a network the source can reach")
            for key in ("vpc_id", "vswitch_id")
            if not getattr(settings, key)
        ]
    for key in ("vswitch_id", "security_group_id"):
        if getattr(settings, key) and not settings.vpc_id:
            text = "is given without vpc_id; name the VPC it belongs to, or leave it empty"
            problems.append(Problem(key, text))
    return problems


def _why_private(settings: Settings) -> str:
    return f"net_mode {settings.net_mode}" if settings.net_mode else 'public_address "none"'


def _unique(problems: list[Problem]) -> list[Problem]:
    return list({p.key + "\0" + p.text: p for p in problems}.values())
