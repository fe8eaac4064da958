# SPDX-License-Identifier: GPL-3.0-or-later
"""One LDAP write (RFC 4511)."""

from __future__ import annotations

from dataclasses import dataclass

from .steps import Change

ADD, MODIFY, MODRDN, REMOVE = "add", "modify", "modrdn", "delete"


@dataclass(frozen=True)
class Operation:
    """One write. Add and modify carry changes (modify replaces each attribute by its new values); modrdn gives an
    entry the DN `new_dn` (RFC 4511, 4.9), with another parent too, and drops the old name.

    Operations of one `unit` belong together: those of one account, and of accounts between which values move.
    """

    action: str
    dn: str
    changes: tuple[Change, ...] = ()
    label: str = ""
    new_dn: str = ""
    unit: int = 0
