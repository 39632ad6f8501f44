# SPDX-License-Identifier: Apache-2.0
"""What the user's wishes ask of a cloud, hence which permissions they need."""

from __future__ import annotations

from hostlift.ports.market import Feature
from hostlift.settings.user_config import Settings


def features(settings: Settings) -> frozenset[Feature]:
    """Everything that a migration with these settings may do."""
    wanted = {
        Feature.CORE: True,
        Feature.FORESIGHT: True,
        Feature.OWN_VPC: not settings.vpc_id,
        Feature.OWN_VSWITCH: not settings.vswitch_id,
        Feature.OWN_GROUP: not settings.security_group_id,
        Feature.TRIAL: settings.trial,
        Feature.EIP: settings.address_kind == "elastic",
        Feature.SHARE: bool(settings.share_with),
        Feature.COPY: bool(settings.copy_to),
        Feature.TARGET: bool(settings.target_instance_id),
    }
    return frozenset(feature for feature, needed in wanted.items() if needed)
