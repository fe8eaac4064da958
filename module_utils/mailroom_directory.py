# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory as the account modules read it. What writes is loaded when there is something to write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ansible.module_utils.mailroom_journal import Journal
from ansible.module_utils.mailroom_ldap import DirectoryError, Session, other_providers

from .mailroom.dn import key as dn_key
from .mailroom.dn import parent as dn_parent
from .mailroom.plan import Plan
from .mailroom.snapshot import CSN

if TYPE_CHECKING:
    # Mitogen sends along what is named outside of functions.
    import ansible.module_utils.mailroom_transactions  # noqa: F401


class Directory:
    """The directory as the local root identity sees it (SASL EXTERNAL over the server's socket)."""

    def __init__(self, uri: str, journal: Journal | None = None) -> None:
        """Connect. Raises DirectoryError if no server answers there or it does not know us."""
        try:
            self.session = Session(uri).connect()
        except DirectoryError as error:
            raise DirectoryError(f"{error}. Is slapd running here, and does this run as root?") from None
        self.journal = journal
        # The attributes that read() has seen, and the number of entries right below each DN.
        self.known: set[str] = set()
        self.children: Counter[str] = Counter()

    def root_values(self, attribute: str) -> list[str]:
        """What the server says about itself (RFC 4512, 5.1)."""
        return (self.entry("", [attribute]) or {}).get(attribute, [])

    def read(self, base: str, attributes: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return {DN: {attribute: [values]}} of all entries below `base`, without `base` itself.

        Raises DirectoryError if `base` is not there or not everything may be read.
        """
        entries = self._below(base, self.session.read(base, attributes=attributes))
        self.known.update(attribute.lower() for entry in entries.values() for attribute in entry)
        self.children = Counter(dn_key(dn_parent(dn)) for dn in entries)
        return entries

    def marks(self, base: str) -> dict[str, str]:
        """Return {DN: entryCSN} of all entries below `base`: each write gives an entry another one."""
        found = self.session.column(base, CSN)
        if not found:
            # Nothing below it, or not even that?
            self._below(base, self.session.read(base, "base", attributes=[CSN]))
        return found

    def since(self, base: str, csn: str, attributes: Sequence[str]) -> dict[str, dict[str, list[str]]]:
        """Return the entries below `base` that were written at or after a change number."""
        return self._below(base, self.session.read(base, where=f"({CSN}>={csn})", attributes=attributes), there=True)

    def _below(self, base: str, found: dict[str, Any], *, there: bool = False) -> dict[str, Any]:
        if not found and not there:
            raise DirectoryError(f"{base} is not in the directory: run the openldap role first")
        own = dn_key(base)
        return {dn: entry for dn, entry in found.items() if dn_key(dn) != own}

    def entry(self, dn: str, attributes: Sequence[str]) -> dict[str, list[str]] | None:
        """Return one entry ({attribute: [values]}), or None if it is not there."""
        return next(iter(self.session.read(dn, "base", attributes=attributes).values()), None)

    def csn(self, base: str) -> str:
        """The number of the newest change in the database that holds `base` (contextCSN)."""
        found = self.entry(self.context(base), ["contextCSN"]) or {}
        return max(found.get("contextCSN", [""]))

    def other_providers(self, name: str, base: str, uris: Sequence[str]) -> str:
        """Say that another of these servers takes changes of the database with `base`, too; "" where none does."""
        return other_providers(name, self.context(base), uris) if uris else ""

    def repair(self) -> int:
        """Finish with a transaction that an earlier run left behind; see mailroom_journal. Returns the writes."""
        return self.journal.repair(self.session) if self.journal else 0

    def apply(self, plan: Plan) -> int:
        """Write what the plan says, after read(). Returns the number of writes; raises DirectoryError, see Writes."""
        from ansible.module_utils.mailroom_transactions import Writes

        return Writes(self).apply(plan)

    def context(self, dn: str) -> str:
        """The suffix of the database that holds a DN."""
        contexts = self.root_values("namingContexts")
        return next((context for context in contexts if dn_key(dn).endswith(dn_key(context))), dn_parent(dn))
