# SPDX-License-Identifier: Apache-2.0
"""What tells a rehearsal from the real end: names of its own for everything it makes.

A rehearsal is the story up to its proof, and then not the end: its image is an extra, and the
target becomes a plain copy again (`flow.reopening`).
"""

from __future__ import annotations

from hostlift.flow.journal import Held, Holding, State
from hostlift.model.plan import MigrationPlan
from hostlift.ports.cloud import Cloud, ResourceKind

_PREFIX = "rehearsal-"
_LONGEST_NAME = 128


def role(state: State, name: str) -> str:
    """The role in the ledger of what is made now."""
    return f"{_PREFIX}{state.rehearsal}-{name}" if state.rehearsal else name


def suffix(state: State) -> str:
    """What file names of a rehearsal end with; empty for the real end."""
    return f"-{_PREFIX}{state.rehearsal}" if state.rehearsal else ""


def image_name(state: State, plan: MigrationPlan) -> str:
    """Name of the image that is made now."""
    return shortened(plan, suffix(state))


def next_number(cloud: Cloud, state: State, plan: MigrationPlan) -> int:
    """Number of a new rehearsal: one whose image name nobody has taken yet."""
    number = state.rehearsals + 1
    while cloud.images.named(shortened(plan, f"-{_PREFIX}{number}")):
        number += 1
    return number


def shortened(plan: MigrationPlan, end: str) -> str:
    """The image's name with an ending, as long as a name may be."""
    return plan.image_name[: _LONGEST_NAME - len(end)] + end


def is_rehearsals(name: str) -> bool:
    """Whether a role is one of a rehearsal."""
    return name.startswith(_PREFIX)


def images(state: State) -> list[Held]:
    """The images of rehearsals that exist, oldest first; ``params`` names them and their snapshots."""
    return [
        held
        for held in state.live()
        if is_rehearsals(held.role)
        and held.kind is ResourceKind.IMAGE
        and held.life is Holding.HELD
    ]
