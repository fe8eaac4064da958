# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account modules share: common arguments, connecting, and ending with a plan as the result."""

from __future__ import annotations

import os

# Mitogen sends along only modules that are named in full: all that run on the target are named here.
import ansible.module_utils.mailroom.accounts
import ansible.module_utils.mailroom.actions
import ansible.module_utils.mailroom.addresses
import ansible.module_utils.mailroom.codec
import ansible.module_utils.mailroom.diff
import ansible.module_utils.mailroom.dn
import ansible.module_utils.mailroom.draft
import ansible.module_utils.mailroom.drift
import ansible.module_utils.mailroom.findings
import ansible.module_utils.mailroom.gates
import ansible.module_utils.mailroom.lifecycle
import ansible.module_utils.mailroom.limits
import ansible.module_utils.mailroom.model
import ansible.module_utils.mailroom.moves
import ansible.module_utils.mailroom.operations
import ansible.module_utils.mailroom.passwords
import ansible.module_utils.mailroom.plan
import ansible.module_utils.mailroom.quantities
import ansible.module_utils.mailroom.render
import ansible.module_utils.mailroom.reuse
import ansible.module_utils.mailroom.routing
import ansible.module_utils.mailroom.single
import ansible.module_utils.mailroom.spelling
import ansible.module_utils.mailroom.steps  # noqa: F401
from ansible.module_utils.basic import missing_required_lib
from ansible.module_utils.mailroom.directory import ADDRESS
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError
from ansible.module_utils.mailroom_transactions import Directory

SLAPD = "/usr/sbin/slapd"

# Ansible takes longer to pass the steps of a large plan around than the directory takes to do them.
MOST_STEPS = 500

COMMON_ARGUMENTS = {
    "base": {"type": "str", "default": "ou=domains,dc=mailroom,dc=example"},
    "uri": {"type": "str", "default": "ldapi:///"},
}


class NoDirectory:
    """What a check sees on a host where a real run would first have installed the directory: nothing yet."""

    def read(self, base, attributes=None):
        return {}

    def entry(self, dn, attributes=None):
        return None


def connect(module):
    """Return the directory, or fail with what is missing."""
    if module.check_mode and (IMPORT_ERROR or not os.path.exists(SLAPD)):
        module.warn("There is no directory on this host yet; this check compares with an empty one.")
        return NoDirectory()
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("python-ldap (Debian: python3-ldap)"), exception=IMPORT_ERROR)
    try:
        return Directory(module.params["uri"])
    except DirectoryError as error:
        module.fail_json(msg=str(error))


def finish(module, directory, plan, **facts):
    """Apply the plan, unless it is refused or this is a check, and end the module with it as the result."""
    shown = plan.as_dict()
    if len(plan.steps) > MOST_STEPS:
        del shown["steps"]
    result = {"plan": shown, "summary": plan.summary, "writes": 0, **facts}
    if module._diff:
        result["diff"] = {"prepared": plan.text()} if plan.changed else {}
    if plan.refusals:
        module.fail_json(msg="\n".join(["Refused, nothing was written.", *map(str, plan.refusals)]), **result)
    if plan.changed and not module.check_mode:
        try:
            result["writes"] = directory.apply(plan, unique=ADDRESS)
        except DirectoryError as error:
            module.fail_json(msg=str(error), **result)
    module.exit_json(changed=plan.changed, **result)
