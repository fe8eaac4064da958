# SPDX-License-Identifier: GPL-3.0-or-later
"""Reverse zones: from addresses back to names."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_address

from .claims import Claim, Source
from .model import EXTERNAL, VIEWS
from .names import reverse
from .platform import Host, Network, Platform, ReverseNetwork


def reverse_zones(network: ReverseNetwork) -> Iterator[str]:
    """Yield the names of the zones that cover a network.

    Zones end at octets (IPv4) and digits (IPv6): a network between has several. A part of a /24 has one after
    RFC 2317, `0/26.2.0.192.in-addr.arpa.` where nothing else was given.
    """
    if network.zone:
        yield network.zone
    elif _is_part(network.prefix):
        first, _dot, rest = reverse(str(network.prefix.network_address)).partition(".")
        yield f"{first}/{network.prefix.prefixlen}.{rest}"
    else:
        yield from map(_zone_name, _even_parts(network.prefix))


def reverse_claims(platform: Platform) -> Iterator[Claim]:
    """Yield a PTR record for each address in the networks of the platform, to its host's first name.

    A host comes before a service that has the same address. Inside, outside addresses lead back too.
    """
    owners: dict[tuple[str, str], Host] = {}
    for host in platform.hosts:
        for view in VIEWS:
            for address in host.outside if view == EXTERNAL else (*host.inside, *host.outside):
                owners.setdefault((view, address), host)
    for (view, address), host in owners.items():
        if name := _pointer(platform, view, address):
            yield Claim(view, name, "PTR", (host.names[0],), Source(host.what, path=host.path))


def _pointer(platform: Platform, view: str, address: str) -> str:
    """The name of an address' PTR record, "" if no network of the platform has it."""
    parsed = ip_address(address)
    around = [item for item in platform.networks if view in item.views and parsed in item.prefix]
    if not around:
        return ""
    closest = max(around, key=lambda item: item.prefix.prefixlen)
    if _is_part(closest.prefix):
        return f"{reverse(address).partition('.')[0]}.{next(reverse_zones(closest))}"
    return reverse(address)


def _is_part(prefix: Network) -> bool:
    return isinstance(prefix, IPv4Network) and prefix.prefixlen > 24


def _even_parts(prefix: Network) -> Iterator[Network]:
    step = 8 if isinstance(prefix, IPv4Network) else 4
    yield from prefix.subnets(new_prefix=max(step, -(-prefix.prefixlen // step) * step))


def _zone_name(prefix: Network) -> str:
    step = 8 if isinstance(prefix, IPv4Network) else 4
    labels = reverse(str(prefix.network_address)).split(".")
    count = prefix.prefixlen // step
    # The host's labels come first; two labels (in-addr.arpa) and the last dot's empty one follow the network's.
    return ".".join(labels[len(labels) - 3 - count :])
