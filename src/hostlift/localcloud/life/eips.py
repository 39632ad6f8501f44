# SPDX-License-Identifier: Apache-2.0
"""Elastic addresses: Associating → InUse, Unassociating → Available."""

from __future__ import annotations

from dataclasses import replace

from hostlift.localcloud.life import networks
from hostlift.localcloud.life.pace import held
from hostlift.localcloud.state.records import Eip, EipStatus
from hostlift.localcloud.world import World


def advance(cloud: World, key: str) -> float | None:
    """Give an address to its instance, or take it back."""
    eip = cloud.store.eips.get(key)
    if eip is None:
        return None
    if wait := held(cloud, eip):
        return wait
    match eip.status:
        case EipStatus.ASSOCIATING:
            _give(cloud, eip)
        case EipStatus.UNASSOCIATING:
            _take(cloud, eip)
        case EipStatus.AVAILABLE | EipStatus.IN_USE:
            pass
    return None


def let_go(cloud: World, instance: str) -> None:
    """Free the address of an instance that is released, inside its change."""
    for eip in cloud.store.eips.all():
        if eip.instance == instance:
            cloud.store.eips.put(replace(eip, instance="", status=EipStatus.AVAILABLE))


def _give(cloud: World, eip: Eip) -> None:
    with cloud.store.change():
        instance = cloud.store.instances.get(eip.instance)
        if instance is None or instance.deleting:
            let_go(cloud, eip.instance)
            return
        cloud.store.instances.put(
            replace(instance, public_ip=eip.address, elastic=True, bandwidth_out=eip.bandwidth)
        )
    networks.plug_again(cloud, eip.instance)
    with cloud.store.change():
        now = cloud.store.eips.get(eip.id)
        if now is not None and now.status is EipStatus.ASSOCIATING:
            cloud.store.eips.put(replace(now, status=EipStatus.IN_USE))


def _take(cloud: World, eip: Eip) -> None:
    with cloud.store.change():
        instance = cloud.store.instances.get(eip.instance)
        if instance is not None and instance.elastic:
            cloud.store.instances.put(
                replace(instance, public_ip="", elastic=False, bandwidth_out=0)
            )
    networks.plug_again(cloud, eip.instance)
    with cloud.store.change():
        now = cloud.store.eips.get(eip.id)
        if now is not None:
            cloud.store.eips.put(replace(now, instance="", status=EipStatus.AVAILABLE))
