# SPDX-License-Identifier: Apache-2.0
"""Security groups and public addresses as an nftables rule set. Pure: text out of values.

Promises: what no admission names is dropped; replies to what a guest began always pass; a source
on the internet is judged by its own address.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from string import Template

from hostlift.errors import HostError
from hostlift.localcloud.compute.base import Admission, Nic

_WITH_PORTS = frozenset({"tcp", "udp"})
_WITHOUT_PORTS = frozenset({"icmp", "gre"})
_LAST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Port:
    """An instance's place in its private network and what may reach it."""

    nic: Nic
    admissions: tuple[Admission, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The API as guests without a public address reach it: through the uplink, under another name.

    Attributes:
        address: At which guests ask.
        target: Where it really is, on the internet.
        transit: Of this private network on its way there; no other has it.
    """

    address: str
    target: str
    port: int
    transit: str


def device_of(nic: Nic) -> str:
    """Name of the interface behind a network card; names have 15 letters at most."""
    return "p" + nic.mac.replace(":", "").lower()


def render(ports: Iterable[Port], service: Service | None = None) -> str:
    """The whole rule set of one private network, for ``nft -f``.

    Args:
        ports: Its instances.
        service: The API, if guests shall reach it.

    Raises:
        HostError: An admission names a protocol or source that cannot be expressed.
    """
    all_ports = sorted(ports, key=lambda p: ipaddress.ip_address(p.nic.private_ip))
    public = [(p.nic.public_ip, p.nic.private_ip) for p in all_ports if p.nic.public_ip]
    template = resources.files("hostlift.localcloud.fabric").joinpath("vpc.nft").read_text()
    return Template(template).substitute(
        arrivals=_elements(f"{out} : {private}" for out, private in public),
        departures=_elements(f"{private} : {out}" for out, private in public),
        inbound=_elements(f"{p.nic.private_ip} : jump {_chain(p.nic)}" for p in all_ports),
        groups="\n".join(_group(p) for p in all_ports),
        **_service(service),
        owners=_elements(
            f'"{device_of(p.nic)}" . {p.nic.mac} . {p.nic.private_ip}' for p in all_ports
        ),
        stations=_elements(f'"{device_of(p.nic)}" . {p.nic.mac}' for p in all_ports),
    )


def _service(service: Service | None) -> dict[str, str]:
    if service is None:
        return {"service_in": "", "service_out": "", "service_through": ""}
    asked = f"ip daddr {service.address}"
    return {
        "service_in": f'iifname != "uplink" {asked} tcp dport {service.port} dnat to {service.target}',
        "service_out": f'oifname "uplink" ct original {asked} snat to {service.transit}',
        "service_through": f'oifname "uplink" ct original {asked} accept',
    }


def _group(port: Port) -> str:
    rules = "".join(f"\t\t{line}\n" for a in port.admissions for line in _admit(a))
    return f"\tchain {_chain(port.nic)} {{\n{rules}\t\tdrop\n\t}}"


def _admit(admission: Admission) -> list[str]:
    try:
        source = ipaddress.IPv4Network(admission.source, strict=False)
    except ValueError as error:
        raise HostError(
            f"not an IPv4 network: {error}", subject=f"security group rule {admission}"
        ) from error
    origin = f"ip saddr {source} "
    if admission.protocol == "all":
        return [f"{origin}accept"]
    if admission.protocol in _WITHOUT_PORTS:
        return [f"{origin}ip protocol {admission.protocol} accept"]
    if admission.protocol in _WITH_PORTS:
        return [f"{origin}{admission.protocol} dport {_span(admission)} accept"]
    raise HostError("unknown protocol", subject=f"security group rule {admission}")


def _span(admission: Admission) -> str:
    low, high = admission.low, admission.high
    if low < 0:  # -1/-1 is how Alibaba writes "every port"
        return f"0-{_LAST_PORT}"
    return f"{low}-{min(high, _LAST_PORT)}" if high > low else str(low)


def _chain(nic: Nic) -> str:
    return "to_" + nic.private_ip.replace(".", "_")


def _elements(items: Iterable[str]) -> str:
    """An ``elements`` line; nothing at all for an empty set, which nft does not let one write."""
    listed = ", ".join(items)
    return f"elements = {{ {listed} }}" if listed else ""
