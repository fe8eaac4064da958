# SPDX-License-Identifier: GPL-3.0-or-later
"""From parsed files to the model: check the schema, sort out which file holds which domain, build the domains."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path as FilePath
from typing import Any

from .account_set import Accounts
from .addresses import domain_to_ascii
from .build_domain import DomainBuilder
from .findings import Path
from .loader import Document
from .model import Domain
from .schema import compile_schema

# Sections whose objects stay, to be checked further, when only a field of theirs is missing.
_SECTIONS = ("mailboxes", "shared", "groups")


def build(documents: Sequence[Document], schema_file: str, today: date) -> Accounts:
    """Build the model of all documents. What is wrong becomes findings; the rest is still built."""
    check = compile_schema(json.loads(FilePath(schema_file).read_text(encoding="utf-8")))
    accounts = Accounts(documents)
    parts: dict[str, list[tuple[int, Any]]] = {}
    for source, document in enumerate(documents):
        violations = check(document.data)
        accounts.findings += [document.finding(*violation) for violation in violations]
        data = _without(document.data, [violation.path for violation in violations])
        if not isinstance(data, dict) or "domain" not in data:
            continue
        try:
            name = domain_to_ascii(data["domain"])
        except ValueError as error:
            accounts.findings.append(document.finding(("domain",), str(error)))
            continue
        _check_file_name(accounts, document, name)
        parts.setdefault(name, []).append((source, data))
        if any(len(violation.path) <= 2 for violation in violations):
            accounts.domains[name] = Domain(name, incomplete=True)
    builders = [DomainBuilder(accounts, name, sources, today) for name, sources in parts.items()]
    # Names first: an address may be written under any name of any hosted domain.
    for builder in builders:
        builder.head()
    accounts.hosted = {alias: domain.name for domain in accounts.domains.values() for alias in domain.alias_names}
    accounts.hosted |= {name: name for name in accounts.domains}
    for builder in builders:
        builder.objects()
    return accounts


def _check_file_name(accounts: Accounts, document: Document, name: str) -> None:
    """A file (or its folder) is called like its domain: this catches copies with a forgotten edit."""
    file = FilePath(document.file)
    for called in (file.stem, file.parent.name):
        try:
            if domain_to_ascii(called) == name:
                return
        except ValueError:
            continue
    hint = "rename the file, or correct the domain"
    accounts.findings.append(
        document.finding(("domain",), f"{document.data['domain']} is not what the file is called", hint)
    )


def _without(data: Any, paths: Sequence[Path]) -> Any:
    """The data less what stands at the given paths, so that the rest can be checked further."""
    for path in sorted(set(paths), key=lambda path: (len(path), [str(part).zfill(9) for part in path]), reverse=True):
        if not path:
            continue
        node = data
        for part in path[:-1]:
            node = node[part]
        # A missing field is reported on the mapping that lacks it; that stays.
        if isinstance(node, list) or not isinstance(node.get(path[-1]), dict) or not _whole(path):
            del node[path[-1]]
    return data


def _whole(path: Path) -> bool:
    """Whether the path names a mailbox or a group, whose violations are those of what it lacks."""
    return len(path) == 2 and path[0] in _SECTIONS
