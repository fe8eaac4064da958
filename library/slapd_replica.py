#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait until a replica holds what its provider holds."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slapd_replica
short_description: Wait until a directory replica has caught up
description:
  - Compares C(contextCSN) of the local database with the provider's, and waits until they are equal.
  - Binds to the provider as the replica does, so a wrong password or certificate is named here.
  - A provider that cannot be reached is an error only if the replica has no data yet.
options:
  suffix:
    description: Suffix of the database.
    type: str
    required: true
  provider:
    description: URI of the provider.
    type: str
    required: true
  bind_dn:
    description: Identity of replicas.
    type: str
    required: true
  bind_password:
    description: Its password.
    type: str
    required: true
  ca:
    description: File with the certificate that the provider's is checked against.
    type: path
    required: true
  timeout:
    description: Seconds to wait at most.
    type: int
    default: 120
attributes:
  check_mode:
    description: Runs as usual, as it changes nothing.
    support: full
  diff_mode:
    support: none
    description: There is nothing to show.
author:
  - Mailroom authors
"""

EXAMPLES = r"""
- name: Wait for the replica
  slapd_replica:
    suffix: dc=mailroom,dc=example
    provider: ldaps://ldap1.mailroom.example
    bind_dn: cn=replica,ou=services,dc=mailroom,dc=example
    bind_password: "{{ vaulted_password }}"
    ca: /etc/mailroom/tls/ca.crt
"""

RETURN = r"""
context:
  description: The state that both hold.
  type: str
  returned: success
"""

import time

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError, Session, Unreachable


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "suffix": {"type": "str", "required": True},
            "provider": {"type": "str", "required": True},
            "bind_dn": {"type": "str", "required": True},
            "bind_password": {"type": "str", "required": True, "no_log": True},
            "ca": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    if IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("python3-ldap"), exception=IMPORT_ERROR)
    options = module.params
    try:
        local = _context("ldapi:///", options["suffix"])
    except DirectoryError as error:
        module.fail_json(msg=str(error))
    try:
        wanted = _context(
            options["provider"], options["suffix"], options["bind_dn"], options["bind_password"], options["ca"]
        )
    except Unreachable as error:
        if local:
            module.warn(f"The replica keeps answering with what it has; its provider is not reachable: {error}")
            module.exit_json(changed=False, context=local)
        module.fail_json(msg=f"The replica is empty and cannot be filled: {error}")
    except DirectoryError as error:
        module.fail_json(msg=f"The provider does not accept this replica: {error}")
    end = time.monotonic() + options["timeout"]
    pause = 0.1
    # Later is as good as equal: writes may go on meanwhile.
    while local < wanted:
        if time.monotonic() > end:
            module.fail_json(
                msg=f"The replica did not catch up in {options['timeout']} s: it is at {local or 'nothing'}, the "
                f"provider was at {wanted}. See `journalctl -u slapd` on this host."
            )
        time.sleep(pause)
        pause = min(pause * 2, 2)
        local = _context("ldapi:///", options["suffix"])
    module.exit_json(changed=False, context=local)


def _context(uri: str, suffix: str, who: str = "", password: str = "", ca: str = "") -> str:
    """Return the newest change that a server knows of ("" for an empty database)."""
    with Session(uri, who, password, ca) as directory:
        rows = directory.read(suffix, "base", attributes=["contextCSN"])
    return max((csn for entry in rows.values() for csn in entry.get("contextCSN", [])), default="")


if __name__ == "__main__":
    main()
