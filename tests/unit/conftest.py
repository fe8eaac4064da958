# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the account logic share: small account trees on disk and the way through the logic."""

from __future__ import annotations

import textwrap
from datetime import date
from pathlib import Path

import pytest
from mailroom import directory
from mailroom.accounts import plan_accounts
from mailroom.read import read_accounts

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "schemas" / "domain.schema.json"
TODAY = date(2026, 11, 21)
BASE = "ou=domains,dc=mailroom,dc=example"

# Every active domain needs these; tests about something else start from here.
HEAD = """\
domain: widget.example
aliases:
  postmaster: [alice]
  abuse: [alice]
"""
ALICE = HEAD + "mailboxes:\n  alice: {name: Alice Liddell}\n"


class Tree:
    """A folder of account files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, text: str | bytes) -> Tree:
        """Write a file, dedented; returns the tree, so that calls chain."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else textwrap.dedent(text).encode())
        return self

    def read(self, decrypt=None):
        """The accounts in the tree."""
        return read_accounts(str(self.folder), str(SCHEMA), decrypt, TODAY)

    def findings(self, decrypt=None) -> list[str]:
        """All findings as text, with file names relative to the tree."""
        return [str(finding).replace(f"{self.folder}/", "") for finding in self.read(decrypt).findings]

    def entries(self, decrypt=None):
        """The desired entries of a valid tree."""
        accounts = self.read(decrypt)
        assert [str(finding) for finding in accounts.findings] == []
        return directory.entries(accounts.domains.values(), BASE)


@pytest.fixture
def tree(tmp_path) -> Tree:
    """An empty folder for account files."""
    return Tree(tmp_path / "accounts")


def mailbox_dn(local: str, domain: str = "widget.example") -> str:
    return f"uid={local},ou={domain},{BASE}"


def alias_dn(local: str, domain: str = "widget.example") -> str:
    return f"cn={local},ou={domain},{BASE}"


def domain_with(mailboxes: int, domain: str = "widget.example", aliases: int = 0) -> dict:
    """Desired entries of a domain with some mailboxes (box0, box1, ...) and aliases (name0, ...)."""
    from mailroom.model import Alias, Domain, Mailbox

    model = Domain(domain)
    model.mailboxes = [Mailbox(f"box{number}", domain, f"Box {number}") for number in range(mailboxes)]
    model.aliases = [Alias(f"name{number}", domain, (f"box0@{domain}",)) for number in range(aliases)]
    return directory.entries([model], BASE)


def plan(desired, live, **options):
    """The plan of the account files over live entries below BASE."""
    return plan_accounts(desired, live, BASE, **options)


class FakeDirectory:
    """A directory in memory that obeys the guards of the real one, to run operations against."""

    def __init__(self, entries=None) -> None:
        self.entries = {
            dn: {name: list(values) for name, values in entry.items()} for dn, entry in (entries or {}).items()
        }

    def run(self, operations) -> None:
        """Do operations in their order. Raises AssertionError where a server would refuse."""
        for operation in operations:
            above = operation.dn.partition(",")[2]
            if operation.action == "add":
                assert operation.dn not in self.entries, f"{operation.dn} exists"
                assert above == BASE or above in self.entries, f"no parent for {operation.dn}"
                self.entries[operation.dn] = {}
            if operation.action == "delete":
                below = [dn for dn in self.entries if dn.endswith(f",{operation.dn}")]
                assert not below, f"{operation.dn} has entries below it"
                del self.entries[operation.dn]
                continue
            self._replace(operation)
            self._addresses_are_unique()

    def _replace(self, operation) -> None:
        entry = self.entries[operation.dn]
        for change in operation.changes:
            if change.new:
                entry[change.attribute] = list(change.new)
            else:
                del entry[change.attribute]

    def _addresses_are_unique(self) -> None:
        used = [value for entry in self.entries.values() for value in entry.get("mailroomAddress", [])]
        assert len(used) == len(set(used)), f"an address is used twice: {sorted(used)}"
