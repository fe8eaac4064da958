# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes and rolls over DKIM keys. Runs on the controller only; see the documentation of the module dkim_keys."""

from __future__ import annotations

import datetime
import os
import sys

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom.zones.dkim_key import make_key
from mailroom.zones.dkim_steps import PUBLISH, Pace
from mailroom.zones.dkim_store import Store, StoreError, due_steps, told
from mailroom_controller import ARGUMENTS, WORDS, failure, inputs

# Whoever has no vault password can still run DNS as long as no new key is due.
NEEDS_VAULT = (
    "New DKIM keys are due, they are kept encrypted, and there is no vault password: give one as for other secrets "
    "(--ask-vault-pass, or vault_password_file in ansible.cfg)."
)
# Of more steps than this the rest is left out of the diff.
SHOWN = 200


class ActionModule(ActionBase):
    """See the documentation of the module dkim_keys."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        spec = {name: ARGUMENTS[name] for name in ("platform", "path", "accounts")}
        _result, args = self.validate_argument_spec(
            argument_spec={
                **spec,
                "dkim": {"type": "path", "required": True},
                "encrypt": {"type": "bool", "default": True},
                "bits": {"type": "int", "choices": [2048, 3072, 4096], "default": 2048},
                "wait_days": {"type": "int", "default": 2},
                "use_days": {"type": "int", "default": 180},
                "keep_days": {"type": "int", "default": 7},
                "now": WORDS,
            }
        )
        today = datetime.date.today()
        found = inputs(self._loader, {**args, "dkim": None}, today)
        if result := failure(found):
            return result
        store = Store(self._loader.path_dwim(args["dkim"]))
        domains = [domain.name for domain in found.sources.domains]
        pace = Pace(args["wait_days"], args["use_days"], args["keep_days"])
        try:
            steps = due_steps(store, domains, today, pace, args["now"])
            if args["encrypt"] and not self._loader._vault.secrets and any(step.action == PUBLISH for _, step in steps):
                return {"failed": True, "msg": NEEDS_VAULT}
            if not self._task.check_mode:
                for domain, step in steps:
                    store.take(domain, step, today, lambda: self._make(args))
        except (StoreError, ValueError, OSError, AnsibleError) as error:
            return {"failed": True, "msg": f"DKIM keys: {error}"}
        lines = [told(domain, step) for domain, step in steps]
        result = {"changed": bool(lines), "steps": lines}
        if lines and self._task.diff:
            result["diff"] = {"prepared": "".join(f"{line}\n" for line in lines[:SHOWN])}
        if lines and self._task.check_mode:
            Display().warning("The plan of zones does not show DKIM records of keys that a run would first make.")
        return result

    def _make(self, args):
        private, public = make_key(args["bits"])
        return (self._loader._vault.encrypt(private) if args["encrypt"] else private), public
