# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that the internet cannot reach, and that have no place in what the outside is told.

All blocks of the IANA special-purpose registries (RFC 6890) that are not globally reachable, by
https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry, and multicast, which
is no host's address. Python's own `is_global` differs between versions.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

# Kept for texts and laboratories: refused like the others, unless a setting says that this is one.
DOCUMENTATION = "for documentation"

_BLOCKS = {
    "0.0.0.0/8": "this network (RFC 791)",
    "10.0.0.0/8": "private (RFC 1918)",
    "100.64.0.0/10": "shared by carriers (RFC 6598)",
    "127.0.0.0/8": "loopback (RFC 1122)",
    "169.254.0.0/16": "link-local (RFC 3927)",
    "172.16.0.0/12": "private (RFC 1918)",
    "192.0.0.0/24": "for protocols (RFC 6890)",
    "192.0.2.0/24": f"{DOCUMENTATION} (RFC 5737)",
    "192.88.99.0/24": "for 6to4 relays, given up (RFC 7526)",
    "192.168.0.0/16": "private (RFC 1918)",
    "198.18.0.0/15": "for benchmarks (RFC 2544)",
    "198.51.100.0/24": f"{DOCUMENTATION} (RFC 5737)",
    "203.0.113.0/24": f"{DOCUMENTATION} (RFC 5737)",
    "224.0.0.0/4": "multicast (RFC 5771)",
    "240.0.0.0/4": "reserved (RFC 1112)",
    "::/128": "unspecified (RFC 4291)",
    "::1/128": "loopback (RFC 4291)",
    "::ffff:0:0/96": "an IPv4 address in IPv6 (RFC 4291)",
    "64:ff9b:1::/48": "for local translation (RFC 8215)",
    "100::/64": "discarded (RFC 6666)",
    "100:0:0:1::/64": "a dummy (RFC 9780)",
    "2001::/23": "for protocols (RFC 2928)",
    "2001:db8::/32": f"{DOCUMENTATION} (RFC 3849)",
    "2002::/16": "6to4 (RFC 3056)",
    "3fff::/20": f"{DOCUMENTATION} (RFC 9637)",
    "5f00::/16": "for segment routing (RFC 9602)",
    "fc00::/7": "private (RFC 4193)",
    "fe80::/10": "link-local (RFC 4291)",
    "fec0::/10": "site-local, given up (RFC 3879)",
    "ff00::/8": "multicast (RFC 4291)",
}
# Parts of blocks above that are reachable all the same.
_REACHABLE = (
    "192.0.0.9/32",
    "192.0.0.10/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:20::/28",
    "2001:30::/28",
)

_SPECIAL = [(ip_network(block), what) for block, what in _BLOCKS.items()]
_EXCEPTIONS = [ip_network(block) for block in _REACHABLE]


@lru_cache(maxsize=65536)
def special(address: str) -> str:
    """Return what an address (IPv4 or IPv6) is reserved for, "" if it is an address of the internet."""
    parsed = ip_address(address)
    for block, what in _SPECIAL:
        if parsed in block:
            return "" if any(parsed in exception for exception in _EXCEPTIONS) else what
    return ""


def unreachable(address: str, *, documentation: bool) -> str:
    """Return why the outside must not be told an address, "" if it may; `documentation` allows those of examples."""
    what = special(address)
    return "" if documentation and what.startswith(DOCUMENTATION) else what


def special_network(network: IPv4Network | IPv6Network, *, documentation: bool) -> str:
    """The same for a whole network: why its reverse zone has no place outside."""
    return unreachable(str(network.network_address), documentation=documentation)
