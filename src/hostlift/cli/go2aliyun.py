# SPDX-License-Identifier: Apache-2.0
"""``go2aliyun_client``: the original tool's program and flags, over ``hostlift migrate``.

Flags and their meaning are those of its CLI parameters page (2019), with both spellings of the
access id; a flag given beats the file. Scripts written for it run unchanged.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from hostlift import __version__
from hostlift.cli import texts
from hostlift.cli.cleanup import cleared_lines
from hostlift.cli.terminal import asker, say, session
from hostlift.errors import HostliftError
from hostlift.events import Event, EventSink, Progress, StepFinished, StepStarted
from hostlift.service import cleaning, jobs
from hostlift.service.report import Report
from hostlift.service.wiring import Options

_STAGES = {
    "inspect": "PrepareForRsync",
    "plan": "PrepareForRsync",
    "provision": "PrepareForRsync",
    "replicate": "DoRsync",
    "adapt": "DoRsync",
    "capture": "CreateImage",
    "verify": "CreateImage",
    "deliver": "CreateImage",
    "clean_up": "CreateImage",
}
_OVERRIDES = {
    "accessid": "access_id",
    "secretkey": "secret_key",
    "regionid": "region_id",
    "imagename": "image_name",
    "systemdisksize": "system_disk_size",
    "platform": "platform",
    "architecture": "architecture",
    "bandwidthlimit": "bandwidth_limit",
    "datadisks": "data_disks",
    "netmode": "net_mode",
    "vpcid": "vpc_id",
    "vswitchid": "vswitch_id",
    "zoneid": "zone_id",
    "securegroupid": "security_group_id",
}


def main() -> None:
    """Entry point."""
    given = _parser().parse_args()
    try:
        _run(given)
    except typer.Exit as ended:
        if not given.cleardata:
            say(texts.NOT_FINISHED)
        _enter_key(given)
        sys.exit(ended.exit_code)
    except KeyboardInterrupt:
        say(texts.NOT_FINISHED)
        sys.exit(130)
    _enter_key(given)


def _run(given: argparse.Namespace) -> None:
    overrides = {key: getattr(given, flag) for flag, key in _OVERRIDES.items()}
    with (
        session(given.folder, given.root, verbose=given.verbose, wishes=overrides) as options,
        _progress_file(given.progressfile) as report_stage,
    ):
        watched = _also(options, report_stage)
        if given.cleardata:
            say(*cleared_lines(cleaning.clear(watched)), "client_data cleared")
            return
        report = jobs.migrate(watched, asker(yes=True))
        if isinstance(report, Report):
            report_stage(StepStarted("finished", ""))
    say(*texts.ending_lines(report))


def _also(options: Options, second: EventSink) -> Options:
    first = options.sink

    def both(event: Event) -> None:
        first(event)
        second(event)

    return Options(
        folder=options.folder,
        sink=both,
        root=options.root,
        overrides=options.overrides,
        environ=options.environ,
        stop=options.stop,
    )


@contextlib.contextmanager
def _progress_file(path: Path | None) -> Iterator[EventSink]:
    """The file of two lines: stage, and percent of that stage."""
    stage = "PrepareForRsync"

    def write(event: Event) -> None:
        nonlocal stage
        percent = 0
        match event:
            case StepStarted("finished"):
                stage, percent = "Finished", 100
            case StepStarted(step):
                stage = _STAGES.get(step, stage)
            case StepFinished(step):
                stage, percent = _STAGES.get(step, stage), 100
            case Progress(done=done, total=total) if total:
                percent = min(100, done * 100 // total)
            case _:
                return
        if path is not None:
            _put(path, f"{stage}\n{percent}\n")

    yield write


def _put(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise _ProgressFileError(
            f"cannot be written: {error.strerror}", subject=f"--progressfile={path}"
        ) from error


class _ProgressFileError(HostliftError):
    code = "config"
    exit_status = 2
    default_hint = "Name a file in a folder that exists and can be written."


def _enter_key(given: argparse.Namespace) -> None:
    if not given.noenterkey and sys.stdin.isatty():
        with contextlib.suppress(EOFError):
            input("Enter any key to exit...")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="go2aliyun_client",
        description="Migrate this server to Alibaba Cloud. See 'hostlift' for all verbs.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--version", action="version", version=__version__)
    add("--verbose", action="store_true", help="show passed checks and transfer details")
    add("--nocheckversion", action="store_true", help="accepted; hostlift never asks for a version")
    add("--noenterkey", action="store_true", help="exit without waiting for a key")
    add("--progressfile", type=Path, help="file of two lines: stage and percent")
    add("--cleardata", action="store_true", help="release what was created and reset client_data")
    add("--accesssid", "--accessid", dest="accessid", help="AccessKey id")
    add("--secretkey", help="AccessKey secret (visible in process lists: prefer the file)")
    add("--regionid")
    add("--imagename")
    add("--systemdisksize", help="GiB")
    add("--platform")
    add("--architecture")
    add("--bandwidthlimit", help="KB/s, 0 is unlimited")
    add("--datadisks", "--data_disks", help="index|size|path;index|size|path")
    add("--netmode", type=int, help="0 public, 2 over the VPC")
    add("--vpcid")
    add("--vswitchid")
    add("--zoneid")
    add("--securegroupid")
    add("--folder", type=Path, default=Path(), help="the state folder")
    add("--root", type=Path, default=Path("/"), help="the source's root")
    return parser
