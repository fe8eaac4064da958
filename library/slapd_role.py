#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""See to it that there is one provider: judged by the record in the directory (mailroom.promotion)."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slapd_role
short_description: Refuse a second provider, and a provider that becomes a replica without having been replaced
description:
  - With O(role=provider) it asks the O(others) whether one of them takes changes too, and fails if so. That happens
    when an inventory is older than a promotion.
  - With O(role=replica) on a host whose directory takes changes, the O(provider) must have it on record that it was
    made provider in place of this host. If not the module fails, as changes might be only here. If so, all that is
    here is saved to a file before it is replaced.
  - Changes nothing in the directory. Goes by slapd's files where it can, so slapd need not run.
options:
  role:
    description: What this host shall be.
    type: str
    choices: [provider, replica]
    required: true
  name:
    description: Name of this host in the record, which is its name in the inventory.
    type: str
    required: true
  suffix:
    description: Suffix of the database.
    type: str
    required: true
  others:
    description: URIs of hosts that must not be providers, for O(role=provider).
    type: list
    elements: str
    default: []
  provider:
    description: URI of the provider, for O(role=replica).
    type: str
    default: ""
  bind_dn:
    description: Identity of replicas.
    type: str
    default: ""
  bind_password:
    description: Its password.
    type: str
    default: ""
  ca:
    description: File with the certificate that the provider's is checked against.
    type: path
  folder:
    description: Where a former provider's data is saved to.
    type: path
    default: /var/lib/mailroom
attributes:
  check_mode: {support: full, description: Saves nothing.}
  diff_mode: {support: none, description: Nothing in the directory changes.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: No other provider
  slapd_role:
    role: provider
    name: ldap1
    suffix: dc=mailroom,dc=example
    others: [ldaps://mail1.mailroom.example, ldaps://mail2.mailroom.example]
"""

RETURN = r"""
saved: {description: File with the data of a former provider., type: str, returned: success}
"""

import glob
import os
import time
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

# Mitogen ships only what it finds as an absolute import; these are imported relatively further down.
from ansible.module_utils.mailroom import dn, pair, pair_rules  # noqa: F401
from ansible.module_utils.mailroom.promotion import may_step_down, read_record
from ansible.module_utils.mailroom.slapd import parse_ldif
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError, Session, Unreachable, other_providers

CONFIG = "/etc/ldap/slapd.d"


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "role": {"type": "str", "required": True, "choices": ["provider", "replica"]},
            "name": {"type": "str", "required": True},
            "suffix": {"type": "str", "required": True},
            "others": {"type": "list", "elements": "str", "default": []},
            "provider": {"type": "str", "default": ""},
            "bind_dn": {"type": "str", "default": ""},
            "bind_password": {"type": "str", "default": "", "no_log": True},
            "ca": {"type": "path"},
            "folder": {"type": "path", "default": "/var/lib/mailroom"},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        if module.check_mode:
            module.exit_json(changed=False, saved="")
        module.fail_json(msg=missing_required_lib("python-ldap (Debian: python3-ldap)"), exception=IMPORT_ERROR)
    saved = ""
    if module.params["role"] == "provider":
        if problem := other_providers(*(module.params[key] for key in ("name", "suffix", "others"))):
            module.fail_json(msg=problem)
    else:
        saved = replaced(module)
    module.exit_json(changed=bool(saved), saved=saved)


def replaced(module: AnsibleModule) -> str:
    """Save what a former provider has; end the module if nobody replaced it."""
    name, suffix, uri = (module.params[key] for key in ("name", "suffix", "provider"))
    if not is_provider(suffix):
        return ""
    who, password, ca = (module.params[key] for key in ("bind_dn", "bind_password", "ca"))
    advice = (
        f"{name} takes changes to the directory, and the inventory wants it to be a replica of {uri}. Nothing was "
        "changed. A provider is replaced by `ansible-playbook playbooks/ops/promote-directory.yml -e host=NEW -e "
        f"replaces={name}` (docs/directory.md)."
    )
    try:
        with Session(uri, who, password, ca, 5, 10) as there:
            row = there.read(f"cn=provider,{suffix}", "base", attributes=["description"])
    except Unreachable as error:
        module.fail_json(msg=f"{advice} The new provider does not answer: {error}")
    except DirectoryError as error:
        module.fail_json(msg=f"{advice} The new provider cannot be asked: {error}")
    if not may_step_down(name, read_record(next(iter(row.values()), {}).get("description", []))):
        module.fail_json(msg=f"{advice} {urlsplit(uri).hostname} has no record that it was made provider in its place.")
    path = time.strftime(f"{module.params['folder']}/former-provider-%Y%m%dT%H%M%S.ldif", time.gmtime())
    if not module.check_mode:
        save(module, suffix, path)
    return path


def is_provider(suffix: str) -> bool:
    """Return whether the directory here takes changes, by its files: slapd may be stopped, and shall stay so."""
    for path in glob.glob(f"{CONFIG}/cn=config/olcDatabase=*mdb.ldif"):
        with open(path, encoding="utf-8") as file:
            entry = next(iter(parse_ldif(file.read())), {})
        # The package's own default database has another root, and nothing in it.
        ours = entry.get("olcsuffix") == [suffix] and "external" in entry.get("olcrootdn", [""])[0]
        if ours and not entry.get("olcsyncrepl"):
            return os.path.exists(f"{entry.get('olcdbdirectory', [''])[0]}/data.mdb")
    return False


def save(module: AnsibleModule, suffix: str, path: str) -> None:
    """Write all entries to a file that only root reads: hashes are in it, and changes that nobody else may have."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    old = os.umask(0o077)
    try:
        module.run_command(["slapcat", "-b", suffix, "-l", path], check_rc=True)
    finally:
        os.umask(old)


if __name__ == "__main__":
    main()
