#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Wait until a replica holds what its provider holds."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slapd_replica
short_description: Wait until a directory replica has caught up, and see to it that it holds the same
description:
  - Compares C(contextCSN) of the local database with the provider's, and waits until they are equal.
  - Then compares which entries there are and when they were last changed. Where that differs although nothing is
    under way, the replica is filled anew, and services cannot log in until that is done (mail waits). This happens
    when a transaction failed on the provider - slapd 2.6 passes its parts on before it knows that they fail.
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
    description: Compares and says whether the replica would be filled again.
    support: full
  diff_mode:
    support: full
    description: Shows how many entries differ, and some names.
author:
  - Mailroom authors (!UNKNOWN)
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

import os
import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError, Session, Unreachable

DATA = "/var/lib/ldap"


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
    suffix = options["suffix"]
    there = (options["provider"], options["bind_dn"], options["bind_password"], options["ca"])
    try:
        local = _context(suffix)
        try:
            wanted = _context(suffix, *there)
        except Unreachable as error:
            if not local:
                module.fail_json(msg=f"The replica is empty and cannot be filled: {error}")
            module.warn(f"The replica keeps answering with what it has; its provider is not reachable: {error}")
            module.exit_json(changed=False, context=local)
        # Later is as good as equal: writes may go on meanwhile.
        local = _until(lambda: _context(suffix), lambda context: context >= wanted, options["timeout"])
        if local < wanted:
            module.fail_json(
                msg=f"The replica did not catch up in {options['timeout']} s: it is at {local or 'nothing'}, the "
                f"provider was at {wanted}. See `journalctl -u slapd` on this host."
            )
        differ = _until(lambda: _differences(suffix, there), lambda found: not found, 5)
        if differ and not module.check_mode:
            _fill_anew(module)
            left = _until(lambda: _differences(suffix, there), lambda found: not found, options["timeout"])
            if left:
                module.fail_json(msg=f"The replica still differs from its provider: {_named(left)}")
    except DirectoryError as error:
        module.fail_json(msg=str(error))
    shown = f"differs from the provider, the replica is filled anew: {_named(differ)}\n" if differ else ""
    module.exit_json(changed=bool(differ), context=local, diff={"prepared": shown} if differ else {})


def _until(read: Callable[[], Any], good: Callable[[Any], bool], seconds: float) -> Any:
    """Read until the value is good or the time is over; the last value is the result."""
    end, pause = time.monotonic() + seconds, 0.1
    while True:
        value = read()
        if good(value) or time.monotonic() > end:
            return value
        time.sleep(pause)
        pause = min(pause * 2, 2)


def _context(suffix: str, uri: str = "ldapi:///", who: str = "", password: str = "", ca: str = "") -> str:
    """Return the newest change that a server knows of ("" for an empty database)."""
    with Session(uri, who, password, ca) as directory:
        rows = directory.read(suffix, "base", attributes=["contextCSN"])
    return max((csn for entry in rows.values() for csn in entry.get("contextCSN", [])), default="")


def _differences(suffix: str, there: tuple[str, str, str, str]) -> list[str]:
    """Return the DNs whose entry is missing on one side or was last changed at another time."""
    found = []
    for place in (("ldapi:///", "", "", ""), there):
        with Session(*place) as directory:
            rows = directory.read(suffix, attributes=["entryUUID", "entryCSN"])
        # Each server keeps contextCSN in the topmost entry by itself, which counts as a change of that entry.
        found.append(
            {
                (dn, *entry.get("entryUUID", []), *([] if dn == suffix else entry.get("entryCSN", [])))
                for dn, entry in rows.items()
            }
        )
    return sorted({row[0] for row in found[0] ^ found[1]})


def _named(dns: list[str]) -> str:
    return f"{len(dns)} entries, such as {'; '.join(dns[:3])}"


def _fill_anew(module: AnsibleModule) -> None:
    """Throw the copy away and let slapd fetch all of it. Asking for a refresh only would keep what is newer here.

    Until it is complete the access rules let no service log in, so mail waits instead of being refused.
    """
    module.run_command(["systemctl", "stop", "slapd"], check_rc=True)
    for name in ("data.mdb", "lock.mdb"):
        if os.path.exists(f"{DATA}/{name}"):
            os.unlink(f"{DATA}/{name}")
    module.run_command(["systemctl", "start", "slapd"], check_rc=True)


if __name__ == "__main__":
    main()
