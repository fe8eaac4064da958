# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller half of mta_sts_policies: the same data as that of dns_zones in, policies by domain out."""

from __future__ import annotations

import datetime
import os
import sys

from ansible.plugins.action import ActionBase

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom_controller import ARGUMENTS, failure, inputs


class ActionModule(ActionBase):
    """See the documentation of the module mta_sts_policies."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        spec = {name: ARGUMENTS[name] for name in ("platform", "path", "accounts")}
        _result, args = self.validate_argument_spec(
            argument_spec={**spec, "folder": {"type": "path", "required": True}}
        )
        found = inputs(self._loader, args, datetime.date.today())
        policies = found.build().policies if found.sources else {}
        if result := failure(found):
            return result
        module_args = {**args, "platform": {}, "policies": policies}
        return self._execute_module("mta_sts_policies", module_args=module_args, task_vars=task_vars)
