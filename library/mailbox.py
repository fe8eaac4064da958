#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Manage one mailbox in the directory."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mailbox
short_description: Manage a single mailbox
description:
  - Creates, changes, disables or removes one mailbox, for what is not kept in account files (a service
    account that a role needs, say). Runs on the directory provider as root.
  - What is made here is marked C(mailroomManagedBy=module), so C(mail_accounts) leaves it alone.
  - Of mailboxes that account files manage, only the password can be set.
  - Options that are left out keep what is there, and in a new mailbox mean the domain's defaults.
options:
  address:
    description: The address, which is also the login name.
    type: str
    required: true
  state:
    description: V(disabled) means no login while mail is still received. V(absent) removes the mailbox.
    type: str
    choices: [present, disabled, absent]
    default: present
  name:
    description: Whole name of the person. Needed for a new mailbox.
    type: str
  given_name:
    description: Given name, if it is not all but the last word of O(name).
    type: str
  surname:
    description: Surname, if it is not the last word of O(name).
    type: str
  display_name:
    description: Name as shown in mail programs, if not O(name).
    type: str
  title:
    description: Title or function.
    type: str
  department:
    description: Department.
    type: str
  phone:
    description: Telephone number.
    type: str
  quota:
    description: A size such as 500M or 2G (powers of 1024), or V(unlimited).
    type: str
  services:
    description: Services to switch (imap, pop3, submission, sieve, antispam, antivirus); others stay.
    type: dict
  aliases:
    description: All further addresses, as local parts of the same domain or whole addresses.
    type: list
    elements: str
  forwards:
    description: All addresses to which mail is forwarded.
    type: list
    elements: str
  keep_copy:
    description: Whether forwarded mail is kept in the mailbox as well. New mailboxes do.
    type: bool
  password:
    description:
      - A password in clear, hashed with Argon2id on the target before it is stored, or such a hash.
      - At least 12 characters.
    type: str
  update_password:
    description: V(on_create) sets the password of a new mailbox only. V(always) resets it.
    type: str
    choices: [on_create, always]
    default: on_create
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
  - argon2-cffi on the target for passwords in clear (Debian package python3-argon2)
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run would do.
  diff_mode:
    support: full
    description: Shows the plan, with the password masked.
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: A mailbox for reports of the monitoring
  mailbox:
    address: monitoring@widget.example
    name: Monitoring
    quota: 500M
    services: {pop3: false}
    password: "{{ monitoring_password }}"

- name: Reset the password of a person
  mailbox:
    address: alice.liddell@widget.example
    password: "{{ new_password }}"
    update_password: always
"""

RETURN = """
summary:
  description: Counts and checksum of the plan in one line.
  returned: always
  type: str
plan:
  description: The plan, with secrets masked.
  returned: always
  type: dict
writes:
  description: Number of writes that were sent to the directory.
  returned: always
  type: int
"""

import traceback
from datetime import date

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.mailroom.accounts import plan_one
from ansible.module_utils.mailroom.directory import PASSWORD, READ, domain_dn, entry_dn
from ansible.module_utils.mailroom.hashing import hash_password, verify
from ansible.module_utils.mailroom.passwords import is_hash
from ansible.module_utils.mailroom.single import check_password, desired_mailbox, mailbox_named
from ansible.module_utils.mailroom_ansible import COMMON_ARGUMENTS, finish, opened

RESET = "always"
ARGUMENTS = {
    **COMMON_ARGUMENTS,
    "address": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "disabled", "absent"], "default": "present"},
    **{field: {"type": "str"} for field in ("name", "given_name", "surname", "display_name", "title")},
    **{field: {"type": "str"} for field in ("department", "phone", "quota")},
    "services": {"type": "dict"},
    "aliases": {"type": "list", "elements": "str"},
    "forwards": {"type": "list", "elements": "str"},
    "keep_copy": {"type": "bool"},
    "password": {"type": "str", "no_log": True},
    "update_password": {
        "type": "str",
        "choices": ["on_create", "always"],
        "default": "on_create",
        "no_log": False,
    },
}


def new_password(module, live):
    """Return the value to store, or None if the password there stays."""
    password = module.params["password"]
    stored = (live or {}).get(PASSWORD, [""])[0]
    if password is None or (live is not None and module.params["update_password"] != RESET):
        return None
    check_password(password)
    if is_hash(password):
        return password
    try:
        return None if verify(stored, password) else hash_password(password)
    except ImportError:
        missing = missing_required_lib("argon2-cffi (Debian: python3-argon2)")
        module.fail_json(msg=missing, exception=traceback.format_exc())


def run(module, directory):
    """Make the mailbox what was asked for, or fail the module."""
    params = module.params
    box = mailbox_named(params["address"])
    dn = entry_dn(box, params["base"])
    everything = directory.read(params["base"], list(READ))
    live = directory.entry(dn, [*READ, PASSWORD])
    if live is not None:
        everything[dn] = live
    wanted = None
    if params["state"] != "absent":
        domain = directory.entry(domain_dn(box.domain, params["base"]), list(READ))
        if domain is None:
            module.fail_json(msg=f"{box.domain} is not in the directory: make it with mail_domain or account files")
        wanted = desired_mailbox(params["address"], params, live, domain)
        password = new_password(module, live)
        if password is not None:
            wanted[PASSWORD] = [password]
    finish(module, directory, plan_one(dn, wanted, everything, params["base"], today=date.today()))


def main():
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        with opened(module, "the module mailbox") as (directory, _state):
            run(module, directory)
    except ValueError as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
