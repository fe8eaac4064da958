# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller half of mail_accounts: files in, desired entries out, passwords of new mailboxes made."""

from __future__ import annotations

import datetime
import getpass
import json
import os
import socket
import sys

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase

# Modules get module_utils sent along; on the controller the folder has to be named.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom import cache, hashing, password_file
from mailroom.codec import encode
from mailroom.passwords import is_hash
from mailroom.prepare import Preparation

SCHEMA = os.path.join(_ROOT, "schemas", "domain.schema.json")
# Characters of packed entries that are sent without asking first whether the provider needs them.
SMALL = 100_000
WORDS = {"type": "list", "elements": "str", "default": []}


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
                "checksum": {"type": "str", "default": ""},
                "reset_passwords": {**WORDS, "no_log": False},
                "allow_removals": {"type": "dict", "default": {}},
                "allow_domain_removals": WORDS,
                "allow_quota_below_use": WORDS,
                "allow_no_administrator": WORDS,
                "allow_reuse": WORDS,
                "limits": {"type": "dict", "default": {}},
                "usage": {"type": "dict", "default": {}},
                "whole_plan": {"type": "bool", "default": False},
                "name": {"type": "str", "default": "this host"},
                "others": WORDS,
                "uri": {"type": "str", "default": "ldapi:///"},
                "state_folder": {"type": "path", "default": "/var/lib/mailroom"},
            }
        )
        today = datetime.date.today()
        kept = cache.Cache(cache.default_folder())
        files = Preparation(self._loader.path_dwim(args["path"]), SCHEMA, self._decrypt, kept, today)
        prepared = files.run(args["base"])
        if prepared.errors:
            shown = prepared.errors
            message = f"Errors in the account files ({len(shown)}), nothing was written:\n" + "\n".join(shown)
            return {"failed": True, "msg": message, "findings": shown}
        who = f"{getpass.getuser()} on {socket.gethostname()}"
        asked = cache.digest(prepared.asked.encode(), json.dumps(args["limits"], sort_keys=True).encode())
        module_args = {**args, "today": today.isoformat(), "who": who, "asked": asked}
        result = self._ask(module_args, prepared, task_vars)
        result["warnings"] = [*result.get("warnings", []), *prepared.warnings]
        return result

    def _ask(self, module_args, prepared, task_vars):
        """Call the module with as little as it needs: its last state may be enough, else entries, and passwords."""
        result = {"needs_entries": True}
        if len(prepared.payload) > SMALL and not module_args["reset_passwords"]:
            result = self._call(module_args, task_vars)
        if result.get("needs_entries"):
            module_args = {**module_args, "entries": prepared.payload}
            result = self._call(module_args, task_vars)
        if not result.get("pending"):
            return result
        make = self._passwords(result["pending"], prepared.vaulted, module_args["passwords_file"])
        if self._task.check_mode or result.get("failed"):
            return result
        return make(lambda hashes: self._call({**module_args, "passwords": encode(hashes)}, task_vars))

    def _call(self, module_args, task_vars):
        return self._execute_module("mail_accounts", module_args=module_args, task_vars=task_vars)

    def _passwords(self, addresses, vaulted, file):
        """Return a function that makes and keeps passwords and calls another with their hashes, or fail right away."""
        unknown = [address for address in addresses if address not in vaulted]
        if unknown and not file:
            raise AnsibleActionFail(
                f"{len(unknown)} new mailboxes have no password: {', '.join(unknown[:5])}. "
                "Set passwords_file to have one-time passwords generated, or give each a password."
            )

        def make(call):
            generated = {address: hashing.generate() for address in unknown}
            kept = self._loader.path_dwim(file) if file else ""
            replaced = self._keep(password_file.add, kept, generated) if generated else {}
            given = {name: vaulted[name] for name in addresses if name in vaulted}
            chosen = {name: value if is_hash(value) else hashing.hash_password(value) for name, value in given.items()}
            result = call({**hashing.hash_generated(generated), **chosen})
            # Where it is not known what was written, all that was made is kept.
            if generated and (not result.get("failed") or result.get("written") is False):
                self._keep(password_file.settle, kept, generated, result.get("passwords_set", ()), replaced)
            return result

        return make

    def _keep(self, how, *arguments):
        try:
            return how(*arguments)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(f"cannot keep the one-time passwords: {error}") from error

    def _decrypt(self, envelope):
        try:
            return self._loader._vault.decrypt(envelope)
        except AnsibleError as error:
            raise ValueError(str(error).splitlines()[0]) from None
