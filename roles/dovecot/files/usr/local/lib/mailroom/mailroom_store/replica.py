# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory replica of this host, read as local root, and its provider where a replica's word is not enough."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any

from .entry import ATTRIBUTES, Entry, from_ldap
from .settings import StoreError

try:
    import ldap
    import ldap.filter
    import ldap.sasl

    MISSING = ""
except ImportError as error:
    MISSING = str(error)

LOCAL = "ldapi:///"
MAILBOXES = "(objectClass=mailroomMailbox)"
# Names in one filter. slapd takes far longer filters; above this many questions reading everything is faster.
BATCH, ALL_FROM = 200, 2000
SECONDS = 15

Row = tuple[str, dict[str, list[str]]]


def _explain(error: Exception) -> str:
    details = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
    return ": ".join(part for part in (details.get("desc"), details.get("info")) if part) or type(error).__name__


class Server:
    """A connection to one directory server. Every fault is a StoreError that names the server."""

    def __init__(self, uri: str, login: Callable[[Any], None], options: Iterable[tuple[int, Any]] = ()) -> None:
        self.uri = uri
        if MISSING:
            raise StoreError(f"{MISSING}; the role dovecot installs python3-ldap")
        try:
            self._raw = ldap.initialize(uri)
            for number, value in (
                (ldap.OPT_NETWORK_TIMEOUT, SECONDS),
                (ldap.OPT_TIMEOUT, 60),
                (ldap.OPT_REFERRALS, 0),
                *options,
            ):
                self._raw.set_option(number, value)
            login(self._raw)
        except ldap.LDAPError as error:
            raise StoreError(f"the directory at {uri} does not let us in: {_explain(error)}") from error

    def read(self, base: str, scope: int, where: str, attributes: Sequence[str]) -> list[Row]:
        """Return (DN, attributes) of what matches; nothing where the base does not exist."""
        try:
            rows = self._raw.search_s(base, scope, where, list(attributes))
        except ldap.NO_SUCH_OBJECT:
            return []
        except ldap.LDAPError as error:
            raise StoreError(f"the directory at {self.uri} cannot be read below {base!r}: {_explain(error)}") from error
        return [
            (dn, {name: [value.decode("utf-8", "replace") for value in values] for name, values in entry.items()})
            for dn, entry in rows
            if dn is not None
        ]


def newest(values: Iterable[str]) -> dict[str, str]:
    """Return server number to change number: contextCSN has a value for each server that takes writes."""
    return {value.split("#")[2]: value for value in sorted(values) if value.count("#") == 3}


class Replica:
    """The mailboxes below `base` on this host's replica."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._server = Server(LOCAL, lambda raw: raw.sasl_non_interactive_bind_s("EXTERNAL"))

    def find(self, addresses: Sequence[str]) -> dict[str, Entry]:
        """Return address to entry of those that are there."""
        wanted = {address.lower() for address in addresses}
        if len(wanted) >= ALL_FROM:
            return {entry.address: entry for entry in self.all() if entry.address in wanted}
        found: list[Entry] = []
        names = sorted(wanted)
        for start in range(0, len(names), BATCH):
            each = "".join(
                ldap.filter.filter_format("(mailroomUser=%s)", [name]) for name in names[start : start + BATCH]
            )
            found += self._mailboxes(f"(|{each})")
        return {entry.address: entry for entry in found}

    def all(self) -> list[Entry]:
        return self._mailboxes("")

    def since(self, csn: str) -> list[Entry]:
        """Return what was changed at a number or later; everything for ""."""
        return self._mailboxes(ldap.filter.filter_format("(entryCSN>=%s)", [csn]) if csn else "")

    def quarantined(self) -> list[Entry]:
        return self._mailboxes("(mailroomState=quarantined)")

    def _mailboxes(self, where: str) -> list[Entry]:
        rows = self._server.read(self._base, ldap.SCOPE_SUBTREE, f"(&{MAILBOXES}{where})", ATTRIBUTES)
        return [from_ldap(dn, attributes) for dn, attributes in rows]

    def _suffix(self) -> str:
        rows = self._server.read("", ldap.SCOPE_BASE, "(objectClass=*)", ["namingContexts"])
        for name in rows[0][1].get("namingContexts", []) if rows else []:
            if self._base.lower().endswith(name.lower()):
                return name
        raise StoreError(f"{LOCAL} has no database for {self._base}")

    def context(self) -> dict[str, str]:
        """Return how far the replica is, by server number; nothing before it was filled for the first time."""
        rows = self._server.read(self._suffix(), ldap.SCOPE_BASE, "(objectClass=*)", ["contextCSN"])
        return newest(value for _dn, attributes in rows for value in attributes.get("contextCSN", []))

    def must_be_complete(self) -> None:
        """Raise StoreError while the replica is being filled: what is missing may only not be here yet."""
        if not self.context():
            raise StoreError("the directory replica of this host is not complete yet; nothing was done")

    def wait(self, csn: str, seconds: float) -> None:
        """Wait until the replica has the change. Raises StoreError when the time is over."""
        wanted = newest(csn.split())
        if not wanted:
            raise StoreError(f"{csn!r} is not the number of a change (contextCSN)")
        end, pause = time.monotonic() + seconds, 0.05
        while True:
            here = self.context()
            if all(here.get(server, "") >= value for server, value in wanted.items()):
                return
            if time.monotonic() >= end:
                raise StoreError(
                    f"the directory replica of this host is at {' '.join(here.values()) or 'nothing'} and not at {csn} "
                    f"after {seconds:g} s; nothing was done. See `journalctl -u slapd` here and on the provider"
                )
            time.sleep(pause)
            pause = min(pause * 2, 0.3)

    def provider(self) -> Provider | None:
        """Return the server that this one copies from, with the replica's own name; None where it copies from none."""
        rows = self._server.read("cn=config", ldap.SCOPE_SUBTREE, "(olcSyncrepl=*)", ["olcSyncrepl", "olcSuffix"])
        for _dn, attributes in rows:
            if any(self._base.lower().endswith(name.lower()) for name in attributes.get("olcSuffix", [])):
                return Provider(attributes["olcSyncrepl"][0])
        return None


def syncrepl(text: str) -> dict[str, str]:
    """Return the settings of an olcSyncrepl value."""
    words = shlex.split(re.sub(r"^\{\d+\}", "", text))
    return dict(word.split("=", 1) for word in words if "=" in word)


class Provider:
    """The server that the replica copies from: the last word on what may be deleted."""

    def __init__(self, value: str) -> None:
        to = syncrepl(value)
        options: list[tuple[int, Any]] = []
        if to.get("tls_cacert"):
            options = [
                (ldap.OPT_X_TLS_CACERTFILE, to["tls_cacert"]),
                (ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND),
                (ldap.OPT_X_TLS_NEWCTX, 0),
            ]
        self._server = Server(
            to.get("provider", ""),
            lambda raw: raw.simple_bind_s(to.get("binddn", ""), to.get("credentials", "")),
            options,
        )

    def entry(self, dn: str) -> Entry | None:
        """Return the entry as it is there now."""
        rows = self._server.read(dn, ldap.SCOPE_BASE, MAILBOXES, ATTRIBUTES)
        return from_ldap(*rows[0]) if rows else None


def confirmed(entry: Entry, provider: Provider | None, why: Callable[[Entry, date], str], today: date) -> str:
    """Return why the provider does not agree that an entry's mail is to go; "" if it does."""
    if provider is None:
        return ""
    there = provider.entry(entry.dn)
    if there is None:
        return "the provider has no such entry any more"
    if (there.uuid, there.store) != (entry.uuid, entry.store):
        return "the provider has another entry under this name"
    reason = why(there, today)
    return f"the provider says: {reason}" if reason else ""
