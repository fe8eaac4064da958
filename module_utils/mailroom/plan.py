# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would change: one shape for accounts, directory configuration and whatever else is planned.

An entry is a dict of attribute name to list of text values; a set of entries is a dict of name (DN) to entry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Sequence[str]]
Entries = Mapping[str, Entry]

CREATE, UPDATE, DELETE = "create", "update", "delete"
MASK = "********"


@dataclass(frozen=True)
class Change:
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
    """One object to create, update or delete.

    `name` identifies the object (a DN), `label` is how people call it (an address), `group` is the heading
    above it (a domain), `kind` says what it is (mailbox). A delete lists what is there as old values.
    """

    action: str
    name: str
    changes: tuple[Change, ...] = ()
    group: str = ""
    kind: str = ""
    label: str = ""

    def sort_key(self) -> tuple[str, str, str]:
        return (self.group, self.label or self.name, self.action)


@dataclass(frozen=True)
class Refusal:
    """Why a plan must not be applied, and what to do about it."""

    message: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


@dataclass(frozen=True)
class Plan:
    """The sorted steps from a live state to a desired one.

    `existing` counts the live objects that the project made, `foreign` names live objects that it did not
    make, and so never touches, `refusals` are reasons not to apply. Values of the attributes in `secrets` are
    masked in all that the plan shows, so the checksum depends on whether a secret changes, not on the secret.
    """

    steps: tuple[Step, ...] = ()
    existing: int = 0
    foreign: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    secrets: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=Step.sort_key)))
        object.__setattr__(self, "foreign", tuple(sorted(self.foreign)))
        object.__setattr__(self, "secrets", frozenset(name.lower() for name in self.secrets))

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def of(self, action: str) -> list[Step]:
        """The steps of one action: "create", "update" or "delete"."""
        return [step for step in self.steps if step.action == action]

    @property
    def counts(self) -> dict[str, int]:
        return {
            "creates": len(self.of(CREATE)),
            "updates": len(self.of(UPDATE)),
            "deletes": len(self.of(DELETE)),
            "existing": self.existing,
        }

    @property
    def checksum(self) -> str:
        """sha256 (hex) over the masked steps. Two plans with one checksum change the same things."""
        data = json.dumps(self._shown_steps(), sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(data.encode("utf-8", "surrogateescape")).hexdigest()

    @property
    def summary(self) -> str:
        """The last line of every rendering: counts and checksum."""
        shown = ", ".join(f"{name.capitalize()}={count}" for name, count in self.counts.items())
        return f"{shown}, Checksum=sha256:{self.checksum}"

    def as_dict(self) -> dict[str, Any]:
        """The plan as data fit for JSON, with secrets masked."""
        return {
            "steps": self._shown_steps(),
            "foreign": list(self.foreign),
            "refusals": [str(refusal) for refusal in self.refusals],
            "counts": self.counts,
            "checksum": f"sha256:{self.checksum}",
        }

    def json(self) -> str:
        return json.dumps(self.as_dict(), indent=2, ensure_ascii=False)

    def text(self) -> str:
        """The plan for a terminal; ends in the summary line."""
        lines: list[str] = []
        for group, steps in self._groups():
            lines.append(group)
            for step in steps:
                lines.append(f"  {_SIGNS[step.action]} {_title(step)}")
                lines.extend(f"      {line}" for line in self._change_lines(step))
        lines.extend(f"foreign, left alone: {name}" for name in self.foreign)
        lines.extend(f"REFUSED: {refusal}" for refusal in self.refusals)
        return "\n".join([*lines, self.summary]) + "\n"

    def markdown(self) -> str:
        """The plan for a merge request: a section for each group, a diff block in each."""
        lines: list[str] = []
        for group, steps in self._groups():
            lines += [f"### {group}", "", "```diff"]
            for step in steps:
                sign = "!" if step.action == UPDATE else _SIGNS[step.action]
                lines.append(f"{sign} {_title(step)}")
                lines.extend(f"    {line}" for line in self._change_lines(step))
            lines += ["```", ""]
        if self.foreign:
            lines += ["### Foreign entries, left alone", "", *(f"- `{name}`" for name in self.foreign), ""]
        if self.refusals:
            lines += ["### Refused", "", *(f"- {refusal}" for refusal in self.refusals), ""]
        return "\n".join([*lines, self.summary]) + "\n"

    def _groups(self) -> Iterator[tuple[str, list[Step]]]:
        groups: dict[str, list[Step]] = {}
        for step in self.steps:
            groups.setdefault(step.group, []).append(step)
        yield from ((group or "(all)", steps) for group, steps in groups.items())

    def _mask(self, attribute: str, values: Iterable[str]) -> list[str]:
        values = list(values)
        return [MASK for _ in values] if attribute.lower() in self.secrets else values

    def _shown_steps(self) -> list[dict[str, Any]]:
        return [
            {
                "action": step.action,
                "name": step.name,
                "label": step.label,
                "group": step.group,
                "kind": step.kind,
                "changes": [
                    {
                        "attribute": change.attribute,
                        "old": self._mask(change.attribute, change.old),
                        "new": self._mask(change.attribute, change.new),
                    }
                    for change in step.changes
                ],
            }
            for step in self.steps
        ]

    def _change_lines(self, step: Step) -> Iterator[str]:
        if step.action == DELETE:
            return
        for change in step.changes:
            old, new = (self._mask(change.attribute, values) for values in (change.old, change.new))
            if step.action == CREATE:
                yield f"{change.attribute}: {', '.join(new)}"
            elif len(old) == 1 and len(new) == 1:
                yield f"{change.attribute}: {old[0]} -> {new[0]}"
            else:
                gone, come = (self._mask(change.attribute, values) for values in (change.removed, change.added))
                signed = [f"-{value}" for value in gone] + [f"+{value}" for value in come]
                yield f"{change.attribute}: {', '.join(signed) or 'another order'}"


def _title(step: Step) -> str:
    return f"{step.kind} {step.label or step.name}".lstrip()


_SIGNS = {CREATE: "+", UPDATE: "~", DELETE: "-"}
