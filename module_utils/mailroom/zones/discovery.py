# SPDX-License-Identifier: GPL-3.0-or-later
"""How mail programs find their settings: SRV records (RFC 6186, 8314, 5804, 6764) and hosts that tell them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .names import absolute

PORTS = {
    "caldav": 80,
    "caldavs": 443,
    "carddav": 80,
    "carddavs": 443,
    "imap": 143,
    "imaps": 993,
    "pop3": 110,
    "pop3s": 995,
    "sieve": 4190,
    "submission": 587,
    "submissions": 465,
}
# RFC 2782: the service is decidedly not available at this domain.
ABSENT = "0 0 0 ."
_MOST = 65535


def service_records(services: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (label, value of SRV) for services as in the schema. Raises ValueError with a reason."""
    for name, given in services.items():
        if given is True:
            raise ValueError(f"{name} has no host")
        if given is False:
            yield f"_{name}._tcp", ABSENT
            continue
        port, priority = given.get("port", PORTS[name]), given.get("priority", 0)
        if max(port, priority) > _MOST:
            raise ValueError(f"{name}: port and priority are at most {_MOST}")
        yield f"_{name}._tcp", f"{priority} 1 {port} {absolute(given['host'])}"


def autoconfig_records(host: str) -> Iterator[tuple[str, str, str]]:
    """Yield (label, type, value): the names that Thunderbird and Outlook ask for settings. Raises ValueError."""
    name = absolute(host)
    yield "autoconfig", "CNAME", name
    yield "autodiscover", "CNAME", name
    yield "_autodiscover._tcp", "SRV", f"0 0 443 {name}"
