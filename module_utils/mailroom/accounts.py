# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for accounts: the diff, what stands in its way, and the gates."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from .diff import Differ
from .directory import ADDRESS, BY_FILES, BY_MODULE, MARK, PASSWORD, Describe, rules
from .dn import key as dn_key
from .dn import parent as dn_parent
from .gates import Limits, removal_refusals
from .passwords import PENDING
from .plan import CREATE, DELETE, UPDATE, Entries, Entry, Plan, Refusal, Step


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
            *address_conflicts(plan, live),
        ),
    )


def plan_one(dn: str, entry: Entry | None, live: Entries, base: str) -> Plan:
    """Return the plan for a single object: `entry` is what it should be, None that it should not be there.

    What account files manage can be changed only where they do not decide: the password.
    """
    found = {live_dn: values for live_dn, values in live.items() if dn_key(live_dn) == dn_key(dn)}
    by_files = any(_marked(values, BY_FILES) for values in found.values())
    mark = BY_FILES if by_files else BY_MODULE
    differ = Differ(rules(mark, keep_password=False), Describe(base))
    plan = differ.plan({} if entry is None else {dn: entry}, found)
    refusals = list(plan.refusals)
    if entry is None and plan.foreign:
        refusals += differ.plan({dn: {}}, found).refusals
    if by_files and any(_goes_beyond_password(step) for step in plan.steps):
        refusals.append(Refusal(f"{dn} is managed by the account files.", "Change it there and apply them."))
    refusals += _blocked_removals(plan, live)
    refusals += address_conflicts(plan, live)
    return replace(plan, refusals=tuple(refusals))


def _goes_beyond_password(step: Step) -> bool:
    return step.action != UPDATE or any(change.attribute != PASSWORD for change in step.changes)


def remarks(live: Entries) -> list[str]:
    """Return a remark on entries that nobody has marked (those of the modules are meant to be there)."""
    unmarked = sorted(dn for dn, entry in live.items() if not entry.get(MARK))
    if not unmarked:
        return []
    shown = "; ".join(unmarked[:5]) + ("; ..." if len(unmarked) > 5 else "")
    return [f"{len(unmarked)} entries were made by hand or by another program and are left alone: {shown}"]


def set_passwords(desired: Mapping[str, dict[str, list[str]]], passwords: Mapping[str, str]) -> None:
    """Fill in passwords that were pending: `passwords` holds hashes by address."""
    for entry in desired.values():
        if entry.get(PASSWORD) == [PENDING] and entry["mail"][0] in passwords:
            entry[PASSWORD] = [passwords[entry["mail"][0]]]


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


def address_conflicts(plan: Plan, live: Entries) -> list[Refusal]:
    """Return where an address that the plan gives to an entry stays with another.

    The server would refuse these as well (overlay unique), with less to say.
    """
    gained: dict[str, Step] = {}
    lost: set[tuple[str, str]] = set()
    for step in plan.steps:
        for change in step.changes:
            if change.attribute == ADDRESS:
                gained.update({value.lower(): step for value in change.added})
                lost.update((dn_key(step.name), value) for value in change.removed)
    found = []
    for dn, entry in live.items() if gained else ():
        for value in entry.get(ADDRESS, ()):
            taker = gained.get(value.lower())
            if taker and dn_key(dn) != dn_key(taker.name) and (dn_key(dn), value) not in lost:
                message = f"{value} for {taker.kind} {taker.label} is already an address of {dn}."
                found.append(Refusal(message, "Take it from there first, or choose another."))
    return found


def _blocked_removals(plan: Plan, live: Entries) -> list[Refusal]:
    """Entries to remove that have others below them which stay."""
    going = {dn_key(step.name) for step in plan.of(DELETE)}
    found = []
    for dn in live if going else ():
        if dn_key(dn_parent(dn)) in going and dn_key(dn) not in going:
            message = f"{dn_parent(dn)} cannot be removed: {dn} is below it."
            found.append(Refusal(message, "Remove or move that entry first."))
    return found


def _marked(entry: Entry, mark: str) -> bool:
    return mark in entry.get(MARK, ())
