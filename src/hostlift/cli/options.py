# SPDX-License-Identifier: Apache-2.0
"""Options that several verbs share, and settings that the command line may override."""

from __future__ import annotations

import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

Folder = Annotated[
    Path, typer.Option("--folder", help="State folder: user_config.json, client_data, Excludes.")
]
Root = Annotated[
    Path, typer.Option("--root", help="Where the source's root is mounted; / is this system.")
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Erase = Annotated[
    str,
    typer.Option(
        "--erase", metavar="INSTANCE", help="Agree that target_instance_id loses its system disk."
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show passed checks too.")]
HERE = Path()
SYSTEM = Path("/")

Wishes = Mapping[str, object]
"""Settings given on the command line, by key; None means not given."""

_NUMBER = int | None
_FLAGS: dict[str, Any] = {
    "bandwidth_limit": Annotated[
        _NUMBER, typer.Option("--bandwidth-limit", help="KB/s; 0: no limit.")
    ],
    "bandwidth_window": Annotated[
        str | None, typer.Option("--window", help="Send only then: 22:00-06:00, local time.")
    ],
    "streams": Annotated[_NUMBER, typer.Option("--streams", help="Parallel transfers, 1 to 16.")],
    "compress_level": Annotated[_NUMBER, typer.Option("--compress-level", help="0 (none) to 19.")],
    "source_cpu_limit": Annotated[
        _NUMBER,
        typer.Option("--source-cpu-limit", help="Percent of one processor; 0: no limit."),
    ],
    "max_cost": Annotated[
        float | None,
        typer.Option("--max-cost", help="Pause when it has cost so much; 0: no ceiling."),
    ],
    "block_trace": Annotated[
        bool | None,
        typer.Option("--block-trace", help="Read only the written parts of large files again."),
    ],
    "heat_map": Annotated[
        bool | None, typer.Option("--heat-map", help="Name what never goes quiet during a pass.")
    ],
}
TRIAL: dict[str, Any] = {
    "trial": Annotated[
        bool | None,
        typer.Option("--trial/--no-trial", help="Boot an instance of the image as its proof."),
    ],
    "keep_trial": Annotated[
        bool | None, typer.Option("--keep", help="Leave that instance running; it is billed.")
    ],
}
CUTOVER: dict[str, Any] = {
    "hold_hours": Annotated[
        _NUMBER,
        typer.Option(
            "--hold", metavar="HOURS", help="Writers stay frozen so long, or until 'thaw'."
        ),
    ],
    "keep_rehearsals": Annotated[
        bool | None, typer.Option("--keep-rehearsals", help="Keep the images of rehearsals.")
    ],
}


def with_wishes(
    more: Mapping[str, Any] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags that override settings; it takes them as ``wishes``.

    Args:
        more: Flags beside those that every command has: `TRIAL`, `CUTOVER`.
    """
    flags = {**_FLAGS, **(more or {})}

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def called(**given: Any) -> None:
            command(wishes={name: given.pop(name) for name in flags}, **given)

        hints = typing.get_type_hints(command, include_extras=True)
        own = [p for p in inspect.signature(command).parameters.values() if p.name != "wishes"]
        own = [p.replace(annotation=hints[p.name]) for p in own]
        more = [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None,
                annotation=kind,
            )
            for name, kind in flags.items()
        ]
        called.__annotations__ = {p.name: p.annotation for p in (*own, *more)}
        called.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]
        return called

    return decorate
