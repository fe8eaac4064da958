#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""DKIM keys of all mail domains (the half that says so where the controller half is missing)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: dkim_keys
short_description: Make DKIM keys for mail domains, and roll them over in steps
description:
  - Runs on the controller and connects to no host. A key is published, then waits, then signs, and its predecessor
    stays in DNS for a while. Each run does the steps that are due, so a run a day is enough.
  - Public halves and states are in C(DOMAIN.yml), private halves in C(DOMAIN/SELECTOR.key), encrypted by Ansible
    Vault. Name servers get the first, hosts that sign the second.
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
    description: Folder on the controller in which keys are kept. A key that is lost cannot be made again.
    type: path
    required: true
  encrypt:
    description: Encrypt private keys with the vault password of the run.
    type: bool
    default: true
  bits:
    description: Length of new keys. Longer ones need several strings in DNS, and more time for each message.
    type: int
    choices: [2048, 3072, 4096]
    default: 2048
  wait_days:
    description: Days between publishing a key and signing with it.
    type: int
    default: 2
  use_days:
    description: Days after which a key gets a successor; V(0) means never by itself.
    type: int
    default: 180
  keep_days:
    description: Days for which a key stays in DNS after it signed for the last time.
    type: int
    default: 7
  now:
    description: Domains whose roll-over begins in this run.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
    description: Says which steps are due.
  diff_mode:
    support: full
    description: Lists the steps; nothing of a key is in them.
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: Have DKIM keys
  dkim_keys:
    platform: "{{ mailroom_dns_platform }}"
    path: "{{ inventory_dir }}/zones"
    accounts: "{{ inventory_dir }}/accounts"
    dkim: "{{ inventory_dir }}/dkim"
"""

RETURN = """
steps: {description: "What was done, or would be, by domain.", type: list, elements: str, returned: success}
"""

from ansible.module_utils.basic import AnsibleModule


def main():
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "accounts": {"type": "path"},
            "dkim": {"type": "path", "required": True},
            "encrypt": {"type": "bool", "default": True},
            "bits": {"type": "int", "choices": [2048, 3072, 4096], "default": 2048},
            "wait_days": {"type": "int", "default": 2},
            "use_days": {"type": "int", "default": 180},
            "keep_days": {"type": "int", "default": 7},
            "now": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    module.fail_json(msg="dkim_keys runs on the controller: action_plugins/dkim_keys.py was not found.")


if __name__ == "__main__":
    main()
