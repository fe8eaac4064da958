# SPDX-License-Identifier: GPL-3.0-or-later
"""What named reads beside zone files: a view's list of zones, and the catalog by which secondaries learn of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping
from datetime import date

from .files import file_name
from .model import INTERNAL, VIEWS, Zone, ZoneKey, rrset, zone
from .plan import File
from .read import serial_of
from .render import render
from .serial import next_serial

# The access list of named.conf that says who may update dynamic zones. Outside nobody may.
UPDATES = "mailroom-update"
_MARK = "# Made by Mailroom: the next run undoes what is changed here by hand."
_ZONE = re.compile(r'^zone "([^"]+)"', re.M)
_DYNAMIC = re.compile(r'^zone "([^"]+)".*allow-update', re.M)
# RFC 9432, 4.1 and 4.2: nobody asks for what is in a catalog, so SOA and NS only have to be there.
_TTL = 3600
_SOA = "invalid. invalid. 3600 600 2147483646 0"


def list_name(view: str) -> str:
    """Return the relative path of a view's list of zones."""
    return f"{view}.conf"


def catalog_name(view: str) -> str:
    """Return the relative path of a view's catalog zone."""
    return f"{view}.catalog"


def catalog_key(view: str, suffix: str) -> ZoneKey:
    """Return the name of a view's catalog zone, the same on all name servers."""
    return ZoneKey(view, f"{view}.{suffix.strip('.')}.")


def zone_lists(
    zones: Iterable[Zone], folder: str, suffix: str, policies: Mapping[str, str], signed: Collection[str]
) -> dict[str, str]:
    """Return the text of each view's list, by view.

    `policies` are DNSSEC policies by zone (absolute) that differ from the view's; `signed` are the views that sign.
    """
    lines: dict[str, list[str]] = {view: [] for view in VIEWS}
    for item in zones:
        extra = ""
        if item.view in signed and (policy := policies.get(item.name)):
            extra += f' dnssec-policy "{policy}";'
        if item.dynamic and item.view == INTERNAL:
            extra += f' allow-update {{ "{UPDATES}"; }};'
        lines[item.view].append(_statement(item.name, f"{folder}/{file_name(item.key)}", extra))
    for view in VIEWS:
        # Only who may transfer it may ask for the catalog; it is no zone of the internet, so nothing signs it.
        extra = f' allow-query {{ key "mailroom-{view}"; }};'
        extra += ' dnssec-policy "none";' if view in signed else ""
        name = catalog_key(view, suffix).name
        lines[view].append(_statement(name, f"{folder}/{catalog_name(view)}", extra))
    return {view: "\n".join([_MARK, *lines[view], ""]) for view in VIEWS}


def listed(text: str) -> frozenset[str]:
    """Return the names (absolute) of the zones in a list."""
    return frozenset(f"{name}." for name in _ZONE.findall(text))


def dynamic(text: str) -> frozenset[str]:
    """Return the names (absolute) of the zones in a list that others may update."""
    return frozenset(f"{name}." for name in _DYNAMIC.findall(text))


def catalog(view: str, suffix: str, names: Iterable[str], old: str | None, today: date) -> File | None:
    """Return the catalog zone (RFC 9432) of a view with these zones; None if `old` is its text already."""
    key = catalog_key(view, suffix)
    members = [
        rrset(f"{hashlib.sha256(name.encode()).hexdigest()[:32]}.zones.{key.name}", "PTR", _TTL, [name])
        for name in names
    ]
    head = [
        rrset(key.name, "SOA", _TTL, [_SOA]),
        rrset(key.name, "NS", _TTL, ["invalid."]),
        rrset(f"version.{key.name}", "TXT", _TTL, ['"2"']),
    ]
    wanted = zone(key.name, view, _TTL, [*head, *members])
    serial = serial_of(old) if old else None
    if old and serial is not None and render(wanted, serial) == old:
        return None
    number = next_serial(serial, today)
    return File(render(wanted, number), number)


def _statement(name: str, file: str, extra: str) -> str:
    return f'zone "{name.removesuffix(".") or "."}" {{ type primary; file "{file}";{extra} }};'
