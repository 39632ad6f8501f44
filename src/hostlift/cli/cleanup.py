# SPDX-License-Identifier: Apache-2.0
"""``hostlift cleanup`` and ``hostlift data clear``: giving back what costs money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from hostlift.cli.options import HERE, SYSTEM, Folder, Json, Yes
from hostlift.cli.terminal import confirmed, emit, say, session
from hostlift.errors import ConfigError, WaitingForUser
from hostlift.service import cleaning
from hostlift.service.cleaning import Cleared, Offer

DeleteImage = Annotated[
    bool, typer.Option("--delete-image", help="The finished image and its snapshots too.")
]


def cleanup(
    folder: Folder = HERE,
    *,
    migration: Annotated[str, typer.Option(help="Its id, as client_data and the tags say.")] = "",
    all_orphans: Annotated[
        bool, typer.Option("--all-orphans", help="Whatever belongs to no living migration.")
    ] = False,
    region: Annotated[str | None, typer.Option(help="Instead of region_id.")] = None,
    delete_image: DeleteImage = False,
    force: Annotated[
        bool, typer.Option("--force", help="Also a migration that may be alive.")
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Delete what migrations left in the region; found by tag, with or without client_data."""
    with session(folder, SYSTEM, quiet=as_json, wishes={"region_id": region}) as options:
        if bool(migration) == all_orphans:
            raise ConfigError("give one of the two", subject="--migration, --all-orphans")
        done = cleaning.clean(
            options,
            _asker(yes=yes),
            migration=migration,
            delete_image=delete_image,
            force=force,
        )
    _tell(done, as_json=as_json)


def clear(
    folder: Folder = HERE,
    *,
    delete_image: DeleteImage = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Release everything that was created and forget this migration; a finished image stays."""
    question = "Release everything this migration created"
    with session(folder, SYSTEM, quiet=as_json) as options:
        if not (yes or confirmed(f"{question}{', its image too' if delete_image else ''}?")):
            raise WaitingForUser("nothing was released")
        done = cleaning.clear(options, delete_image=delete_image)
    _tell(done, as_json=as_json)


def cleared_lines(done: Cleared) -> Iterator[str]:
    """What is gone and what stays."""
    yield from (f"released {name}" for name in done.released)
    yield from (f"kept     {name}" for name in done.kept)
    if done.kept:
        yield (
            f"The snapshots under a kept image are billed: at most {done.monthly:.2f}"
            f" {done.currency} a month, an estimate."
        )
    if done.kept and done.migration:
        yield f"'hostlift cleanup --migration {done.migration} --delete-image' deletes them."


def _tell(done: Cleared, *, as_json: bool) -> None:
    if as_json:
        emit(asdict(done))
        return
    say(*cleared_lines(done), "nothing was left" if not done.released else "cleared")


def _asker(*, yes: bool) -> Callable[[Offer], bool]:
    def ask(offer: Offer) -> bool:
        say(*offer_lines(offer), to_stderr=True)
        return yes or not offer.doomed or confirmed(f"Delete these {len(offer.doomed)}?")

    return ask


def offer_lines(offer: Offer) -> Iterator[str]:
    """What would go, what would stay, and what is left alone, migration by migration."""
    for estate in offer.estates:
        yield f"migration {estate.migration or '(no id)'}"
        for one in estate.belongings:
            verb = "keep" if one in offer.kept else "delete"
            size = f"  {one.gib} GiB" if one.gib else ""
            yield f"  {verb:7} {one.resource.kind.value:15} {one.resource.id}  {one.name}{size}"
        if estate.snapshot_gib:
            monthly = estate.snapshot_gib * offer.tariff.snapshot_gib
            yield (
                f"  its snapshots of {estate.snapshot_gib} GiB cost at most {monthly:.2f}"
                f" {offer.tariff.currency} a month (estimate, {offer.tariff.source})"
            )
    for estate in offer.spared:
        yield f"migration {estate.migration} is left alone: {estate.alive}"
