#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manage one mail domain in the directory."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mail_domain
short_description: Manage a single mail domain
description:
  - Creates, changes, disables or removes one domain, for what is not kept in account files.
  - Runs on the directory provider as root.
  - What is made here is marked C(mailroomManagedBy=module), so C(mail_accounts) leaves it alone.
  - Options that are left out keep what is there.
options:
  domain:
    description: The domain name, in the script of its language or in A-labels.
    type: str
    required: true
    aliases: [name]
  state:
    description:
      - V(disabled) refuses mail for the whole domain.
      - V(absent) removes the domain, which must be empty.
    type: str
    choices: [present, disabled, absent]
    default: present
  customer:
    description: Whom the domain belongs to.
    type: str
  quota:
    description: Size of new mailboxes, such as 500M or 2G (powers of 1024), or V(unlimited).
    type: str
  services:
    description: Services of new mailboxes to switch (imap, pop3, submission, sieve, antispam, antivirus).
    type: dict
  base:
    description: DN of the entry that holds the domains.
    type: str
    default: ou=domains,dc=mailroom,dc=example
  uri:
    description: Where the directory listens.
    type: str
    default: ldapi:///
  state_folder:
    description:
      - Folder on the target in which runs keep a lock, a journal of the transaction under way, and hashes of what
        they saw. It can be removed when no run is under way; the next one then reads everything.
    type: path
    default: /var/lib/mailroom
requirements:
  - python-ldap on the target (Debian package python3-ldap)
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run would do.
  diff_mode:
    support: full
    description: Shows the plan.
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: A domain for machines
  mail_domain:
    domain: machines.example
    quota: 200M
"""

RETURN = """
summary:
  description: Counts and checksum of the plan in one line.
  returned: always
  type: str
plan:
  description: The plan.
  returned: always
  type: dict
writes:
  description: Number of writes that were sent to the directory.
  returned: always
  type: int
"""

from datetime import date

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.accounts import plan_one
from ansible.module_utils.mailroom.addresses import domain_to_ascii
from ansible.module_utils.mailroom.directory import READ, domain_dn
from ansible.module_utils.mailroom.single import desired_domain
from ansible.module_utils.mailroom_ansible import COMMON_ARGUMENTS, finish, opened

ARGUMENTS = {
    **COMMON_ARGUMENTS,
    "domain": {"type": "str", "required": True, "aliases": ["name"]},
    "state": {"type": "str", "choices": ["present", "disabled", "absent"], "default": "present"},
    "customer": {"type": "str"},
    "quota": {"type": "str"},
    "services": {"type": "dict"},
}


def run(module, directory):
    """Make the domain what was asked for, or fail the module."""
    params = module.params
    dn = domain_dn(domain_to_ascii(params["domain"]), params["base"])
    everything = directory.read(params["base"], list(READ))
    live = directory.entry(dn, list(READ))
    wanted = None if params["state"] == "absent" else desired_domain(params["domain"], params, live)
    finish(module, directory, plan_one(dn, wanted, everything, params["base"], today=date.today()))


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        with opened(module, "the module mail_domain") as (directory, _state):
            run(module, directory)
    except ValueError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
