# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a plan: as text for a terminal, as Markdown for a merge request, as data for programs."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from .steps import BY_HAND, CREATE, DELETE, FOREIGN, RENAME, UPDATE, Change, Drift, Refusal, Step

MASK = "********"
# Kind of what is kept after a removal so that nobody else gets the address; its end is nothing to worry about.
RESERVATION = "reservation"

_SIGNS = {CREATE: "+", UPDATE: "~", RENAME: ">", DELETE: "-"}
# In a diff block only lines that start with + - or ! are coloured.
_DIFF_SIGNS = {**_SIGNS, UPDATE: "!", RENAME: "!"}
_DRIFT_TITLES = {FOREIGN: "Foreign entries, left alone", BY_HAND: "Changed by hand"}
_RELEASED = "Reservations that end"


class Renderer:
    """Renders steps, drift and refusals; values of the attributes in `secrets` (lower case) are masked."""

    def __init__(
        self, steps: Sequence[Step], drift: Sequence[Drift], refusals: Sequence[Refusal], secrets: Collection[str]
    ):
        self._steps, self._drift, self._refusals = steps, drift, refusals
        self._secret = _Names(secrets)

    def text(self) -> Iterator[str]:
        """Lines for a terminal."""
        for group, steps in self._groups():
            yield group
            for step in steps:
                yield f"  {_SIGNS[step.action]} {_title(step)}"
                for line in self._change_lines(step):
                    yield f"      {line}"
        for drift in self._drift:
            left = ", left alone" if drift.what == FOREIGN else ""
            yield f"{drift.what}{left}: {drift}"
        for refusal in self._refusals:
            yield f"REFUSED: {refusal}"

    def markdown(self) -> Iterator[str]:
        """Lines of Markdown: a section for each group, a diff block in each."""
        for group, steps in self._groups():
            yield from (f"### {group}", "", "```diff")
            for step in steps:
                yield f"{_DIFF_SIGNS[step.action]} {_title(step)}"
                for line in self._change_lines(step):
                    yield f"    {line}"
            yield from ("```", "")
        for what, title in _DRIFT_TITLES.items():
            if found := [drift for drift in self._drift if drift.what == what]:
                yield from (f"### {title}", "", *(f"- {_code(str(drift))}" for drift in found), "")
        if self._refusals:
            yield from ("### Refused", "", *(f"- {refusal}" for refusal in self._refusals), "")

    def steps(self) -> Iterator[dict[str, Any]]:
        """The steps as data."""
        for step in self._steps:
            shown: dict[str, Any] = {
                "action": step.action,
                "name": step.name,
                "label": step.label,
                "group": step.group,
                "kind": step.kind,
                "changes": [
                    {"attribute": name, "old": self._mask(name, old), "new": self._mask(name, new)}
                    for name, old, new in step.changes
                ],
            }
            if step.action == RENAME:
                shown.update(old_name=step.old_name, old_label=step.old_label)
            if step.purge:
                shown["purge"] = step.purge
            yield shown

    def checked(self) -> Iterator[bytes]:
        """What two plans have in common that do the same, whenever they are made: a line of JSON for each step."""
        encode = json.JSONEncoder(separators=(",", ":")).encode
        for step in self._steps:
            changes = [self._masked(change) if self._secret[change[0]] else change for change in step.changes]
            yield encode((step.action, step.name, step.old_name, *changes)).encode() + b"\n"

    def _groups(self) -> Iterator[tuple[str, list[Step]]]:
        groups: dict[str, list[Step]] = {}
        released = []
        for step in self._steps:
            if step.kind == RESERVATION and step.action == DELETE:
                released.append(step)
            else:
                groups.setdefault(step.group or "(all)", []).append(step)
        yield from groups.items()
        if released:
            yield _RELEASED, released

    def _mask(self, attribute: str, values: tuple[str, ...]) -> tuple[str, ...]:
        return (MASK,) * len(values) if self._secret[attribute] else values

    def _masked(self, change: Change) -> Change:
        name, old, new = change
        return Change(name, self._mask(name, old), self._mask(name, new))

    def _change_lines(self, step: Step) -> Iterator[str]:
        if step.action == DELETE:
            if step.purge:
                yield f"mailroomPurge: {step.purge}"
            return
        for change in step.changes:
            name = change.attribute
            old, new = self._mask(name, change.old), self._mask(name, change.new)
            if step.action == CREATE:
                yield f"{name}: {', '.join(new)}"
            elif len(old) == 1 and len(new) == 1:
                yield f"{name}: {old[0]} -> {new[0]}"
            else:
                gone, come = self._mask(name, change.removed), self._mask(name, change.added)
                signed = [f"-{value}" for value in gone] + [f"+{value}" for value in come]
                yield f"{name}: {', '.join(signed) or 'another order'}"


class _Names(dict[str, bool]):
    """Whether an attribute is one of some, whatever its case. Asked a million times for a large plan."""

    def __init__(self, names: Collection[str]) -> None:
        self._names = names

    def __missing__(self, name: str) -> bool:
        self[name] = name.lower() in self._names
        return self[name]


def _title(step: Step) -> str:
    label = step.label or step.name
    if step.action == RENAME:
        label = f"{step.old_label or step.old_name} -> {label}"
    return f"{step.kind} {label}".lstrip()


def _code(text: str) -> str:
    """Text from a directory as Markdown code, which shows it as it is."""
    return f"`{text.replace('`', chr(39))}`"
