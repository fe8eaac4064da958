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
  - Reads the public halves and states of the keys that BIND made. A key on its way out is left out.
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
records: {description: DS records in the form of zone files., type: list, elements: str, returned: always}
zones: {description: "Values of DS (tag, algorithm, digest type, digest) by zone.", type: dict, returned: always}
"""

import glob
import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.zones.ds import ds_of


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
    found = []
    for path in sorted(glob.glob(os.path.join(module.params["folder"], "K*.key"))):
        ds = ds_of(read(path), read(path.removesuffix(".key") + ".state"))
        if ds and wanted in ("", ds.zone.rstrip(".")):
            found.append(ds)
    zones = {}
    for ds in found:
        zones.setdefault(ds.zone.rstrip("."), []).append(f"{ds.tag} {ds.algorithm} 2 {ds.digest}")
    module.exit_json(changed=False, records=[str(ds) for ds in found], zones=zones)


if __name__ == "__main__":
    main()
