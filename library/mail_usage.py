#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What mailboxes hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_usage
short_description: Read how much mail mailboxes hold
description:
  - Asks Dovecot on a mail host for the use that quotas count, in one process for all mailboxes. Changes nothing.
  - On a host of a cluster that does not have the mail store at present it answers nothing.
options:
  addresses:
    description: The mailboxes; all if the list is empty.
    type: list
    elements: str
    default: []
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Nothing changes.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: See how full two mailboxes are
  mail_usage:
    addresses: [ann@widget.example, anna@widget.example]
  register: full
"""

RETURN = r"""
active:
  description: Whether this host has the mail store.
  type: bool
  returned: always
usage:
  description:
    - Bytes by address, in whole KiB. A mailbox that was never used holds 0; one that is not known here is left out.
  type: dict
  returned: always
  sample: {ann@widget.example: 9216}
"""

import json
import os

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/mailroom-store"
FAILED, NOT_ACTIVE = 1, 4


def main() -> None:
    module = AnsibleModule(
        argument_spec={"addresses": {"type": "list", "elements": "str", "default": []}}, supports_check_mode=True
    )
    if module.check_mode and not os.path.exists(PROGRAM):
        module.exit_json(changed=False, active=False, usage={}, msg=f"{PROGRAM} is not installed yet")
    listed = "".join(f"{address}\n" for address in module.params["addresses"])
    code, out, err = module.run_command([PROGRAM, "usage", "-", "--json"], data=listed)
    if code == NOT_ACTIVE:
        module.exit_json(changed=False, active=False, usage={})
    if code not in (0, FAILED):
        module.fail_json(msg=err.strip().removeprefix("mailroom-store: ") or f"{PROGRAM} ended with {code}")
    module.exit_json(changed=False, active=True, usage=json.loads(out)["usage"])


if __name__ == "__main__":
    main()
