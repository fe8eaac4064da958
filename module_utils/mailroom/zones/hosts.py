# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of hosts and services: each side is told the addresses that it can reach, under one name."""

from __future__ import annotations

from collections.abc import Iterator

from .claims import Claim, Source
from .model import VIEWS
from .platform import Host, Platform


def host_claims(platform: Platform) -> Iterator[Claim]:
    """Yield addresses (A, AAAA) and further names (CNAME) of all hosts and services, for both views."""
    for host in platform.hosts:
        source = Source(host.what, path=host.path)
        for view in VIEWS:
            yield from _claims(host, view, source)


def _claims(host: Host, view: str, source: Source) -> Iterator[Claim]:
    addresses = host.addresses(view)
    by_kind = {
        "A": tuple(address for address in addresses if ":" not in address),
        "AAAA": tuple(address for address in addresses if ":" in address),
    }
    for name in host.names:
        for kind, values in by_kind.items():
            if values:
                yield Claim(view, name, kind, values, source)
    if addresses:
        for alias in host.aliases:
            yield Claim(view, alias, "CNAME", (host.names[0],), source)
