#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Apply the wanted entries of one domain with the account modules' code, without the checks of account files.

For tests of what the server refuses: those checks would have found it before.
"""

from __future__ import annotations

from datetime import date

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.accounts import plan_accounts
from ansible.module_utils.mailroom.directory import READ
from ansible.module_utils.mailroom_ansible import COMMON_ARGUMENTS, finish, opened


def main():
    arguments = {"domain": {"type": "str", "required": True}, "entries": {"type": "dict", "required": True}}
    module = AnsibleModule(argument_spec={**COMMON_ARGUMENTS, **arguments})
    base, domain = module.params["base"], module.params["domain"]
    with opened(module, "a test") as (directory, _state):
        live = {dn: entry for dn, entry in directory.read(base, list(READ)).items() if dn.endswith(domain)}
        finish(module, directory, plan_accounts(module.params["entries"], live, base, today=date.today()))


if __name__ == "__main__":
    main()
