# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run saw in the directory when it left it as the files say: enough to see later that nothing was changed.

The directory decides: each run asks it for the change number (entryCSN) of every entry. Only what has the number that
it had then counts as known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from .steps import Entries, Entry

CSN = "entryCSN"
# What changes without a change of what the files decide.
_PASSING = {"modifiersname", "modifytimestamp"}


@dataclass(frozen=True)
class Snapshot:
    """`asked` identifies files, code and day of the run, `rows` is {DN: [entryCSN, content()]}, `result` its result."""

    asked: str
    rows: dict[str, list[str]]
    result: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        return vars(self)

    @classmethod
    def from_dict(cls, data: Any) -> Snapshot | None:
        """Return what as_dict() gave, or None for anything else."""
        if not isinstance(data, dict) or set(data) != {"asked", "rows", "result"} or not isinstance(data["rows"], dict):
            return None
        return cls(**data)

    def changed(self, marks: Mapping[str, str]) -> list[str] | None:
        """Return the DNs of entries that were written since, or None if some have come or gone.

        `marks` is {DN: entryCSN} of all entries that are there now.
        """
        if len(marks) != len(self.rows) or marks.keys() != self.rows.keys():
            return None
        return [dn for dn, mark in marks.items() if self.rows[dn][0] != mark]

    def same(self, entries: Entries) -> bool:
        """Whether entries have the content that they had then."""
        return all(self.rows[dn][1] == content(entry) for dn, entry in entries.items())


def marks_of(entries: dict[str, Any]) -> dict[str, str]:
    """Take the entryCSN out of entries, by DN: what is planned does not depend on it."""
    return {dn: entry.pop(CSN)[0] for dn, entry in entries.items()}


def rows(entries: Entries, marks: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the rows for entries, with the entryCSN that each was read with."""
    return {dn: [marks[dn], content(entry)] for dn, entry in entries.items()}


def content(entry: Entry) -> str:
    """A hash of all values of an entry, in any order, but for those that say when and by whom it was written."""
    parts = [f"{name}\0" + "\0".join(sorted(entry[name])) for name in sorted(entry) if name.lower() not in _PASSING]
    return blake2b("\0\0".join(parts).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
