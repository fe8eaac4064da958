# SPDX-License-Identifier: GPL-3.0-or-later
"""Where zone files lie, below the folder that the name server reads: VIEW/ZONE.zone."""

from __future__ import annotations

from urllib.parse import quote, unquote

from .model import VIEWS, ZoneKey

_SUFFIX = ".zone"


def file_name(key: ZoneKey) -> str:
    """Return the relative path of a zone's file; a slash in a name (RFC 2317) is %2F in it."""
    return f"{key.view}/{quote(key.name.removesuffix('.'), safe='*')}{_SUFFIX}"


def key_of(path: str) -> ZoneKey | None:
    """Return the zone that a relative path is the file of; None if it is no zone file."""
    view, _slash, name = path.partition("/")
    if view not in VIEWS or "/" in name or not name.endswith(_SUFFIX) or name == _SUFFIX:
        return None
    return ZoneKey(view, f"{unquote(name.removesuffix(_SUFFIX))}.")
