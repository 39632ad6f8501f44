# SPDX-License-Identifier: Apache-2.0
"""Moving a disk between instances: asked for until it is so, whatever was done before."""

from __future__ import annotations

from collections.abc import Callable

from hostlift.errors import CloudError, ResourceGone, Retry
from hostlift.flow.context import Context
from hostlift.ports.disks import Disk

_DEADLINE = 900.0


def attach(ctx: Context, disk: str, instance: str, *, system: bool = False) -> None:
    """Hang a loose disk on an instance, as its system disk when ``system``; there already is fine.

    Raises:
        ResourceGone: The disk or the instance is gone.
    """
    _move(
        ctx,
        disk,
        lambda: ctx.cloud.disks.attach(disk, instance, system=system),
        lambda seen: seen.instance == instance,
    )


def detach(ctx: Context, disk: str, instance: str) -> None:
    """Take a disk off an instance; off already is fine. Raises as `attach` does."""
    _move(
        ctx,
        disk,
        lambda: ctx.cloud.disks.detach(disk, instance),
        lambda seen: seen.instance != instance,
    )


def settled(ctx: Context, disk: str) -> Disk:
    """The disk, once it is neither being made nor on its way. Raises as `attach` does."""
    return ctx.waiter.until(
        lambda: seen if (seen := _look(ctx, disk)).settled else None,
        deadline=_DEADLINE,
        what=f"disk {disk}",
    )


def _move(
    ctx: Context, disk: str, ask: Callable[[], None], is_there: Callable[[Disk], bool]
) -> None:
    def probe() -> bool | None:
        seen = _look(ctx, disk)
        if not seen.settled:
            return None
        if is_there(seen):
            return True
        try:
            ask()
        except CloudError as error:
            if error.retry is not Retry.RETRY:
                raise
        return None

    ctx.waiter.until(probe, deadline=_DEADLINE, what=f"move of disk {disk}")


def _look(ctx: Context, disk: str) -> Disk:
    seen = ctx.cloud.disks.describe(disk)
    if seen is None:
        raise ResourceGone(f"{disk} is gone", api_code="Gone", action="move of a disk")
    return seen
