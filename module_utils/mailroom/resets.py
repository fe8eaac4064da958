# SPDX-License-Identifier: GPL-3.0-or-later
"""New passwords for mailboxes that are there: no run sets one unless the mailbox is named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from .addresses import canonical_local_part, domain_to_ascii, parse_address
from .directory import PASSWORD, USER, Describe
from .dn import key as dn_key
from .passwords import PENDING
from .plan import CREATE, DELETE, UPDATE, Change, Entries, Plan, Refusal, Step


def with_resets(plan: Plan, desired: Entries, base: str, addresses: Collection[str]) -> Plan:
    """Return the plan with the passwords of the named mailboxes set to those in `desired`.

    A mailbox that the plan makes gets its password anyway. An address that no mailbox of `desired` has is refused.
    """
    if not addresses:
        return plan
    dns = {entry[USER][0]: dn for dn, entry in desired.items() if USER in entry}
    steps = {dn_key(step.name): step for step in plan.steps if step.action != DELETE}
    others = [step for step in plan.steps if step.action == DELETE]
    refusals = list(plan.refusals)
    for address in sorted(set(addresses)):
        dn = dns.get(_user(address))
        if dn is None:
            refusals.append(Refusal(f"{address} of reset_passwords is no mailbox of the account files.", "Correct it."))
        else:
            step = steps.get(dn_key(dn)) or _step(dn, desired, base)
            steps[dn_key(dn)] = _with_password(step, tuple(desired[dn].get(PASSWORD, ())))
    return replace(plan, steps=(*steps.values(), *others), refusals=tuple(refusals))


def setting(plan: Plan, desired: Entries) -> dict[str, bool]:
    """Return the addresses of mailboxes whose password the plan sets, sorted; True where it is still to be made."""
    users = {dn_key(dn): entry[USER][0] for dn, entry in desired.items() if PASSWORD in entry}
    found = {
        users[dn_key(step.name)]: change.new == (PENDING,)
        for step in plan.steps
        for change in step.changes
        if change.attribute == PASSWORD and step.action != DELETE
    }
    return dict(sorted(found.items()))


def _with_password(step: Step, value: tuple[str, ...]) -> Step:
    if step.action == CREATE:
        return step
    changes = [change for change in step.changes if change.attribute != PASSWORD]
    return replace(step, changes=tuple(sorted([*changes, Change(PASSWORD, (), value)])))


def _step(dn: str, desired: Entries, base: str) -> Step:
    shown = Describe(base)(dn, desired[dn])
    return Step(UPDATE, dn, group=shown.group, kind=shown.kind, label=shown.label)


def _user(address: str) -> str:
    """An address as entries have it; one that is none fits no entry."""
    try:
        local, domain = parse_address(address)
        return f"{canonical_local_part(local)}@{domain_to_ascii(domain)}"
    except ValueError:
        return address
