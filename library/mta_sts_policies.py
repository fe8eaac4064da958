#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of MTA-STS policies, one for each mail domain (the half on the server)."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mta_sts_policies
short_description: Put the MTA-STS policies of all mail domains where a web server finds them
description:
  - Derives the policies from the same data as M(dns_zones), so that policy and record agree.
  - Run it first, since senders fetch the policy as soon as the record has a new id.
  - Owns all of O(folder). Policies of domains that are gone are removed.
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
  folder:
    description: Folder on the target that gets a file C(DOMAIN.txt) for each domain. It must exist.
    type: path
    required: true
  policies:
    description: Set by the controller half. Texts by domain.
    type: dict
    default: {}
attributes:
  check_mode:
    support: full
    description: Predicts exactly what a run would do.
  diff_mode:
    support: full
    description: Shows the policies that change.
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = """
- name: Have the policies of all mail domains
  mta_sts_policies:
    platform: "{{ mailroom_dns_platform }}"
    path: "{{ inventory_dir }}/zones"
    accounts: "{{ inventory_dir }}/accounts"
    folder: /srv/mailroom-web/mta-sts
"""

RETURN = """
written: {description: Domains whose policy is new or changed., type: list, elements: str, returned: always}
removed: {description: Domains whose policy is gone., type: list, elements: str, returned: always}
"""

import os
import tempfile

from ansible.module_utils.basic import AnsibleModule

SUFFIX = ".txt"


def read(folder):
    """The policies that are there, by domain."""
    found = {}
    if os.path.isdir(folder):
        for name in os.listdir(folder):
            if name.endswith(SUFFIX) and not name.startswith("."):
                with open(os.path.join(folder, name), encoding="utf-8", newline="") as stream:
                    found[name.removesuffix(SUFFIX)] = stream.read()
    return found


def write(folder, domain, text):
    """Replace a policy. Its lines end in CR LF (RFC 8461, 3.2)."""
    handle, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), 0o644)
    os.replace(temporary, os.path.join(folder, domain + SUFFIX))


def main():
    module = AnsibleModule(
        argument_spec={
            "platform": {"type": "dict", "required": True},
            "path": {"type": "path", "required": True},
            "accounts": {"type": "path"},
            "folder": {"type": "path", "required": True},
            "policies": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    folder, policies = module.params["folder"], module.params["policies"]
    there = read(folder)
    written = sorted(domain for domain, text in policies.items() if there.get(domain) != text)
    removed = sorted(there.keys() - policies.keys())
    diff = [
        {
            "before_header": domain,
            "after_header": domain,
            "before": there.get(domain, "").replace("\r", ""),
            "after": policies.get(domain, "").replace("\r", ""),
        }
        for domain in [*written, *removed]
    ]
    if not module.check_mode:
        if not os.path.isdir(folder):
            module.fail_json(msg=f"{folder} is not there: run the role webfiles first.")
        for domain in written:
            write(folder, domain, policies[domain])
        for domain in removed:
            os.unlink(os.path.join(folder, domain + SUFFIX))
    module.exit_json(changed=bool(written or removed), written=written, removed=removed, diff=diff)


if __name__ == "__main__":
    main()
