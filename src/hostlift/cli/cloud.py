# SPDX-License-Identifier: Apache-2.0
"""``hostlift cloud``: the embedded cloud to rehearse on.

The cloud is imported by the commands that need it: every start of ``hostlift`` on a slow source
would pay seconds for it.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hostlift.cli.terminal import confirmed, emit, errors, say

app = typer.Typer(
    help="The embedded cloud: ECS, VPC and STS on this machine.", no_args_is_help=True
)


images = typer.Typer(help="Public images, built on this machine.", no_args_is_help=True)
app.add_typer(images, name="images")


def _default_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "hostlift" / "cloud"


Folder = Annotated[
    Path, typer.Option("--folder", default_factory=_default_folder, help="Where the cloud lives.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    folder: Folder,
    compute: Annotated[
        str, typer.Option(help="What instances are: qemu, process or paper.")
    ] = "qemu",
    port: Annotated[
        int, typer.Option(help="Port of the endpoint on loopback; 0 picks one.")
    ] = 18801,
    as_json: Json = False,
) -> None:
    """Start it; prints the endpoint and an AccessKey."""
    from hostlift.localcloud import daemon

    with errors():
        info = daemon.up(folder, compute, port)
    _show(asdict(info), as_json=as_json)


@app.command()
def down(folder: Folder) -> None:
    """Stop it; everything in it is kept."""
    from hostlift.localcloud import daemon

    with errors():
        daemon.down(folder)


@app.command()
def ls(folder: Folder, as_json: Json = False) -> None:
    """What exists in it."""
    from hostlift.localcloud import daemon

    with errors():
        listing = daemon.listing(folder)
    if as_json:
        emit(listing)
        return
    for kind, rows in listing.items():
        for row in rows:
            say("  ".join([f"{kind:15}", *(str(v) for v in row.values())]))


@app.command()
def export(
    folder: Folder,
    image: Annotated[str, typer.Argument(help="An image id (m-…).")],
    target: Annotated[Path, typer.Argument(help="A folder for one qcow2 file a disk.")],
) -> None:
    """Write the disks of an image as stand-alone qcow2 files."""
    from hostlift.localcloud import daemon

    with errors():
        written = daemon.export_image(folder, image, target)
    say(*(str(path) for path in written))


@images.command("build")
def images_build() -> None:
    """Build the public image into the cache folder, unless it is there."""
    from hostlift.localcloud.images import stock

    with errors():
        built = stock.build(lambda line: say(line, to_stderr=True))
    say(f"{built.name}: {built.disk}")


@app.command()
def coverage() -> None:
    """Print every action and parameter it understands, as Markdown."""
    from hostlift.localcloud.coverage import page

    say(page())


@app.command()
def reset(
    folder: Folder, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Wipe it: instances, disks, images, account."""
    from hostlift.localcloud import daemon

    if not (yes or confirmed("Wipe the embedded cloud?")):
        raise typer.Exit(4)
    with errors():
        daemon.reset(folder)


def _show(data: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        emit(data)
        return
    for key, value in data.items():
        say(f"{key:20} {value}")
