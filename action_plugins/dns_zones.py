# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller half of dns_zones: inventory, account files and zone files in, all zones out."""

from __future__ import annotations

import datetime
import os
import sys

from ansible.plugins.action import ActionBase

# Modules get module_utils sent along; on the controller the folder has to be named.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom.codec import encode
from mailroom.zones.model import to_data
from mailroom_controller import ARGUMENTS, WORDS, failure, inputs


class ActionModule(ActionBase):
    """See the documentation of the module dns_zones."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp=None, task_vars=None):
        super().run(tmp, task_vars)
        _result, args = self.validate_argument_spec(
            argument_spec={
                **ARGUMENTS,
                "folder": {"type": "path", "default": "/var/lib/bind/mailroom"},
                "catalog_suffix": {"type": "str", "default": "catalog.invalid"},
                "signed_views": {**WORDS, "choices": ["internal", "external"], "default": ["external"]},
                "dnssec_policies": {"type": "dict", "default": {}},
                "max_ttl": {"type": "int", "default": 604800},
                "checksum": {"type": "str", "default": ""},
                "limits": {"type": "dict", "default": {}},
                "allow_record_removals": {"type": "dict", "default": {}},
                "allow_zone_removals": WORDS,
                "allow_nameserver_removals": WORDS,
                "allow_mail_removals": WORDS,
                "allow_tlsa_breaks": WORDS,
                "allow_special_addresses": WORDS,
                "allow_adoptions": WORDS,
                "whole_plan": {"type": "bool", "default": False},
            }
        )
        today = datetime.date.today()
        found = inputs(self._loader, args, today)
        zones = found.build().zones if found.sources else {}
        if result := failure(found):
            return result
        platform = found.sources.platform
        module_args = {
            **args,
            # The target needs none of this: the zones hold it.
            "platform": {},
            "certificates": {},
            "today": today.isoformat(),
            "zones": encode(to_data(zones.values())),
            "documentation": platform.documentation,
            "special": sorted(platform.special),
            "remarks": found.warnings,
        }
        return self._execute_module("dns_zones", module_args=module_args, task_vars=task_vars)
