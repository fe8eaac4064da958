# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of mail_accounts on the provider: from the arguments to the result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date
from typing import Any

from ansible.module_utils.mailroom.accounts import plan_accounts, remarks, set_passwords
from ansible.module_utils.mailroom.actions import actions
from ansible.module_utils.mailroom.codec import decode
from ansible.module_utils.mailroom.directory import READ
from ansible.module_utils.mailroom.limits import Allowed, Limits
from ansible.module_utils.mailroom.plan import Entries, Plan
from ansible.module_utils.mailroom.resets import setting, with_resets
from ansible.module_utils.mailroom.snapshot import CSN, Snapshot, rows
from ansible.module_utils.mailroom_ansible import apply, described, judge
from ansible.module_utils.mailroom_state import State

# Entries written by others since the last run: up to so many are read one by one, for more everything is read.
FEW = 300
# After more writes than this, nothing is kept and the run after them reads everything: what it would be spared must be
# read back and planned once more, which takes a third as long again as the writes.
MANY = 5000


class Run:
    """`module` has the arguments of mail_accounts; `directory` and `state` come from opened()."""

    def __init__(self, module: Any, directory: Any, state: State) -> None:
        self._module, self._directory, self._state = module, directory, state
        self._params = module.params
        self._base = self._params["base"]
        self._times: dict[str, float] = {}
        self._started = self._lap = time.monotonic()

    def finish(self) -> None:
        """Do it, and end the module with the result."""
        problem = self._directory.other_providers(self._params["name"], self._base, self._params["others"])
        if problem:
            self._module.fail_json(msg=problem, written=False)
        if self._params["entries"]:
            self._compare()
        known = self._unchanged()
        if known is None:
            self._module.exit_json(changed=False, needs_entries=True)
        self._time("read")
        self._exit(known, changed=False)

    def _compare(self) -> None:
        """Read everything, plan, judge, write."""
        data = decode(self._params["entries"])
        desired, passwords = data["entries"], self._passwords()
        set_passwords(desired, passwords)
        live = self._directory.read(self._base, [*READ, CSN])
        marks = _marks(live)
        self._time("read")
        plan = self._plan(desired, live, data["renames"])
        self._time("plan")
        given = setting(plan, desired)
        pending = [address for address, to_make in given.items() if to_make]
        before = self._directory.csn(self._base)
        result = self._result(plan, live, pending) | {"csn": before}
        judge(self._module, plan, result)
        if pending and not self._module.check_mode:
            # The controller makes these passwords and calls again; nothing has been written.
            self._exit(result, changed=False)
        apply(self._module, self._directory, plan, result)
        result["csn"] = self._directory.csn(self._base)
        result["passwords_set"] = [address for address in given if address in passwords] if result["writes"] else []
        self._time("write")
        if not self._module.check_mode and result["writes"] <= MANY:
            self._keep(data, live, marks, plan, before)
        self._exit(result, changed=plan.changed)

    def _passwords(self) -> dict[str, str]:
        return dict(decode(self._params["passwords"])) if self._params["passwords"] else {}

    def _plan(
        self, desired: Entries, live: Entries, renames: dict[str, str], resets: Sequence[str] | None = None
    ) -> Plan:
        params = self._params
        try:
            limits = Limits.of(params["limits"])
        except ValueError as error:
            self._module.fail_json(msg=str(error))
        allowed = Allowed(**{word: params[f"allow_{word}"] for word in Allowed.__dataclass_fields__})
        plan = plan_accounts(
            desired,
            live,
            self._base,
            today=date.fromisoformat(params["today"]),
            renames=renames,
            limits=limits,
            allowed=allowed,
            usage=params["usage"],
        )
        return with_resets(plan, desired, self._base, params["reset_passwords"] if resets is None else resets)

    def _unchanged(self) -> dict[str, Any] | None:
        """The result of the last run if it was about the same, and nothing that matters was written since."""
        last = self._state.load()
        if last is None or last.asked != self._params["asked"]:
            return None
        changed = last.changed(self._directory.marks(self._base))
        if changed is None or len(changed) > FEW:
            return None
        entries = {dn: self._directory.entry(dn, [*READ, CSN]) for dn in changed}
        marks = _marks(entries) if all(entries.values()) else {}
        if len(marks) != len(changed) or not last.same(entries):
            return None
        if changed and not self._module.check_mode:
            last.rows.update(rows(entries, marks))
            self._state.save(last)
        return {**last.result, "csn": self._directory.csn(self._base)}

    def _keep(self, data: dict[str, Any], live: dict[str, Any], marks: dict[str, str], plan: Plan, before: str) -> None:
        """Remember what the directory looks like now, and that there is nothing to do, for the next run."""
        if plan.changed:
            gone = {name for step in plan.steps for name in (step.before, step.name)}
            live = {dn: entry for dn, entry in live.items() if dn not in gone}
            written = self._directory.since(self._base, before, [*READ, CSN])
            marks |= _marks(written)
            live |= written
            plan = self._plan(data["entries"], live, data["renames"], resets=())
        if not plan.changed and not plan.refusals:
            result = self._result(plan, live)
            self._state.save(Snapshot(self._params["asked"], rows(live, marks), result))
        self._time("keep")

    def _result(self, plan: Plan, live: Entries, pending: Sequence[str] = ()) -> dict[str, Any]:
        facts = {"needs_usage": list(plan.needs_usage), "actions": actions(plan), "pending": list(pending)}
        return (
            described(plan, whole=self._params["whole_plan"])
            | facts
            | {"remarks": [*plan.remarks, *remarks(live)], "passwords_set": []}
        )

    def _time(self, what: str) -> None:
        now = time.monotonic()
        self._times[what], self._lap = round(now - self._lap, 3), now

    def _exit(self, result: dict[str, Any], *, changed: bool) -> None:
        for remark in result["remarks"]:
            self._module.warn(remark)
        result["seconds"] = {**self._times, "all": round(time.monotonic() - self._started, 3)}
        self._module.exit_json(changed=changed, **result)


def _marks(entries: dict[str, Any]) -> dict[str, str]:
    """Take the entryCSN out of entries, by DN: what is planned does not depend on it."""
    return {dn: entry.pop(CSN)[0] for dn, entry in entries.items()}
