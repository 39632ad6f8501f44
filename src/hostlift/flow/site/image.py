# SPDX-License-Identifier: Apache-2.0
"""What an image of a plan's system is, whatever disks it has."""

from __future__ import annotations

from hostlift.flow.context import Context
from hostlift.model.plan import MigrationPlan
from hostlift.ports.images import ImageDisk, ImageSpec


def image_spec(
    ctx: Context, plan: MigrationPlan, *, name: str, disks: tuple[ImageDisk, ...]
) -> ImageSpec:
    """The order for an image."""
    return ImageSpec(
        name=name,
        description=f"{plan.hostname}, migrated by hostlift ({ctx.migration})",
        platform=plan.platform,
        architecture=plan.architecture,
        firmware=plan.firmware.value,
        disks=disks,
        tags=ctx.ledger.tags,
    )
