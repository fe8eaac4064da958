# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would change: one shape for accounts, directory configuration and whatever else is planned.

An entry is a dict of attribute name to list of text values; a set of entries is a dict of name (DN) to entry.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .render import MASK, RESERVATION, Renderer
from .steps import BY_HAND, CREATE, DELETE, FOREIGN, RENAME, UPDATE, Change, Drift, Entries, Entry, Refusal, Step

__all__ = [
    "BY_HAND",
    "CREATE",
    "DELETE",
    "FOREIGN",
    "MASK",
    "RENAME",
    "RESERVATION",
    "UPDATE",
    "Change",
    "Drift",
    "Entries",
    "Entry",
    "Plan",
    "Refusal",
    "Step",
]


@dataclass(frozen=True)
class Plan:
    """The sorted steps from a live state to a desired one.

    `existing` counts the live objects that the project made. `drift` has the live objects that it did not make,
    which it never touches, and those of its own that somebody else changed. `refusals` are reasons not to apply,
    `remarks` what is worth a warning. `needs_usage` lists the addresses (sorted) whose use of storage must be known
    before the plan can be judged. Values of the attributes in `secrets` are masked in all that the plan shows, so
    the checksum depends on whether a secret changes, not on the secret.
    """

    steps: tuple[Step, ...] = ()
    existing: int = 0
    drift: tuple[Drift, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    remarks: tuple[str, ...] = ()
    needs_usage: tuple[str, ...] = ()
    secrets: frozenset[str] = field(default_factory=frozenset)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(sorted(self.steps, key=Step.sort_key)))
        object.__setattr__(self, "drift", tuple(sorted(self.drift, key=lambda drift: (drift.what, drift.name))))
        object.__setattr__(self, "secrets", frozenset(name.lower() for name in self.secrets))

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    def of(self, action: str) -> list[Step]:
        """The steps of one action: "create", "update", "rename" or "delete"."""
        return [step for step in self.steps if step.action == action]

    @property
    def foreign(self) -> tuple[str, ...]:
        """The names of live objects that the project did not make."""
        return tuple(drift.name for drift in self.drift if drift.what == FOREIGN)

    @property
    def counts(self) -> dict[str, int]:
        """How many objects are made, changed, renamed, removed, given up after their reservation, and are there."""
        released = sum(step.kind == RESERVATION for step in self.of(DELETE))
        return {
            "creates": len(self.of(CREATE)),
            "updates": len(self.of(UPDATE)),
            "renames": len(self.of(RENAME)),
            "deletes": len(self.of(DELETE)) - released,
            "released": released,
            "existing": self.existing,
        }

    @cached_property
    def checksum(self) -> str:
        """sha256 (hex) over the masked steps. Two plans with one checksum change the same things."""
        digest = hashlib.sha256()
        for line in self._renderer.checked():
            digest.update(line)
        return digest.hexdigest()

    @property
    def summary(self) -> str:
        """The last line of every rendering: counts and checksum. What is rare is left out where there is none."""
        counts = {name: count for name, count in self.counts.items() if count or name not in ("renames", "released")}
        shown = ", ".join(f"{name.capitalize()}={count}" for name, count in counts.items())
        return f"{shown}, Checksum=sha256:{self.checksum}"

    def as_dict(self, *, steps: bool = True) -> dict[str, Any]:
        """The plan as data fit for JSON, with secrets masked. `steps` false leaves out the steps, which may be many."""
        return {**({"steps": list(self._renderer.steps())} if steps else {}), **self._facts()}

    def json(self) -> str:
        """The plan as JSON (RFC 8259), a line for each step: indented, a large plan would take many seconds."""
        encode = json.JSONEncoder(ensure_ascii=False).encode
        steps = ",\n".join(map(encode, self._renderer.steps()))
        facts = ",\n".join(f"{encode(name)}: {encode(value)}" for name, value in self._facts().items())
        return f'{{"steps": [\n{steps}\n],\n{facts}}}'

    def text(self) -> str:
        """The plan for a terminal; ends in the summary line."""
        return "\n".join([*self._renderer.text(), self.summary]) + "\n"

    def markdown(self) -> str:
        """The plan for a merge request: a section for each group, a diff block in each."""
        return "\n".join([*self._renderer.markdown(), self.summary]) + "\n"

    def _facts(self) -> dict[str, Any]:
        return {
            "drift": [vars(drift) for drift in self.drift],
            "refusals": [str(refusal) for refusal in self.refusals],
            "remarks": list(self.remarks),
            "counts": self.counts,
            "checksum": f"sha256:{self.checksum}",
        }

    @property
    def _renderer(self) -> Renderer:
        return Renderer(self.steps, self.drift, self.refusals, self.secrets)
