# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether hosts see one and the same disk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# What a disk is known by. A serial number is not there everywhere, and what is not there is not compared.
KNOWN_BY = {"uuid": "UUID", "size": "size", "serial": "serial number"}


def different_disks(sights: Mapping[str, Mapping[str, Any]]) -> str:
    """Say how the disks differ that hosts see under one name; nothing if they are one.

    `sights` has, for each host, the `seen` of module storage_filesystem.
    """
    for field, name in KNOWN_BY.items():
        values = {host: str(seen.get(field) or "") for host, seen in sights.items()}
        compared = values if field == "uuid" else {host: value for host, value in values.items() if value}
        if len(set(compared.values())) > 1:
            shown = ", ".join(f"{host} {value or 'none'}" for host, value in sorted(compared.items()))
            return f"by their {name} these are different disks: {shown}"
    return ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        return {"different_disks": different_disks}
