# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for accounts: the steps, what stands in their way, the gates, and what others did to the entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from .diff import Differ
from .directory import BY_FILES, BY_MODULE, DIGEST, MARK, PASSWORD, USER, Describe, rules
from .dn import key as dn_key
from .draft import Draft
from .drift import drift
from .gates import Allowed, Case, Limits, hold_refusals, judge
from .lifecycle import Life, retired
from .moves import resolve
from .passwords import PENDING
from .plan import CREATE, UPDATE, Entries, Entry, Plan, Refusal, Step
from .reuse import grouped


def plan_accounts(
    desired: Entries,
    live: Entries,
    base: str,
    *,
    today: date,
    renames: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    allowed: Allowed | None = None,
    usage: Mapping[str, int] | None = None,
) -> Plan:
    """Return the plan that makes the account files' entries below `base` what is desired.

    `live` holds every entry below `base` (without `base`), whoever made it, `renames` the DNs that renamed mailboxes
    should have with those that they had before (see directory.renames), `usage` the bytes that mailboxes use by
    address, as far as they were asked for. Removed mailboxes keep their entries for a while; see lifecycle.py.
    """
    limits, allowed = limits or Limits(), allowed or Allowed()
    differ = Differ(rules(), Describe(base))
    moves = resolve(renames or {}, desired, live)
    draft = Draft(desired, live, differ, Life(today, limits), moves)
    case = Case(draft.steps, desired, live, differ, draft.takings.found, limits, allowed, usage or {})
    verdict = judge(case)
    return Plan(
        steps=tuple(draft.steps),
        existing=sum(differ.ours(entry) and not retired(entry) for entry in live.values()),
        drift=tuple(drift(live, draft.steps, draft.gone, differ)),
        refusals=(*sorted(draft.refusals, key=str), *verdict.refusals),
        remarks=tuple(moves.remarks),
        needs_usage=tuple(sorted(verdict.needs_usage)),
        secrets=frozenset(differ.rules.secrets),
    )


def plan_one(
    dn: str, entry: Entry | None, live: Entries, base: str, *, today: date, limits: Limits | None = None
) -> Plan:
    """Return the plan for a single object: `entry` is what it should be, None that it should not be there.

    What account files manage can be changed only where they do not decide: the password.
    """
    found = {live_dn: values for live_dn, values in live.items() if dn_key(live_dn) == dn_key(dn)}
    by_files = any(BY_FILES in values.get(MARK, ()) for values in found.values())
    differ = Differ(rules(BY_FILES if by_files else BY_MODULE, keep_password=False), Describe(base))
    desired = {} if entry is None else {dn: entry}
    life = Life(today, limits or Limits())
    draft = Draft(desired, live, differ, life, removable=lambda name: name in found)
    refusals = [*draft.refusals, *hold_refusals(draft.steps, live)]
    foreign = [name for name, values in found.items() if not differ.ours(values)]
    if entry is None:
        refusals += [differ.not_ours(name) for name in foreign]
    if by_files and any(_goes_beyond_password(step) for step in draft.steps):
        refusals.append(Refusal(f"{dn} is managed by the account files.", "Change it there and apply them."))
    for takings in grouped(draft.takings.found, ()).values():
        reasons = "; ".join(f"{taking.address} {taking.why}" for taking in takings)
        refusals.append(Refusal(f"{reasons}.", "Choose another address, or wait. Account files can say allow_reuse."))
    return Plan(
        steps=tuple(draft.steps),
        existing=len(found) - len(foreign),
        drift=tuple(drift(found, draft.steps, (), differ)),
        refusals=tuple(refusals),
        secrets=frozenset(differ.rules.secrets),
    )


def _goes_beyond_password(step: Step) -> bool:
    names = {change.attribute for change in step.writes}
    return step.action != UPDATE or not names <= {PASSWORD, DIGEST}


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
        if entry.get(PASSWORD) == [PENDING] and entry[USER][0] in passwords:
            entry[PASSWORD] = [passwords[entry[USER][0]]]


def pending(plan: Plan) -> list[str]:
    """Return the addresses of mailboxes to create whose password is still to be set, sorted."""
    found = []
    for step in plan.of(CREATE):
        values = {change.attribute: change.new for change in step.changes}
        if values.get(PASSWORD) == (PENDING,):
            found.append(values[USER][0])
    return sorted(found)
