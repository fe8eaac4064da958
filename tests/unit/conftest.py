# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the account logic share: small account trees on disk and the way through the logic."""

from __future__ import annotations

import textwrap
from datetime import date
from pathlib import Path
from typing import ClassVar

import pytest
from mailroom import directory
from mailroom.accounts import plan_accounts
from mailroom.dn import split as dn_split
from mailroom.limits import Allowed
from mailroom.operations import operations
from mailroom.read import read_accounts
from storetools import settings_in

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


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """What is kept of account files between runs goes to a folder of the tests, not to the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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

    def read(self, decrypt=None, today=TODAY):
        """The accounts in the tree."""
        return read_accounts(str(self.folder), str(SCHEMA), decrypt, today)

    def findings(self, decrypt=None) -> list[str]:
        """All findings as text, with file names relative to the tree."""
        return [str(finding).replace(f"{self.folder}/", "") for finding in self.read(decrypt).findings]

    def entries(self, decrypt=None):
        """The desired entries of a valid tree."""
        accounts = self.read(decrypt)
        assert [str(finding) for finding in accounts.findings] == []
        return self.desired(accounts)

    @staticmethod
    def desired(accounts):
        """The desired entries of accounts that were read."""
        return directory.entries(accounts.domains.values(), BASE)


@pytest.fixture
def store(tmp_path):
    """The settings of a mail host in a folder of the test."""
    return settings_in(tmp_path)


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


def plan(desired, live, *, today=TODAY, limits=None, usage=None, renames=None, **words):
    """The plan of the account files over live entries below BASE; `words` are those that lift gates."""
    allowed = Allowed(**words)
    return plan_accounts(desired, live, BASE, today=today, limits=limits, usage=usage, renames=renames, allowed=allowed)


def applied(desired, live=None, **options):
    """The live entries after a plan was applied to a directory with the server's guards."""
    result = plan(desired, live or {}, **options)
    assert [str(refusal) for refusal in result.refusals] == []
    directory = FakeDirectory(live)
    directory.run(operations(result))
    return directory.entries


class FakeDirectory:
    """A directory in memory that obeys the guards of the real one, to run operations against."""

    UNIQUE = ("mailroomAddress", "mailroomUser", "mailroomStore", "mailroomDomainName", "mail")
    SINGLE = ("mailroomUser", "mailroomKind", "mailroomStore", "mailroomState", "mailroomRemoved", "mailroomPurge")
    MUST: ClassVar = {
        "mailroommailbox": ("mailroomAddress", "mailroomUser", "mailroomKind", "mailroomStore", "mailroomDelivery"),
        "mailroomalias": ("cn", "mailroomAddress", "mailroomDelivery"),
        "mailroomgroup": ("cn", "mailroomAddress", "mailroomDelivery"),
        "mailroomdomain": ("mailroomDomainName", "mailroomState"),
    }
    STRUCTURAL = ("mailroomalias", "mailroomgroup", "inetorgperson", "organizationalunit")

    def __init__(self, entries=None) -> None:
        self.entries = {
            dn: {name: list(values) for name, values in entry.items()} for dn, entry in (entries or {}).items()
        }
        self._used = {attribute: {} for attribute in self.UNIQUE}
        for dn in self.entries:
            self._claim(dn)

    def run(self, operations) -> None:
        """Do operations in their order. Raises AssertionError where a server would refuse."""
        for operation in operations:
            getattr(self, f"_{operation.action}")(operation)

    def _add(self, operation) -> None:
        self._has_place(operation.dn)
        self.entries[operation.dn] = {change.attribute: list(change.new) for change in operation.changes}
        assert all(not change.old and change.new for change in operation.changes)
        self._claim(operation.dn)
        self._is_valid(operation.dn)

    def _modify(self, operation) -> None:
        names = [change.attribute for change in operation.changes]
        assert len(names) == len(set(names)), f"an attribute twice: {operation}"
        entry = self.entries[operation.dn]
        classes = self._structural(operation.dn)
        self._release(operation.dn)
        for change in operation.changes:
            entry.pop(change.attribute, None)
            if change.new:
                entry[change.attribute] = list(change.new)
        self._claim(operation.dn)
        assert self._structural(operation.dn) == classes
        self._is_valid(operation.dn)

    def _modrdn(self, operation) -> None:
        self._has_place(operation.new_dn)
        self._has_no_children(operation.dn)
        entry = self.entries.pop(operation.dn)
        for attribute, value in dn_split(operation.dn)[:1]:
            entry[attribute].remove(value)
        for attribute, value in dn_split(operation.new_dn)[:1]:
            entry[attribute].append(value)
        self._used = {
            name: {value: operation.new_dn if dn == operation.dn else dn for value, dn in owners.items()}
            for name, owners in self._used.items()
        }
        self.entries[operation.new_dn] = entry

    def _delete(self, operation) -> None:
        self._has_no_children(operation.dn)
        self._release(operation.dn)
        del self.entries[operation.dn]

    def _has_place(self, dn) -> None:
        assert dn not in self.entries, f"{dn} exists"
        above = dn.partition(",")[2]
        assert above == BASE or above in self.entries, f"no parent for {dn}"

    def _has_no_children(self, dn) -> None:
        below = [other for other in self.entries if other.endswith(f",{dn}")]
        assert not below, f"{dn} has entries below it: {below}"

    def _claim(self, dn) -> None:
        for attribute, owners in self._used.items():
            for value in self.entries[dn].get(attribute, ()):
                owner = owners.setdefault(value.lower(), dn)
                assert owner == dn, f"{attribute} {value} of {dn} is used by {owner}"

    def _release(self, dn) -> None:
        for attribute, owners in self._used.items():
            for value in self.entries[dn].get(attribute, ()):
                del owners[value.lower()]

    def _structural(self, dn) -> set[str]:
        return {name.lower() for name in self.entries[dn].get("objectClass", ())} & set(self.STRUCTURAL)

    def _is_valid(self, dn) -> None:
        entry = self.entries[dn]
        for name in entry.get("objectClass", ()):
            missing = [attribute for attribute in self.MUST.get(name.lower(), ()) if not entry.get(attribute)]
            assert not missing, f"{dn} needs {missing}"
        assert all(len(entry.get(attribute, ())) < 2 for attribute in self.SINGLE), dn
        attribute, value = dn_split(dn)[0]
        assert value in entry[attribute], f"{dn}: the name is not among its attributes"
