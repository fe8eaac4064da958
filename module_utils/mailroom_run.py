# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of mail_accounts on the provider: from the arguments to the result."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ansible.module_utils.mailroom.snapshot import CSN, Snapshot, marks_of, rows
from ansible.module_utils.mailroom_state import State

if TYPE_CHECKING:
    # Mitogen sends along what is named outside of functions.
    import ansible.module_utils.mailroom_compare  # noqa: F401

# Entries written by others since the last run: up to so many are read one by one, for more everything is read.
FEW = 300


class Run:
    """`module` has the arguments of mail_accounts; `directory` and `state` come from opened()."""

    def __init__(self, module: Any, directory: Any, state: State) -> None:
        self.module, self.directory, self.state = module, directory, state
        self.params = module.params
        self.base = self.params["base"]
        self._times: dict[str, float] = {}
        self._started = self._lap = time.monotonic()

    def finish(self) -> None:
        """Do it, and end the module with the result."""
        problem = self.directory.other_providers(self.params["name"], self.base, self.params["others"])
        if problem:
            self.module.fail_json(msg=problem, written=False)
        if self.params["entries"]:
            # What plans and writes takes a while to compile, and a run that finds nothing to do does without it.
            from ansible.module_utils.mailroom_compare import Comparison

            Comparison(self).finish()
        known = self._unchanged()
        if known is None:
            self.module.exit_json(changed=False, needs_entries=True)
        self.time("read")
        self.exit(known, changed=False)

    def _unchanged(self) -> dict[str, Any] | None:
        """The result of the last run if it was about the same, and nothing that matters was written since."""
        last = self.state.load()
        if last is None or last.asked != self.params["asked"]:
            return None
        changed = last.changed(self.directory.marks(self.base))
        if changed is None or len(changed) > FEW:
            return None
        if changed and not self._passing(last, changed):
            return None
        return {**last.result, "csn": self.directory.csn(self.base)}

    def _passing(self, last: Snapshot, changed: Iterable[str]) -> bool:
        """Whether entries that were written since are as they were then in all that matters. If so, that is kept."""
        from ansible.module_utils.mailroom.directory import READ

        entries = {dn: self.directory.entry(dn, [*READ, CSN]) for dn in changed}
        if not all(entries.values()):
            return False
        marks = marks_of(entries)
        if not last.same(entries):
            return False
        if not self.module.check_mode:
            last.rows.update(rows(entries, marks))
            self.state.save(last)
        return True

    def time(self, what: str) -> None:
        """Note how long a part took, for the result."""
        now = time.monotonic()
        self._times[what], self._lap = round(now - self._lap, 3), now

    def exit(self, result: dict[str, Any], *, changed: bool) -> None:
        """End the module."""
        for remark in result["remarks"]:
            self.module.warn(remark)
        result["seconds"] = {**self._times, "all": round(time.monotonic() - self._started, 3)}
        self.module.exit_json(changed=changed, **result)
