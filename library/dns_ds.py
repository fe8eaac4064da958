#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""DS records of signed zones, from the keys that BIND keeps."""

from __future__ import annotations

DOCUMENTATION = """
---
module: dns_ds
short_description: Return the DS records that parent zones must have
description:
  - Reads the public halves and states of the keys that BIND made. While two keys take turns both are returned, with the
    moment from which on the new one's record may be with the parent.
options:
  folder:
    description: Folder of keys of a view.
    type: path
    default: /var/lib/bind/mailroom/keys/external
  zone:
    description: Only this zone; all of them if it is left out.
    type: str
    default: ""
attributes:
  check_mode:
    support: full
    description: It changes nothing.
  diff_mode:
    support: none
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: See what the registrar must have
  dns_ds:
    zone: widget.example
"""

RETURN = """
records:
  description: DS records in the form of zone files. A comment says when the parent is to have it, if not at any time.
  type: list
  elements: str
  returned: always
"""

import glob
import os
from datetime import UTC, datetime

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.zones.ds import ds_records


def read(path):
    """A file, "" if it is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""


def main():
    module = AnsibleModule(
        argument_spec={
            "folder": {"type": "path", "default": "/var/lib/bind/mailroom/keys/external"},
            "zone": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    wanted = module.params["zone"].rstrip(".").lower()
    paths = sorted(glob.glob(os.path.join(module.params["folder"], "K*.key")))
    files = [(read(path), read(path.removesuffix(".key") + ".state")) for path in paths]
    found = [ds for ds in ds_records(files, datetime.now(UTC)) if wanted in ("", ds.zone.rstrip("."))]
    module.exit_json(changed=False, records=[str(ds) for ds in found])


if __name__ == "__main__":
    main()
