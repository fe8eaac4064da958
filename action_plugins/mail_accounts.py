# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller half of mail_accounts: files in, desired entries out, passwords of new mailboxes made."""

from __future__ import annotations

import datetime
import os
import sys

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

# Modules get module_utils sent along; on the controller the folder has to be named.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom import directory, hashing, password_file
from mailroom.codec import encode
from mailroom.findings import errors, warnings
from mailroom.read import read_accounts

SCHEMA = os.path.join(_ROOT, "schemas", "domain.schema.json")


class ActionModule(ActionBase):
    """See the documentation of the module mail_accounts."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            argument_spec={
                "path": {"type": "path", "required": True},
                "passwords_file": {"type": "path", "no_log": False},
                "base": {"type": "str", "default": "ou=domains,dc=mailroom,dc=example"},
                "allow_removals": {"type": "dict", "default": {}},
                "uri": {"type": "str", "default": "ldapi:///"},
            }
        )
        accounts = read_accounts(self._loader.path_dwim(args["path"]), SCHEMA, self._decrypt, datetime.date.today())
        problems = errors(accounts.findings)
        if problems:
            shown = [str(finding) for finding in problems]
            message = f"Errors in the account files ({len(shown)}), nothing was written:\n" + "\n".join(shown)
            return {"failed": True, "msg": message, "findings": shown}
        desired = directory.entries(accounts.domains.values(), args["base"])
        module_args = {**args, "entries": encode(desired)}
        result = self._call(module_args, task_vars)
        if result.get("pending"):
            passwords = self._passwords(result["pending"], accounts.vaulted, args["passwords_file"])
            if not self._task.check_mode and not result.get("failed"):
                result = self._call({**module_args, "passwords": encode(passwords())}, task_vars)
        remarks = [str(finding) for finding in warnings(accounts.findings)]
        result["warnings"] = [*result.get("warnings", []), *remarks]
        return result

    def _call(self, module_args, task_vars):
        return self._execute_module("mail_accounts", module_args=module_args, task_vars=task_vars)

    def _passwords(self, addresses, vaulted, file):
        """Return a function that makes, keeps and hashes passwords of new mailboxes, or fail right away."""
        unknown = [address for address in addresses if address not in vaulted]
        if unknown and not file:
            raise AnsibleActionFail(
                f"{len(unknown)} new mailboxes have no password: {', '.join(unknown[:5])}. "
                "Set passwords_file to have one-time passwords generated, or give each a password."
            )

        def make():
            generated = {address: hashing.generate() for address in unknown}
            if generated:
                try:
                    password_file.add(self._loader.path_dwim(file), generated)
                except (OSError, ValueError) as error:
                    raise AnsibleActionFail(f"cannot keep the one-time passwords: {error}") from error
            chosen = {name: hashing.hash_password(vaulted[name]) for name in addresses if name in vaulted}
            return {**hashing.hash_generated(generated), **chosen}

        return make

    def _decrypt(self, envelope):
        try:
            return self._loader._vault.decrypt(envelope)
        except AnsibleError as error:
            raise ValueError(str(error).splitlines()[0]) from None
