# SPDX-License-Identifier: GPL-3.0-or-later
"""From account files to what the provider is sent, by way of a cache. Runs on the controller.

Two things are kept, each under a hash of all that it was made from: each file as parsed, and the entries of all
files together. Nothing that Ansible Vault hides is kept: in the kept entries vaulted passwords are only marked as to
be set. If a whole file is encrypted, no entries are kept.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from . import cache, directory, loader
from .account_set import Accounts
from .codec import encode
from .collector import paused
from .findings import errors, warnings
from .model import Mailbox
from .parses import VAULT, Parses, dense
from .passwords import PENDING
from .read import judge

# Where a vaulted password is: the file and the key below `mailboxes`, by address.
Places = Mapping[str, Sequence[str]]


@dataclass
class Prepared:
    """What the provider needs, or why it gets nothing (`errors`).

    `asked` is a hash of files, code, base and day. `payload` is what decode() makes {"entries", "renames"} of.
    `vaulted` has the passwords (clear, or hashes) that are PENDING in it though a file has them.
    """

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    asked: str = ""
    payload: str = ""
    vaulted: dict[str, str] = field(default_factory=dict, repr=False)


class Preparation:
    """Prepares one set of account files."""

    def __init__(
        self, path: str, schema_file: str, decrypt: loader.Decrypt | None, kept: cache.Cache, today: date
    ) -> None:
        self._path, self._schema, self._kept, self._today = path, schema_file, kept, today
        self._parses = Parses(schema_file, decrypt, kept)

    def run(self, base: str) -> Prepared:
        """Read, check, build. Nothing is raised for what files contain."""
        with paused():
            files, unreadable = loader.contents(self._path)
            named = [part for file, content in files for part in (file.encode(), content)]
            asked = cache.digest(self._parses.code, base.encode(), self._today.isoformat().encode(), *named)
            secret = {file: self._parses.read(file, content) for file, content in files if VAULT in content}
            clear = not unreadable and not any(findings for _document, findings in secret.values())
            if clear and (prepared := self._kept_entries(asked, {name: found[0] for name, found in secret.items()})):
                return prepared
            read = [secret[file] if file in secret else self._parses.read(file, content) for file, content in files]
            documents = [document for document, _findings in read if document]
            broken = [finding for _document, findings in read for finding in findings]
            accounts = judge(documents, [*unreadable, *broken], self._schema, self._today)
            problems = errors(accounts.findings)
            self._parses.keep({finding.file for finding in problems})
            if problems:
                return Prepared(errors=[str(finding) for finding in problems])
            whole = any(content.startswith(VAULT) for _file, content in files)
            return self._built(accounts, base, asked, hidden=set(secret), keep=not whole)

    def _kept_entries(self, asked: str, secret: Mapping[str, loader.Document | None]) -> Prepared | None:
        found = self._kept.get(f"{asked}.entries")
        if not found:
            return None
        line, _newline, payload = found.partition(b"\n")
        try:
            head = json.loads(line)
        except ValueError:
            return None
        return Prepared(
            warnings=head["warnings"],
            asked=asked,
            payload=payload.decode(),
            vaulted=_values(head["vaulted"], secret),
        )

    def _built(self, accounts: Accounts, base: str, asked: str, *, hidden: set[str], keep: bool) -> Prepared:
        """The entries of valid accounts; `hidden` names the files with secrets."""
        remarks = [str(finding) for finding in warnings(accounts.findings)]
        desired = directory.entries(accounts.domains.values(), base)
        places: dict[str, Sequence[str]] = {}
        for box in (box for domain in accounts.domains.values() for box in domain.mailboxes):
            document = accounts.documents[box.source]
            if document.file in hidden and (key := _vaulted(document, box)):
                places[box.address] = (document.file, key)
                if entry := desired.get(directory.entry_dn(box, base)):
                    entry[directory.PASSWORD] = [PENDING]
        renames = directory.renames(accounts.domains.values(), base)
        payload = encode({"entries": desired, "renames": renames})
        if keep:
            head = dense({"warnings": remarks, "vaulted": places})
            self._kept.put(f"{asked}.entries", head + b"\n" + payload.encode())
            self._kept.tidy()
        secret = {document.file: document for document in accounts.documents}
        return Prepared(warnings=remarks, asked=asked, payload=payload, vaulted=_values(places, secret))


def _vaulted(document: loader.Document, box: Mailbox) -> str:
    """The key of a mailbox whose password is a vaulted value, else ""."""
    section, key = box.path
    fields = document.data[section][key]
    return str(key) if isinstance(fields.get("password"), loader.Secret) else ""


def _values(places: Places, documents: Mapping[str, loader.Document | None]) -> dict[str, str]:
    found = {}
    for address, (file, key) in places.items():
        document = documents[file]
        if document is not None:
            found[address] = str(document.data["mailboxes"][key]["password"].value)
    return found
