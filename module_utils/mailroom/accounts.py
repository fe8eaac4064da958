# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for accounts: the diff, what stands in its way, and the gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from . import dn as names
from .diff import Differ
from .directory import ADDRESS, BY_FILES, PASSWORD, Describe, rules
from .gates import Limits, removal_refusals
from .passwords import PENDING
from .plan import CREATE, DELETE, Entries, Plan, Refusal


def plan_accounts(
    desired: Entries,
    live: Entries,
    base: str,
    *,
    allow_removals: Mapping[str, int] | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Return the plan that makes the account files' entries below `base` what is desired.

    `live` holds every entry below `base` (without `base`), whoever made it.
    """
    describe = Describe(base)
    differ = Differ(rules(), describe)
    plan = differ.plan(desired, live)
    present: Counter[tuple[str, str]] = Counter()
    for dn, entry in live.items():
        if differ.ours(entry):
            shown = describe(dn, entry)
            present[shown.group, shown.kind] += 1
    return replace(
        plan,
        refusals=(
            *plan.refusals,
            *removal_refusals(plan, present, allow_removals or {}, limits),
            *_blocked_removals(plan, live),
            *address_conflicts(plan, live, BY_FILES),
        ),
    )


def plan_one(
    dn: str,
    entry: Mapping[str, list[str]] | None,
    live: Entries,
    base: str,
    mark: str,
    *,
    keep_password: bool = True,
) -> Plan:
    """Return the plan for a single object: `entry` is what it should be, None that it should not be there."""
    found = {live_dn: values for live_dn, values in live.items() if names.key(live_dn) == names.key(dn)}
    differ = Differ(rules(mark, keep_password=keep_password), Describe(base))
    plan = differ.plan({} if entry is None else {dn: entry}, found)
    if entry is None and plan.foreign:
        # What is not ours is left alone by design, but here it was asked for by name.
        plan = replace(plan, refusals=differ.plan({dn: {}}, found).refusals)
    return replace(
        plan,
        refusals=(
            *plan.refusals,
            *_blocked_removals(plan, live),
            *address_conflicts(plan, live, mark, only=True),
        ),
    )


def pending(plan: Plan) -> list[str]:
    """Return the addresses of mailboxes to create whose password is still to be set, sorted."""
    return sorted(
        value
        for step in plan.of(CREATE)
        if any(change.attribute == PASSWORD and change.new == (PENDING,) for change in step.changes)
        for change in step.changes
        if change.attribute == "mail"
        for value in change.new
    )


def address_conflicts(plan: Plan, live: Entries, mark: str, *, only: bool = False) -> list[Refusal]:
    """Return where an address that the plan gives away is in use by an entry that the plan does not change.

    The server would refuse these as well (overlay unique), with less to say. With `only`, entries of the same
    mark count too, because a plan for a single object does not move addresses of others.
    """
    gained = {
        value.lower(): step
        for step in plan.steps
        for change in step.changes
        if change.attribute == ADDRESS and step.action != DELETE
        for value in change.added
    }
    if not gained:
        return []
    own = {names.key(step.name) for step in plan.steps}
    ours = set() if only else {names.key(dn) for dn, entry in live.items() if _marked(entry, mark)}
    found = []
    for dn, entry in live.items():
        for value in entry.get(ADDRESS, ()):
            step = gained.get(value.lower())
            if step is not None and names.key(dn) not in own | ours:
                message = f"{value} for {step.kind} {step.label} is already an address of {dn}."
                found.append(Refusal(message, "Take it from there first, or choose another."))
    return found


def _blocked_removals(plan: Plan, live: Entries) -> list[Refusal]:
    """Entries to remove that have others below them which stay."""
    going = {names.key(step.name) for step in plan.of(DELETE)}
    found = []
    for dn in live if going else ():
        if names.key(names.parent(dn)) in going and names.key(dn) not in going:
            message = f"{names.parent(dn)} cannot be removed: {dn} is below it."
            found.append(Refusal(message, "Remove or move that entry first."))
    return found


def _marked(entry: Mapping[str, object], mark: str) -> bool:
    values = entry.get("mailroomManagedBy", ())
    return isinstance(values, (list, tuple)) and mark in values
