# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made of: changes of attributes, steps, remarks on drift, refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

Entry = Mapping[str, Sequence[str]]
Entries = Mapping[str, Entry]

CREATE, UPDATE, RENAME, DELETE = "create", "update", "rename", "delete"
# What a drift is: an entry that the project did not make, or one of its own that somebody else changed.
FOREIGN, BY_HAND = "foreign", "changed by hand"


class Change(NamedTuple):
    """One attribute of one object: its values before and after, in a fixed order. Empty means not there."""

    attribute: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def removed(self) -> tuple[str, ...]:
        """Values that go, in order."""
        return tuple(value for value in self.old if value not in self.new)

    @property
    def added(self) -> tuple[str, ...]:
        """Values that come, in order."""
        return tuple(value for value in self.new if value not in self.old)


@dataclass(frozen=True)
class Step:
    """One object to create, update, rename or delete.

    `name` identifies the object (a DN), `label` is how people call it (an address), `group` is the heading
    above it (a domain), `kind` says what it is (mailbox). A delete lists what is there as old values.

    `unseen` changes are written with the others, but depend on the day: they are neither shown nor part of the
    checksum. A rename has the DN and label that the object had before as `old_name` and `old_label`.
    Of a delete, `stays` are changes to write instead of deleting (None: it is deleted), `aside` is the DN to
    which the entry moves to make room, and `purge` the date (YYYY-MM-DD) from which what belongs to it is deleted.
    `order` is what a step is sorted by within its group where its label is not (names of DNS read from the right).
    """

    action: str
    name: str
    changes: tuple[Change, ...] = ()
    group: str = ""
    kind: str = ""
    label: str = ""
    old_name: str = ""
    old_label: str = ""
    unseen: tuple[Change, ...] = ()
    stays: tuple[Change, ...] | None = None
    aside: str = ""
    purge: str = ""
    order: str = ""

    def sort_key(self) -> tuple[str, str, str]:
        return (self.group, self.order or self.label or self.name, self.action)

    @property
    def before(self) -> str:
        """The DN that the object has before the step (of a create: will have)."""
        return self.old_name or self.name

    @property
    def after(self) -> str:
        """The DN that the object has after the step, if it is still there then."""
        return self.aside or self.name

    @property
    def writes(self) -> tuple[Change, ...]:
        """All attributes to write; of a delete those of the entry that stays."""
        if self.action == DELETE:
            return self.stays or ()
        return self.changes + self.unseen


@dataclass(frozen=True)
class Drift:
    """An entry that is not as the project left it: what it is (FOREIGN, BY_HAND), by whom, since when (RFC 3339)."""

    name: str
    label: str = ""
    group: str = ""
    what: str = FOREIGN
    owner: str = ""
    time: str = ""

    def __str__(self) -> str:
        since = " ".join(part for part in (f"by {self.owner}" if self.owner else "", self.time) if part)
        return f"{self.label or self.name}" + (f" ({since})" if since else "")


@dataclass(frozen=True)
class Refusal:
    """Why a plan must not be applied, and what to do about it."""

    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()
