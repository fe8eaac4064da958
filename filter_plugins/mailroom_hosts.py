# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of /etc/hosts from inventory data, and in which order a pair's nodes take their turn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

# Where a host has several networks, the others reach it over the first of these that both see.
PREFERENCE = ("lan", "branch", "wan")


def hosts_entries(
    hosts: Iterable[Mapping[str, Any]],
    seen_from: Iterable[str],
    services: Iterable[Mapping[str, Any]] = (),
    preference: Iterable[str] = PREFERENCE,
) -> list[dict[str, Any]]:
    """Return `base_hosts_entries` for a host that is on the networks `seen_from`.

    `hosts` are mappings with `names` and `networks` ({network: {ip4, ip6}}), as are `services`, whose
    addresses may also be lists ({network: [address, ...]}). A host inside reaches everything inside; one that
    is only on `wan` sees only addresses there.
    """
    seen_from = set(seen_from)
    # Who is inside is routed to every network; who is outside sees what is outside.
    visible = [name for name in preference if seen_from - {"wan"} or name in seen_from]
    entries = []
    for host in [*services, *hosts]:
        if not host.get("names"):
            raise AnsibleFilterError(f"hosts_entries: an item without `names`: {dict(host)!r}")
        networks = host["networks"]
        for name in visible:
            if name in networks:
                addresses = networks[name]
                values = addresses.values() if isinstance(addresses, Mapping) else addresses
                entries += [{"address": str(value), "names": list(host["names"])} for value in values]
                break
    return entries


def passive_first(names: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the hosts with those first that do not have the mail store at present (`mailroom_active` of `hostvars`).

    Hosts that were not asked come with those that have it: of them nothing is known.
    """
    return sorted(names, key=lambda name: bool(variables.get(name, {}).get("mailroom_active", True)))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        return {"hosts_entries": hosts_entries, "passive_first": passive_first}
