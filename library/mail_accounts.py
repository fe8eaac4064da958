#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring all account files to the directory in one call (the half on the server)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mail_accounts
short_description: Make domains, mailboxes, groups and aliases what the account files say
description:
  - Reads the account files on the controller, checks them, compares them with the directory, and writes
    the difference. Nothing is written if any file has an error or a gate refuses the plan.
  - A change of up to 2,000 writes is one transaction, so it happens whole or not at all.
  - Runs on the directory provider and talks to it over its local socket as root, so no password is needed.
    Of two runs at the same time, one is refused.
  - Entries without the mark C(mailroomManagedBy=accounts) are never changed or removed; they are reported.
  - The password of a mailbox that exists is never touched, unless it is named in O(reset_passwords).
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
  checksum:
    description: Checksum of the plan that was reviewed. If the plan is now another, it is refused.
    type: str
    default: ""
  reset_passwords:
    description:
      - Addresses of mailboxes that get the password of their file, or else a generated one-time password,
        though they have one already.
    type: list
    elements: str
    default: []
  allow_removals:
    description:
      - Removals that a gate refuses otherwise, as the exact number of mailboxes, aliases and groups by domain.
      - Needed for three or more removals that are over 20 % of a domain's objects of a kind, for more than 10
        in a domain, for its last mailbox, and for the removal of a domain.
    type: dict
    default: {}
  allow_domain_removals:
    description: Domains that may be removed though their mailboxes hold mail.
    type: list
    elements: str
    default: []
  allow_quota_below_use:
    description: Addresses whose quota may be set below what they use.
    type: list
    elements: str
    default: []
  allow_no_administrator:
    description: Domains that may lose their last administrator.
    type: list
    elements: str
    default: []
  allow_reuse:
    description: Addresses that may go to somebody else less than 90 days after they were freed.
    type: list
    elements: str
    default: []
  limits:
    description:
      - "Limits of the gates and times of removed mailboxes: C(few) 3, C(share) 0.2, C(many) 10, C(quarantine_days) 30,
        C(reserve_days) 90. Those that are left out keep these defaults."
    type: dict
    default: {}
  whole_plan:
    description:
      - Return the steps of a plan of more than 500 steps as RV(steps_packed). Programs ask for it, as C(bin/mailroom)
        does; in Ansible's own output it is in the way.
    type: bool
    default: false
  usage:
    description: Bytes that mailboxes use, by address, as the module C(mail_usage) returns them.
    type: dict
    default: {}
  name:
    description: What the host of the directory is called where O(others) turn out to be providers.
    type: str
    default: this host
  others:
    description:
      - URIs of hosts that must not be providers too. If one is, an inventory is older than a promotion, and nothing is
        written.
    type: list
    elements: str
    default: []
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
  today:
    description: Set by the controller half. The day of the run, YYYY-MM-DD.
    type: str
  asked:
    description: Set by the controller half. A hash of files, code, settings and day.
    type: str
  who:
    description: Set by the controller half. Who is running this, for others who have to wait.
    type: str
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
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: Apply the account files
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    passwords_file: /root/one-time-passwords.json

- name: Apply a reviewed plan, and nothing else
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    checksum: sha256:5d1f0c6b3a4e9f8e7d6c5b4a39281706f5e4d3c2b1a0998877665544332211aa

- name: Remove twelve mailboxes of a domain on purpose
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    allow_removals: {widget.example: 12}

- name: Give a person who forgot it a new one-time password
  mail_accounts:
    path: "{{ inventory_dir }}/accounts"
    passwords_file: /root/one-time-passwords.json
    reset_passwords: [alice.liddell@widget.example]
"""

RETURN = """
summary:
  description: Counts and checksum of the plan in one line.
  returned: always
  type: str
  sample: Creates=1, Updates=0, Deletes=0, Existing=64, Checksum=sha256:5d1f...
plan:
  description:
    - The plan with steps (action, name, label, group, kind, changes), drift, refusals, remarks, counts, checksum.
    - Without the steps if there are more than 500; the diff shows all of them.
  returned: when the files are valid
  type: dict
steps_packed:
  description: The steps that RV(plan) is without, as JSON, compressed (zlib) and in Base64.
  returned: with O(whole_plan) if there are more than 500 steps
  type: str
writes:
  description: Number of writes that were sent to the directory.
  returned: when the files are valid
  type: int
pending:
  description: Addresses of mailboxes to make or reset that have no password in the files.
  returned: when the files are valid
  type: list
  elements: str
passwords_set:
  description: Addresses of mailboxes that this run gave a password other than one written in a file.
  returned: when the files are valid
  type: list
  elements: str
needs_usage:
  description: Addresses whose use of storage must be known to judge the plan; call again with O(usage).
  returned: when the files are valid
  type: list
  elements: str
actions:
  description: What mail hosts have to do now, by kind (ready, lock, rename, removed, quota, agents).
  returned: when the files are valid
  type: dict
csn:
  description: Number of the directory's newest change (contextCSN). A replica that has it has all of this run.
  returned: when the files are valid
  type: str
remarks:
  description: What is worth a warning.
  returned: when the files are valid
  type: list
  elements: str
seconds:
  description: How long the parts of the run took on the target.
  returned: when the files are valid
  type: dict
  sample: {all: 0.41, read: 0.4}
findings:
  description: What is wrong with the account files, as C(file:line), C(field), C(message) and what to do.
  returned: when a file is not valid
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom_ansible import COMMON_ARGUMENTS, opened
from ansible.module_utils.mailroom_run import Run

WORDS = {"type": "list", "elements": "str", "default": []}


def main():
    module = AnsibleModule(
        argument_spec={
            **COMMON_ARGUMENTS,
            "path": {"type": "path", "required": True},
            "passwords_file": {"type": "path", "no_log": False},
            "checksum": {"type": "str", "default": ""},
            "reset_passwords": {**WORDS, "no_log": False},
            "allow_removals": {"type": "dict", "default": {}},
            "allow_domain_removals": WORDS,
            "allow_quota_below_use": WORDS,
            "allow_no_administrator": WORDS,
            "allow_reuse": WORDS,
            "limits": {"type": "dict", "default": {}},
            "usage": {"type": "dict", "default": {}},
            "whole_plan": {"type": "bool", "default": False},
            "name": {"type": "str", "default": "this host"},
            "others": WORDS,
            "today": {"type": "str"},
            "asked": {"type": "str"},
            "who": {"type": "str"},
            "entries": {"type": "str", "no_log": True},
            "passwords": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )
    with opened(module, module.params["who"]) as (directory, state):
        Run(module, directory, state).finish()


if __name__ == "__main__":
    main()
