# SPDX-License-Identifier: GPL-3.0-or-later
"""Which renames of mailboxes are to be done, which are done already, and which cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .directory import STORE
from .dn import key as dn_key
from .lifecycle import own_address, retired
from .plan import Entries, Refusal


@dataclass
class Moves:
    """Renames to do (desired DN to live DN), why others cannot be done, and remarks."""

    pending: dict[str, str] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def resolve(renames: Mapping[str, str], desired: Entries, live: Entries) -> Moves:
    """Decide on renames (new DN to old DN). A file names the old address long after the rename is done."""
    return _Resolver(renames, desired, live).moves if renames else Moves()


class _Resolver:
    def __init__(self, renames: Mapping[str, str], desired: Entries, live: Entries) -> None:
        self.moves = Moves()
        self._renames = {new: old for new, old in renames.items() if new in desired}
        self._desired, self._live = desired, live
        self._index = {dn_key(dn): dn for dn in live}
        self._by_old: dict[str, str] = {}
        for new, old in self._renames.items():
            self._by_old.setdefault(dn_key(old), new)
        for new, old in sorted(self._renames.items()):
            self._decide(new, old)

    def _decide(self, new: str, old: str) -> None:
        if self._in_circle(new):
            self._refuse(new, old, "leads in a circle.", "Rename in two runs, over a name that nobody has.")
        elif self._by_old[dn_key(old)] != new:
            other = own_address(self._by_old[dn_key(old)])
            self._refuse(new, old, f"is said of {other} as well.", "Take it away from one of the two.")
        elif self._is_pending(new, old):
            self.moves.pending[new] = self._index[dn_key(old)]
        elif dn_key(old) not in self._index:
            if dn_key(new) not in self._index:
                message = f"{own_address(new)}: renamed_from {own_address(old)}, which is not there: it is made anew"
                self.moves.remarks.append(message)
        elif not self._is_kept(new, old):
            self._refuse(
                new,
                old,
                "cannot be done: both are there.",
                "Remove one of the two first, or take renamed_from away and keep both.",
            )

    def _is_pending(self, new: str, old: str) -> bool:
        """Whether the mailbox still has its old name, and the new one is free or becomes free."""
        if dn_key(old) not in self._index:
            return False
        target = self._index.get(dn_key(new))
        if target is None or retired(self._live[target]):
            return True
        follower = self._by_old.get(dn_key(new))
        return follower is not None and self._is_pending(follower, self._renames[follower])

    def _is_kept(self, new: str, old: str) -> bool:
        """Whether the rename was done before, and the old name has come to somebody else."""
        source, target = (self._live[self._index[dn_key(dn)]] for dn in (old, new))
        path = own_address(old).partition("@")
        return old in self._desired or retired(source) or f"{path[2]}/{path[0]}" in target.get(STORE, ())

    def _in_circle(self, new: str) -> bool:
        seen, name = {dn_key(new)}, self._by_old.get(dn_key(new))
        while name is not None:
            if dn_key(name) in seen:
                return True
            seen.add(dn_key(name))
            name = self._by_old.get(dn_key(name))
        return False

    def _refuse(self, new: str, old: str, why: str, hint: str) -> None:
        self.moves.refusals.append(Refusal(f"{own_address(new)}: renamed_from {own_address(old)} {why}", hint))
