# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects of the model as flat data for JSON, tables and spreadsheets, with defaults applied."""

from __future__ import annotations

from typing import Any

from mailroom.explain import shown
from mailroom.model import Domain, Group, Mailbox
from mailroom.quantities import format_size

# The columns of CSV files, in their order. All but the first may be left out.
COLUMNS = (
    "address",
    "name",
    "given_name",
    "surname",
    "display_name",
    "title",
    "department",
    "phone",
    "kind",
    "state",
    "quota",
    "services",
    "aliases",
    "forwards",
    "keep_copy",
    "send_as",
    "identity",
    "expires",
    "contact",
    "hold",
    "agents",
)


def mailbox(box: Mailbox) -> dict[str, Any]:
    """A mailbox; sizes as people write them, addresses with domains as people write them."""
    return {
        "address": shown(box.address),
        "name": box.name,
        "given_name": box.given_name,
        "surname": box.surname,
        "display_name": box.display_name,
        "title": box.title,
        "department": box.department,
        "phone": box.phone,
        "kind": box.kind,
        "state": box.state,
        "quota": format_size(box.quota),
        "services": sorted(box.services),
        "aliases": [shown(address) for address in box.aliases],
        "forwards": [shown(address) for address in box.forwards],
        "keep_copy": box.keep_copy,
        "send_as": [shown(address) for address in box.send_as],
        "identity": shown(box.identity) if box.identity else "",
        "agents": {shown(address): right for address, right in box.agents.items()},
        "expires": box.expires,
        "contact": shown(box.contact) if box.contact else "",
        "hold": box.hold,
        "renamed_from": shown(box.renamed_from) if box.renamed_from else "",
        "has_password": bool(box.password),
    }


def group(found: Group) -> dict[str, Any]:
    """A group."""
    return {
        "address": shown(found.address),
        "name": found.name,
        "members": [shown(address) for address in found.members],
        "post": found.post,
        "posters": [shown(address) for address in found.posters],
    }


def domain(found: Domain) -> dict[str, Any]:
    """A domain's own fields, with counts of what is in it."""
    return {
        "domain": shown(f"@{found.name}")[1:],
        "customer": found.customer,
        "state": found.state,
        "alias_domains": [shown(f"@{name}")[1:] for name in found.alias_names],
        "default_quota": format_size(found.quota),
        "services": sorted(found.services),
        "max_mailboxes": found.max_mailboxes,
        "max_quota": format_size(found.max_quota),
        "administrators": [shown(address) for address in found.administrators],
        "naming": found.naming,
        "identity": shown(found.identity) if found.identity else "",
        "reserved": list(found.reserved),
        "mailboxes": len(found.mailboxes),
        "groups": len(found.groups),
        "aliases": len(found.aliases),
    }
