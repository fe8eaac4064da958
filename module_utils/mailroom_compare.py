# SPDX-License-Identifier: GPL-3.0-or-later
"""The run of mail_accounts that compares everything: plan, judge, write, and keep what the next run needs."""

from __future__ import annotations

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
from ansible.module_utils.mailroom.snapshot import CSN, Snapshot, marks_of, rows
from ansible.module_utils.mailroom_ansible import apply
from ansible.module_utils.mailroom_result import described, judge

# After more writes than this, nothing is kept and the run after them reads everything: what it would be spared must be
# read back and planned once more, which takes a third as long again as the writes.
MANY = 5000


class Comparison:
    """The files' entries beside the directory's. `run` is the Run that this is a part of."""

    def __init__(self, run: Any) -> None:
        self._run, self._module, self._directory, self._state = run, run.module, run.directory, run.state
        self._params, self._base = run.params, run.base

    def finish(self) -> None:
        """Do it, and end the module with the result."""
        data = decode(self._params["entries"])
        desired, passwords = data["entries"], self._passwords()
        set_passwords(desired, passwords)
        live = self._directory.read(self._base, [*READ, CSN])
        marks = marks_of(live)
        self._run.time("read")
        plan = self._plan(desired, live, data["renames"])
        self._run.time("plan")
        given = setting(plan, desired)
        pending = [address for address, to_make in given.items() if to_make]
        before = self._directory.csn(self._base)
        result = self._result(plan, live, pending) | {"csn": before}
        judge(self._module, plan, result)
        if pending and not self._module.check_mode:
            # The controller makes these passwords and calls again; nothing has been written.
            self._run.exit(result, changed=False)
        apply(self._module, self._directory, plan, result)
        result["csn"] = self._directory.csn(self._base)
        result["passwords_set"] = [address for address in given if address in passwords] if result["writes"] else []
        self._run.time("write")
        if not self._module.check_mode and result["writes"] <= MANY:
            self._keep(data, live, marks, plan, before)
        self._run.exit(result, changed=plan.changed)

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

    def _keep(self, data: dict[str, Any], live: dict[str, Any], marks: dict[str, str], plan: Plan, before: str) -> None:
        """Remember what the directory looks like now, and that there is nothing to do, for the next run."""
        if plan.changed:
            gone = {name for step in plan.steps for name in (step.before, step.name)}
            live = {dn: entry for dn, entry in live.items() if dn not in gone}
            written = self._directory.since(self._base, before, [*READ, CSN])
            marks |= marks_of(written)
            live |= written
            plan = self._plan(data["entries"], live, data["renames"], resets=())
        if not plan.changed and not plan.refusals:
            result = self._result(plan, live)
            self._state.save(Snapshot(self._params["asked"], rows(live, marks), result))
        self._run.time("keep")

    def _result(self, plan: Plan, live: Entries, pending: Sequence[str] = ()) -> dict[str, Any]:
        facts = {"needs_usage": list(plan.needs_usage), "actions": actions(plan), "pending": list(pending)}
        return (
            described(plan, whole=self._params["whole_plan"])
            | facts
            | {"remarks": [*plan.remarks, *remarks(live)], "passwords_set": []}
        )
