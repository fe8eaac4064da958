# SPDX-License-Identifier: GPL-3.0-or-later
"""The records of one domain as text. Runs on the controller only; see the documentation of the module dns_records."""

from __future__ import annotations

import datetime
import os
import sys

from ansible.plugins.action import ActionBase

_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom.zones.records import as_table, as_zone, domain_records
from mailroom_controller import ARGUMENTS, failure, inputs


class ActionModule(ActionBase):
    """See the documentation of the module dns_records."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            argument_spec={
                **ARGUMENTS,
                "domain": {"type": "str", "required": True},
                "view": {"type": "str", "choices": ["internal", "external"], "default": "external"},
            }
        )
        found = inputs(self._loader, args, datetime.date.today())
        if result := failure(found):
            return result
        try:
            records = domain_records(found.sources, args["domain"], args["view"])
        except ValueError as error:
            return {"failed": True, "msg": str(error), "unknown": True}
        rows = [
            {"name": each.name, "type": each.kind, "ttl": each.ttl, "values": list(each.values)} for each in records
        ]
        return {"changed": False, "records": rows, "zone": as_zone(records), "table": as_table(records)}
