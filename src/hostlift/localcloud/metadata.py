# SPDX-License-Identifier: Apache-2.0
"""What ``http://100.100.100.200`` tells a guest."""

from __future__ import annotations

import base64
import json

from hostlift.localcloud.addresses import gateway
from hostlift.localcloud.compute.base import Metadata
from hostlift.localcloud.life.sessions import open_session
from hostlift.localcloud.state.records import Instance
from hostlift.localcloud.wire.times import to_second
from hostlift.localcloud.world import World

_LASTS = 6 * 3600.0
_RENEW = 1800.0


def metadata_of(cloud: World, vpc: str, address: str) -> Metadata | None:
    """The answers for the instance at a private address; None when there is none, or it is shut."""
    for instance in cloud.store.instances.all():
        if instance.vpc == vpc and instance.private_ip == address:
            if instance.http_endpoint != "enabled":
                return None
            data = base64.b64decode(instance.user_data)
            return Metadata(
                items=_items(cloud, instance),
                user_data=data,
                token_required=instance.http_tokens == "required",
                hop_limit=instance.hop_limit,
            )
    return None


def _items(cloud: World, instance: Instance) -> dict[str, str]:
    vswitch = cloud.store.vswitches.get(instance.vswitch)
    vpc = cloud.store.vpcs.get(instance.vpc)
    subnet = vswitch.cidr if vswitch else ""
    nic = f"network/interfaces/macs/{instance.mac}"
    items = {
        "instance-id": instance.id,
        "region-id": instance.region,
        "zone-id": instance.zone,
        "image-id": instance.image,
        "instance/instance-type": instance.type,
        "instance/instance-name": instance.name,
        "hostname": instance.hostname,
        "mac": instance.mac,
        "private-ipv4": instance.private_ip,
        "network-type": "vpc",
        "vpc-id": instance.vpc,
        "vpc-cidr-block": vpc.cidr if vpc else "",
        "vswitch-id": instance.vswitch,
        "vswitch-cidr-block": subnet,
        "serial-number": instance.serial,
        "owner-account-id": instance.account,
        "dns-conf/nameservers": "100.100.2.136\n100.100.2.138",
        "kms-server": "kms.cloud.aliyuncs.com",
        "ntp-conf/ntp-servers": "ntp1.cloud.aliyuncs.com",
        f"{nic}/network-interface-id": instance.eni,
        f"{nic}/primary-ip-address": instance.private_ip,
        f"{nic}/private-ipv4s": json.dumps([instance.private_ip]),
        f"{nic}/vpc-id": instance.vpc,
        f"{nic}/vswitch-id": instance.vswitch,
        f"{nic}/vswitch-cidr-block": subnet,
        f"{nic}/gateway": gateway(subnet) if subnet else "",
    }
    if instance.public_ip:
        items["eipv4"] = instance.public_ip
        items["public-ipv4"] = instance.public_ip
    if instance.ram_role:
        items[f"ram/security-credentials/{instance.ram_role}"] = _credentials(cloud, instance)
    return items


def _credentials(cloud: World, instance: Instance) -> str:
    """Temporary keys of the instance's role, renewed half an hour before they expire."""
    account = cloud.accounts.get(instance.account)
    role = account.role(instance.ram_role) if account else None
    if account is None or role is None:
        return json.dumps({"Code": "NotFound"})
    now = cloud.clock.now()
    known = [
        s
        for s in cloud.store.sessions.all()
        if (s.account, s.role, s.session) == (account.id, role.name, instance.id)
        and s.expires > now + _RENEW
    ]
    key = (
        known[-1]
        if known
        else open_session(cloud, account, role, session=instance.id, seconds=_LASTS)
    )
    return json.dumps(
        {
            "AccessKeyId": key.id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.token,
            "Expiration": to_second(key.expires),
            "LastUpdated": to_second(key.expires - _LASTS),
            "Code": "Success",
        }
    )
