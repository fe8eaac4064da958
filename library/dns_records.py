#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The records of one domain as text (the half that says so where the controller half is missing)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: dns_records
short_description: Return the records of one domain, for another provider of DNS
description:
  - Runs on the controller and connects to no host. Works too for domains that others serve.
options:
  platform:
    description: As in M(dns_zones).
    type: dict
    required: true
  path:
    description: Folder of zone files (YAML) on the controller.
    type: path
    required: true
  accounts:
    description: File or folder of account files on the controller, for their mail domains.
    type: path
  dkim:
    description: Folder of DKIM keys on the controller.
    type: path
  certificates:
    description: PEM certificates by name of mail host.
    type: dict
    default: {}
  domain:
    description: Whose records, with all names below it.
    type: str
    required: true
  view:
    description: Which side is told them.
    type: str
    choices: [internal, external]
    default: external
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: Look at what another provider has to publish
  dns_records:
    platform: "{{ mailroom_dns_platform }}"
    path: "{{ inventory_dir }}/zones"
    accounts: "{{ inventory_dir }}/accounts"
    domain: widget.example
"""

RETURN = """
records:
  description: Record sets, each with name, type, ttl and values.
  returned: success
  type: list
  elements: dict
zone: {description: The records in the form of zone files., type: str, returned: success}
table: {description: The records as a table., type: str, returned: success}
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "accounts": {"type": "path"},
            "dkim": {"type": "path"},
            "certificates": {"type": "dict", "default": {}},
            "domain": {"type": "str", "required": True},
            "view": {"type": "str", "choices": ["internal", "external"], "default": "external"},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="dns_records runs on the controller: action_plugins/dns_records.py was not found.")


if __name__ == "__main__":
    main()
