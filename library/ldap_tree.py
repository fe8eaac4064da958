#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring entries of a directory to a desired state in one call. Arguments and results only; see mailroom.ldap_tree."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: ldap_tree
short_description: Bring named entries of a directory to a desired state in one call
description:
  - Compares a list of entries with the live directory, attribute by attribute, and writes only what differs.
  - With O(config) it understands slapd's C(cn=config), whose names and values carry order numbers.
  - Everything inside a listed entry is owned, so an attribute or value that is no longer listed is removed.
    Entries that are not listed are left alone, apart from those below O(prune).
  - Runs on the directory's host and uses its local socket with SASL EXTERNAL, so it needs no password.
options:
  uri:
    description: Where the directory answers.
    type: str
    default: ldapi:///
  base:
    description: The topmost entry, and the heading of the plan. With O(config) everything below it is read.
    type: str
    required: true
  entries:
    description:
      - The entries, parents before children, each with C(dn) and C(attributes); order counts for overlays.
      - C(password) names one of O(secrets). The entry must accept a bind with it, else it gets a new hash.
      - C(%secret:NAME%) inside a value stands for one of O(secrets).
    type: list
    elements: dict
    required: true
  secrets:
    description: Names and values of secrets. Never shown.
    type: dict
    default: {}
  config:
    description: Whether O(base) is slapd's configuration.
    type: bool
    default: false
  prune:
    description: Children of these DNs that are not listed are removed.
    type: list
    elements: str
    default: []
  keep:
    description: Attributes that belong to somebody else and are never removed.
    type: list
    elements: str
    default: []
  read:
    description: Operational attributes to read besides all user attributes.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Computes the same plan and writes nothing. Without python-ldap on the host all is shown as new.
    support: full
  diff_mode:
    description: Shows the plan, with passwords and credentials masked.
    support: full
author:
  - Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Keep the organisation's name
  ldap_tree:
    base: dc=mailroom,dc=example
    entries:
      - dn: dc=mailroom,dc=example
        attributes: {objectClass: [dcObject, organization], dc: mailroom, o: Mailroom}
"""

RETURN = r"""
plan:
  description: Creates, updates and deletes with counts and checksum; secrets masked.
  type: dict
  returned: always
"""

import os
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

# Mitogen ships only what it finds as an absolute import; these are imported relatively further down.
from ansible.module_utils.mailroom import dn, plan, render, steps  # noqa: F401
from ansible.module_utils.mailroom import ldap_tree as tree
from ansible.module_utils.mailroom.plan import Entries
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError, Session, accepts_password


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "uri": {"type": "str", "default": "ldapi:///"},
            "base": {"type": "str", "required": True},
            "entries": {"type": "list", "elements": "dict", "required": True},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "config": {"type": "bool", "default": False},
            "prune": {"type": "list", "elements": "str", "default": []},
            "keep": {"type": "list", "elements": "str", "default": []},
            "read": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    options = module.params
    rules = tree.Rules(options["base"], options["config"], options["prune"], options["keep"])
    try:
        desired = tree.load(options["entries"], options["secrets"] or {})
        if IMPORT_ERROR and module.check_mode:
            # A check run on a host that has no directory yet: everything would be new.
            hashes = {item.dn: "" for item in desired if item.password is not None}
            result = tree.reconcile(desired, tree.assumed(desired), rules, hashes)
            module.exit_json(changed=True, plan=result.plan.as_dict(), diff={"prepared": result.plan.text()})
        if IMPORT_ERROR:
            module.fail_json(msg=missing_required_lib("python3-ldap"), exception=IMPORT_ERROR)
        with Session(options["uri"]) as directory:
            live = _live(directory, options, desired)
            refresh = {
                item.dn: tree.ssha512(item.password, os.urandom(16))
                for item in desired
                if item.password is not None and not accepts_password(options["uri"], item.dn, item.password)
            }
            result = tree.reconcile(desired, live, rules, refresh)
            if not module.check_mode:
                _apply(directory, result.writes)
    except (tree.TreeError, DirectoryError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=result.plan.changed, plan=result.plan.as_dict(), diff={"prepared": result.plan.text()})


def _live(directory: Session, options: dict[str, Any], desired: list[tree.Desired]) -> Entries:
    """Read what matters: all of a configuration; of a tree not the accounts that others keep in it."""
    attributes = ["*", *options["read"]]
    if options["config"]:
        return directory.read(options["base"], attributes=attributes)
    live = {}
    for above in options["prune"]:
        live.update(directory.read(above, attributes=attributes))
    for item in desired:
        if item.dn not in live:
            live.update(directory.read(item.dn, "base", attributes=attributes))
    return live


def _apply(directory: Session, writes: list[tree.Write]) -> None:
    """Write in order; an error names the entry and how far the run came (the next run does the rest)."""
    for number, write in enumerate(writes):
        try:
            if write.action == tree.REMOVE:
                directory.delete(write.dn)
            elif write.action == tree.ADD:
                directory.add(write.dn, [(mod.attribute, mod.values) for mod in write.mods])
            else:
                directory.modify(write.dn, [(mod.action, mod.attribute, mod.values) for mod in write.mods])
        except DirectoryError as error:
            done = f"{number} of {len(writes)} writes were done before; a further run continues from there"
            raise DirectoryError(f"{write.action} {write.dn}: {error} ({done})") from error


if __name__ == "__main__":
    main()
