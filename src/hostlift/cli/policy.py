# SPDX-License-Identifier: Apache-2.0
"""``hostlift policy``: what a RAM user must be allowed, for the chosen options."""

from __future__ import annotations

from typing import Annotated

import typer

from hostlift.cli.options import HERE, SYSTEM, Folder
from hostlift.cli.terminal import emit, say, session
from hostlift.service import jobs


def command(
    folder: Folder = HERE,
    *,
    trial: Annotated[
        bool | None, typer.Option(help="With or without a trial start of the image.")
    ] = None,
    vpc_id: Annotated[str | None, typer.Option(help="An existing VPC is used.")] = None,
    vswitch_id: Annotated[str | None, typer.Option(help="An existing vSwitch is used.")] = None,
    security_group_id: Annotated[
        str | None, typer.Option(help="An existing security group is used.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="List each permission under what needs it.")
    ] = False,
) -> None:
    """Print the smallest RAM policy for the wishes of the folder and of this line."""
    wishes = {
        "trial": trial,
        "vpc_id": vpc_id,
        "vswitch_id": vswitch_id,
        "security_group_id": security_group_id,
    }
    with session(folder, SYSTEM, quiet=True, wishes=wishes) as options:
        if explain:
            for why, names in jobs.policy_reasons(options).items():
                say(f"{why}:", *(f"    {name}" for name in names))
        else:
            emit(jobs.policy(options))
