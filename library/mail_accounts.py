#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring all account files to the directory in one call (the half on the server)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mail_accounts
short_description: Make domains, mailboxes and aliases what the account files say
description:
  - Reads the account files on the controller, checks them, compares them with the directory, and writes
    the difference. Nothing is written if any file has an error or a gate refuses the plan.
  - Runs on the directory provider and talks to it over its local socket as root, so no password is needed.
  - Entries without the mark C(mailroomManagedBy=accounts) are never changed or removed; they are reported.
  - The password of a mailbox that exists is never touched.
options:
  path:
    description: A file or a folder of account files on the controller. Vault-encrypted files and values work.
    type: path
    required: true
  passwords_file:
    description:
      - File on the controller to which one-time passwords of new mailboxes without C(password) are added, as
        JSON with addresses as keys, mode 0600. It is written before the mailboxes are made.
      - Needed as soon as there is such a mailbox.
    type: path
  base:
    description: DN of the entry that holds the domains.
    type: str
    default: ou=domains,dc=mailroom,dc=example
  allow_removals:
    description:
      - Removals that a gate refuses otherwise, as the exact number of mailboxes and aliases by domain.
      - Needed for three or more removals that are over 20 % of a domain's mailboxes (or aliases), for more
        than 10 in a domain, and for the removal of a domain.
    type: dict
    default: {}
  uri:
    description: Where the directory listens.
    type: str
    default: ldapi:///
  entries:
    description: Set by the controller half. The desired entries, compressed.
    type: str
  passwords:
    description: Set by the controller half. Hashes of new passwords, compressed.
    type: str
requirements:
  - python-ldap on the target (Debian package python3-ldap)
  - argon2-cffi and PyYAML on the controller
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run would do.
  diff_mode:
    support: full
    description: Shows the plan, with secrets masked.
author: Mailroom authors
"""

EXAMPLES = """
- name: Apply the account files
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    passwords_file: /root/one-time-passwords.json

- name: Remove twelve mailboxes of a domain on purpose
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    allow_removals: {widget.example: 12}
"""

RETURN = """
summary:
  description: Counts and checksum of the plan in one line.
  returned: always
  type: str
  sample: Creates=1, Updates=0, Deletes=0, Existing=64, Checksum=sha256:5d1f...
plan:
  description:
    - The plan with steps (action, name, label, group, kind, changes), foreign entries, refusals, counts, checksum.
    - Without the steps if there are more than 500; the diff shows all of them.
  returned: when the files are valid
  type: dict
writes:
  description: Number of writes that were sent to the directory.
  returned: when the files are valid
  type: int
pending:
  description: Addresses of new mailboxes that have no password in the files.
  returned: when the files are valid
  type: list
  elements: str
findings:
  description: What is wrong with the account files, as C(file:line), C(field), C(message) and what to do.
  returned: when a file is not valid
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.accounts import pending, plan_accounts, remarks, set_passwords
from ansible.module_utils.mailroom.codec import decode
from ansible.module_utils.mailroom.directory import READ
from ansible.module_utils.mailroom_ansible import COMMON_ARGUMENTS, connect, finish
from ansible.module_utils.mailroom_ldap import DirectoryError


def main():
    module = AnsibleModule(
        argument_spec={
            **COMMON_ARGUMENTS,
            "path": {"type": "path"},
            "passwords_file": {"type": "path", "no_log": False},
            "allow_removals": {"type": "dict", "default": {}},
            "entries": {"type": "str", "required": True, "no_log": True},
            "passwords": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    params = module.params
    desired = decode(params["entries"])
    if params["passwords"]:
        set_passwords(desired, decode(params["passwords"]))
    directory = connect(module)
    try:
        live = directory.read(params["base"], list(READ))
    except DirectoryError as error:
        module.fail_json(msg=str(error))
    plan = plan_accounts(desired, live, params["base"], allow_removals=params["allow_removals"])
    for message in remarks(live):
        module.warn(message)
    waiting = pending(plan)
    if waiting and not plan.refusals and not module.check_mode:
        # The controller makes these passwords and calls again; nothing has been written.
        module.exit_json(changed=False, pending=waiting)
    finish(module, directory, plan, pending=waiting)


if __name__ == "__main__":
    main()
