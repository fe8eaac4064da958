#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring all zones of both views to the primary name server in one call (the half on the server)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: dns_zones
short_description: Make the zones of a name server what inventory, account files and zone files say
description:
  - Derives all zones of both views on the controller, compares them with the zone files on the primary, and writes the
    difference. Nothing is written if the data has an error, a gate refuses the plan, or C(named-checkzone) refuses a
    file.
  - Serials grow only where records change. BIND is told of changed zones by C(rndc reload ZONE IN VIEW) and of new ones
    by C(rndc reconfig); secondaries learn of them from the catalog zone of each view.
  - Zones that Mailroom did not make are never changed or removed; they are reported.
  - A zone that BIND does not load all the same gets its file back as it was, and the run fails naming it.
options:
  platform:
    description: Hosts, services, networks and settings, as C($defs/platform) in C(schemas/zone.schema.json) has them.
    type: dict
    required: true
  path:
    description: Folder of zone files (YAML) on the controller. One that is not there has none.
    type: path
    required: true
  accounts:
    description: File or folder of account files on the controller, for their mail domains. None means no mail domains.
    type: path
  dkim:
    description: Folder of DKIM keys on the controller, as C(dkim_keys) keeps them. Only their public halves are read.
    type: path
  certificates:
    description: PEM certificates by name of mail host, whose keys are published for DANE (TLSA).
    type: dict
    default: {}
  folder:
    description: Where zone files lie on the target. The role bind makes it.
    type: path
    default: /var/lib/bind/mailroom
  catalog_suffix:
    description: Catalog zones are called V(internal.SUFFIX) and V(external.SUFFIX); the same as in the role bind.
    type: str
    default: catalog.invalid
  signed_views:
    description: Views whose zones are signed; the same as in the role bind.
    type: list
    elements: str
    choices: [internal, external]
    default: [external]
  dnssec_policies:
    description: >-
      DNSSEC policies of zones that differ from the view's: V(insecure) while a zone goes back to unsigned, V(none) for
      one that never was signed.
    type: dict
    default: {}
  max_ttl:
    description: Longest TTL that is taken, in seconds; the same as in the role bind.
    type: int
    default: 604800
  checksum:
    description: Checksum of the plan that was reviewed. If the plan is now another, it is refused.
    type: str
    default: ""
  limits:
    description: "Limits of the gates on removed records in a zone: C(few) 3, C(share) 0.2, C(many) 10."
    type: dict
    default: {}
  allow_record_removals:
    description: Exact number of records that may go, by zone, both views together.
    type: dict
    default: {}
  allow_zone_removals:
    description: Zones that may go with all that is in them.
    type: list
    elements: str
    default: []
  allow_nameserver_removals:
    description: Hosts that may cease to be name servers of zones.
    type: list
    elements: str
    default: []
  allow_mail_removals:
    description: Names whose mail records or apex addresses may go.
    type: list
    elements: str
    default: []
  allow_tlsa_breaks:
    description: Mail hosts whose published keys may all change at once.
    type: list
    elements: str
    default: []
  allow_special_addresses:
    description: Names that may show the outside an address that it cannot reach.
    type: list
    elements: str
    default: []
  allow_adoptions:
    description: Zones that were made by somebody else, or cannot be read, and may be replaced.
    type: list
    elements: str
    default: []
  whole_plan:
    description: Return the steps of a plan of more than 500 steps as RV(steps_packed), for programs.
    type: bool
    default: false
  zones:
    description: Set by the controller half. The desired zones, compressed.
    type: str
  today:
    description: Set by the controller half. The day of the run, YYYY-MM-DD.
    type: str
  documentation:
    description: Set by the controller half. Whether addresses of examples may be shown outside.
    type: bool
    default: false
  special:
    description: Set by the controller half. Names that may show the outside an address that it cannot reach.
    type: list
    elements: str
    default: []
  remarks:
    description: Set by the controller half. What is worth a warning.
    type: list
    elements: str
    default: []
requirements:
  - BIND 9.20 on the target (Debian packages bind9, bind9-utils), set up by the role bind
  - PyYAML on the controller
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run would do; new files are checked too.
  diff_mode:
    support: full
    description: Shows the plan.
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: Bring all zones to the primary
  dns_zones:
    platform: "{{ mailroom_dns_platform }}"
    path: "{{ inventory_dir }}/zones"
    accounts: "{{ inventory_dir }}/accounts"

- name: Remove a zone on purpose
  dns_zones:
    platform: "{{ mailroom_dns_platform }}"
    path: "{{ inventory_dir }}/zones"
    allow_zone_removals: [gadget.example]
"""

RETURN = """
summary:
  description: Counts and checksum of the plan in one line.
  returned: when the data is valid
  type: str
  sample: Creates=1, Updates=0, Deletes=0, Existing=64, Checksum=sha256:5d1f...
plan:
  description:
    - The plan with steps (action, name, label, group, kind, changes), drift, refusals, remarks, counts, checksum.
    - Without the steps if there are more than 500; the diff shows all of them.
  returned: when the data is valid
  type: dict
steps_packed:
  description: The steps that RV(plan) is without, as JSON, compressed (zlib) and in Base64.
  returned: with O(whole_plan) if there are more than 500 steps
  type: str
loaded:
  description: Zones that BIND loaded, each with its view.
  returned: when the data is valid
  type: list
  elements: str
lists:
  description: Views whose list of zones changed.
  returned: when the data is valid
  type: list
  elements: str
seconds:
  description: How long the parts of the run took on the target.
  returned: when the data is valid
  type: dict
  sample: {all: 0.41, read: 0.1}
findings:
  description: What is wrong with the data, as C(file:line), C(field), C(message) and what to do.
  returned: when it is not valid
  type: list
  elements: str
"""

import os
import subprocess

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom_named import Named, NamedError
from ansible.module_utils.mailroom_zones_run import ZonesRun

WORDS = {"type": "list", "elements": "str", "default": []}
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(command):
    """Run a program that takes no input; its messages are taken apart, so they must not be translated."""
    try:
        done = subprocess.run(  # noqa: S603 - programs of BIND, by name
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            env={**os.environ, "LC_ALL": "C", "PATH": PATH},
        )
    except FileNotFoundError:
        return 127, "", f"{command[0]} is not installed"
    return done.returncode, done.stdout, done.stderr


def main():
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "accounts": {"type": "path"},
            "dkim": {"type": "path"},
            "certificates": {"type": "dict", "default": {}},
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
            "zones": {"type": "str"},
            "today": {"type": "str"},
            "documentation": {"type": "bool", "default": False},
            "special": WORDS,
            "remarks": WORDS,
        },
        supports_check_mode=True,
    )
    named = Named(module.params["folder"], run, module.params["max_ttl"])
    try:
        if module.check_mode:
            ZonesRun(module, named).finish()
        if not os.path.isdir(module.params["folder"]):
            raise NamedError(f"{module.params['folder']} is not there: run the role bind first.")
        with named.locked():
            ZonesRun(module, named).finish()
    except (NamedError, ValueError) as error:
        module.fail_json(msg=str(error), written=False)


if __name__ == "__main__":
    main()
