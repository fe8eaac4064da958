# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mail hosts have to do once a plan for accounts is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .directory import AGENT, MAILBOX, QUOTA, REMOVED, STATE, USER
from .lifecycle import own_address
from .model import ACTIVE
from .plan import CREATE, DELETE, RENAME, Change, Plan, Step


def actions(plan: Plan) -> dict[str, Any]:
    """Return the tasks of the mail hosts, by addresses with domains in A-labels, each list sorted.

    ready    mailboxes that are new, back, or under a new name: make folders, check rights
    lock     mailboxes whose owners may not log in any more: end their sessions
    rename   [old, new] addresses of mailboxes whose mail stays where it is: end sessions under the old name
    removed  mailboxes that are quarantined from now on: end sessions
    quota    mailboxes with another quota: count anew
    agents   {address of a shared mailbox: {agent: right}} where rights changed; empty when nobody has any
    """
    found: dict[str, Any] = {"ready": [], "lock": [], "rename": [], "removed": [], "quota": [], "agents": {}}
    for step in plan.steps:
        if step.kind == MAILBOX:
            for task, value in _tasks(step):
                if task == "agents":
                    found[task].update(value)
                else:
                    found[task].append(value)
    for task, value in found.items():
        found[task] = dict(sorted(value.items())) if task == "agents" else sorted(value)
    return found


def _tasks(step: Step) -> Iterator[tuple[str, Any]]:
    if step.action == DELETE:
        yield "removed", own_address(step.name)
        return
    address = own_address(step.name)
    changes = {change.attribute: change for change in (*step.changes, *step.unseen)}
    # A run that stopped half-way may have left only the login name to be changed.
    user = changes.get(USER)
    if user and user.old:
        yield "rename", [user.old[0], user.new[0]]
    if step.action in (CREATE, RENAME) or REMOVED in changes or user:
        yield "ready", address
    if step.action != CREATE:
        if STATE in changes and ACTIVE in changes[STATE].old:
            yield "lock", address
        if QUOTA in changes:
            yield "quota", address
    if AGENT in changes:
        yield "agents", {address: _rights(changes)}


def _rights(changes: Mapping[str, Change]) -> dict[str, str]:
    """{agent: right} out of the values `ADDRESS RIGHT`."""
    return {agent: right for agent, _space, right in (value.rpartition(" ") for value in changes[AGENT].new)}
