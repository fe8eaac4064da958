# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may change which account data: the delegation file, and the questions that a review asks of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from .addresses import domain_to_ascii
from .findings import Finding
from .loader import Document
from .quantities import parse_size
from .schema import compile_schema

DOMAIN = "domain"
# What a customer's administrator could use to lift limits that were set for him, or to hide or keep what is not
# his to decide. `all` does not mean these; they have to be named.
PROTECTED: Mapping[str, frozenset[str]] = {
    DOMAIN: frozenset({"administrators", "alias_domains", "customer", "limits", "naming", "reserved", "state"}),
    "mailboxes": frozenset({"hold"}),
    "shared": frozenset({"hold"}),
}


@dataclass(frozen=True)
class Administrator:
    """What one administrator may do. Domain patterns are exact names in A-labels, `*.name`, or `*`.

    `change` has fields by section, None for all but the protected ones. `max_quota` is bytes; None means no limit.
    """

    name: str
    domains: tuple[str, ...]
    create: tuple[str, ...] = ()
    customer: str = ""
    change: Mapping[str, frozenset[str] | None] = field(default_factory=dict)
    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()
    remove_domains: bool = False
    max_mailboxes: int | None = None
    max_quota: int | None = None

    @property
    def manages_everything(self) -> bool:
        """Whether all domains are his, and so the files beside them."""
        return "*" in self.domains

    def manages(self, domain: str) -> bool:
        """Whether the domain (A-labels) is one of his."""
        return _matches(self.domains, domain) or self.may_create(domain)

    def may_create(self, domain: str) -> bool:
        """Whether he may add this domain (A-labels)."""
        return _matches(self.create, domain)

    def may_change(self, section: str, name: str) -> bool:
        """Whether he may change a field of a section (`domain` is the section of a domain's own fields)."""
        if section not in self.change:
            return False
        fields = self.change[section]
        return name not in PROTECTED.get(section, ()) if fields is None else name in fields


def read_delegation(document: Document, schema_file: str) -> tuple[dict[str, Administrator], list[Finding]]:
    """Return the administrators of a delegation file by name, and what is wrong with it.

    A file with findings delegates nothing.
    """
    check = compile_schema(json.loads(FilePath(schema_file).read_text(encoding="utf-8")))
    findings = [document.finding(*violation) for violation in check(document.data)]
    if findings:
        return {}, findings
    found: dict[str, Administrator] = {}
    for name, fields in document.data["administrators"].items():
        try:
            found[name] = _administrator(name, fields)
        except ValueError as error:
            findings.append(document.finding(("administrators", name), str(error)))
    return ({} if findings else found), findings


def _administrator(name: str, fields: Mapping[str, Any]) -> Administrator:
    limits = fields.get("limits", {})
    change = {
        section: None if value == "all" else frozenset(value) for section, value in fields.get("change", {}).items()
    }
    return Administrator(
        name,
        domains=tuple(map(_pattern, fields["domains"])),
        create=tuple(map(_pattern, fields.get("create", ()))),
        customer=fields.get("customer", ""),
        change=change,
        add=frozenset(fields.get("add", ())),
        remove=frozenset(fields.get("remove", ())),
        remove_domains=fields.get("remove_domains", False),
        max_mailboxes=limits.get("mailboxes"),
        max_quota=parse_size(limits["quota"]) if "quota" in limits else None,
    )


def _pattern(text: str) -> str:
    if text == "*":
        return text
    return ("*." if text.startswith("*.") else "") + domain_to_ascii(text.removeprefix("*."))


def _matches(patterns: tuple[str, ...], domain: str) -> bool:
    return any(
        pattern in ("*", domain) or (pattern.startswith("*.") and domain.endswith(pattern[1:])) for pattern in patterns
    )
