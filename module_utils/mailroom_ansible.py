# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account modules share: arguments, the locked directory, and doing what a plan says."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.mailroom.collector import paused
from ansible.module_utils.mailroom_detached import detached
from ansible.module_utils.mailroom_directory import Directory
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError
from ansible.module_utils.mailroom_result import described, judge
from ansible.module_utils.mailroom_state import FOLDER, State

# Mitogen sends along only what is named in full, outside of functions: all that runs on the target is named here.
# It is not imported here: a run that finds nothing to do needs little of it, and each part is compiled at every run.
if TYPE_CHECKING:
    import ansible.module_utils.mailroom.accounts
    import ansible.module_utils.mailroom.actions
    import ansible.module_utils.mailroom.addresses
    import ansible.module_utils.mailroom.batches
    import ansible.module_utils.mailroom.codec
    import ansible.module_utils.mailroom.collector
    import ansible.module_utils.mailroom.diff
    import ansible.module_utils.mailroom.directory
    import ansible.module_utils.mailroom.dn
    import ansible.module_utils.mailroom.draft
    import ansible.module_utils.mailroom.drift
    import ansible.module_utils.mailroom.findings
    import ansible.module_utils.mailroom.gates
    import ansible.module_utils.mailroom.lifecycle
    import ansible.module_utils.mailroom.limits
    import ansible.module_utils.mailroom.model
    import ansible.module_utils.mailroom.moves
    import ansible.module_utils.mailroom.operation
    import ansible.module_utils.mailroom.operations
    import ansible.module_utils.mailroom.passwords
    import ansible.module_utils.mailroom.plan
    import ansible.module_utils.mailroom.quantities
    import ansible.module_utils.mailroom.render
    import ansible.module_utils.mailroom.resets
    import ansible.module_utils.mailroom.reuse
    import ansible.module_utils.mailroom.routing
    import ansible.module_utils.mailroom.single
    import ansible.module_utils.mailroom.snapshot
    import ansible.module_utils.mailroom.spelling
    import ansible.module_utils.mailroom.steps  # noqa: F401

SLAPD = "/usr/sbin/slapd"

COMMON_ARGUMENTS: dict[str, dict[str, Any]] = {
    "base": {"type": "str", "default": "ou=domains,dc=mailroom,dc=example"},
    "uri": {"type": "str", "default": "ldapi:///"},
    "state_folder": {"type": "path", "default": FOLDER},
}


class NoDirectory:
    """What a check sees on a host where a real run would first have installed the directory: nothing yet."""

    def csn(self, base):
        return ""

    def read(self, base, attributes=None):
        return {}

    def entry(self, dn, attributes=None):
        return None

    def marks(self, base):
        return {}

    def other_providers(self, name, base, uris):
        return ""


@contextmanager
def opened(module: Any, who: str = "") -> Iterator[tuple[Any, State]]:
    """Yield the directory and the state beside it; what goes wrong with them fails the module.

    A run that may write holds the lock until the end, so nothing that it has read is changed by another run, and first
    finishes with what a killed one left behind.
    """
    state = State(module.params["state_folder"], module.params["uri"])
    if module.check_mode and (IMPORT_ERROR or not os.path.exists(SLAPD)):
        module.warn("There is no directory on this host yet; this check compares with an empty one.")
        yield NoDirectory(), state
        return
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("python-ldap (Debian: python3-ldap)"), exception=IMPORT_ERROR)
    try:
        with paused():
            if module.check_mode:
                yield Directory(module.params["uri"]), state
                return
            directory = Directory(module.params["uri"], state.journal)
            with state.locked(who):
                if repaired := directory.repair():
                    module.warn(
                        f"A run before this one was cut off: {repaired} writes made sure that replicas are equal."
                    )
                yield directory, state
    except DirectoryError as error:
        module.fail_json(msg=str(error), written=False)


def apply(module: Any, directory: Any, plan: Any, result: dict[str, Any]) -> None:
    """Do what the plan says, unless this is a check, and note in the result how many writes that took."""
    if plan.changed and not module.check_mode:
        try:
            result["writes"] = detached(lambda: directory.apply(plan))
        except DirectoryError as error:
            module.fail_json(msg=str(error), **result)


def finish(module: Any, directory: Any, plan: Any) -> None:
    """Judge and apply a plan for a single object, and end the module with it."""
    result = described(plan)
    judge(module, plan, result)
    apply(module, directory, plan, result)
    module.exit_json(changed=plan.changed, **result)
