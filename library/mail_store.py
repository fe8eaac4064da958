#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a change of accounts means for the mail store of a mail host."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_store
short_description: Make mailboxes ready, end sessions and count quotas after a change of accounts
description:
  - Does on a mail host what follows from a change in the directory, by C(mailroom-store), which the role C(dovecot)
    installs. It first waits until the directory replica of this host has the change.
  - New and renamed mailboxes get their folders before anybody logs in. Sessions of mailboxes that are disabled or
    removed, and those under the old name of a renamed one, end at once; so do sessions that an interrupted run left
    open. The folder of a mailbox never moves, so a rename touches no mail.
  - On a host of a cluster that does not have the mail store at present it does nothing.
options:
  actions:
    description: What is to be done, as the result C(actions) of C(mail_accounts) says it.
    type: dict
    required: true
    suboptions:
      ready: {description: Addresses of new mailboxes., type: list, elements: str, default: []}
      lock: {description: Addresses of mailboxes that may no longer log in., type: list, elements: str, default: []}
      rename: {description: Pairs of old and new address., type: list, elements: list, default: []}
      removed: {description: Addresses of removed mailboxes; their mail stays until its purge date., type: list,
                elements: str, default: []}
      quota: {description: Addresses whose quota changed; what they hold is counted anew., type: list, elements: str,
              default: []}
      agents: {description: Rights by shared mailbox. Nothing is to be done for them here., type: dict, default: {}}
  csn:
    description: The change (C(contextCSN)) that the replica must have. Empty, nothing is waited for.
    type: str
    default: ""
  timeout:
    description:
      - Seconds to wait for the replica at most. With more than O(most) new mailboxes it is an hour instead, as the
        replica has that many entries to take in first.
    type: int
    default: 60
  most:
    description:
      - With more new mailboxes than this, they are made ready by a unit of its own while the play goes on. Each takes
        about 15 ms, and a mailbox that somebody logs in to or mail comes in for is made at that moment anyway.
    type: int
    default: 500
attributes:
  check_mode:
    support: full
    description: Says what would be done, as far as the replica knows the mailboxes, and waits for nothing.
  diff_mode: {support: full, description: Names mailboxes and sessions.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Do what follows on the mail hosts
  mail_store:
    actions: "{{ accounts.actions }}"
    csn: "{{ accounts.csn }}"

- name: End the sessions of a stolen account that was disabled
  mail_store:
    actions: {lock: [ann@widget.example]}
"""

RETURN = r"""
active:
  description: Whether this host has the mail store. If not, nothing was done.
  type: bool
  returned: success
ready:
  description: Mailboxes that were made or completed.
  type: list
  elements: str
  returned: success
ended:
  description: Number of sessions that were ended, by address.
  type: dict
  returned: success
usage:
  description: Bytes that the mailboxes of O(actions.quota) hold.
  type: dict
  returned: success
unit:
  description: The unit that makes mailboxes ready while the play goes on, if there are more than O(most).
  type: str
  returned: success
"""

import json
import os
import tempfile
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

PROGRAM = "/usr/local/sbin/mailroom-store"
FAILED, NOT_ACTIVE = 1, 4
# Seconds that a replica may take for a very large change: about 100,000 mailboxes take minutes.
LONG = "3600"
NAMES = ("ready", "lock", "removed", "quota")


def run(module: AnsibleModule, *arguments: str, data: str = "") -> dict[str, Any] | None:
    """Run mailroom-store; None where this host does not have the mail store. Ends the module if it refuses."""
    code, out, err = module.run_command([PROGRAM, *arguments, "--json"], data=data)
    if code == NOT_ACTIVE:
        return None
    if code not in (0, FAILED):
        module.fail_json(msg=err.strip().removeprefix("mailroom-store: ") or f"{PROGRAM} ended with {code}")
    result: dict[str, Any] = json.loads(out)
    return result


def detach(module: AnsibleModule, addresses: list[str], csn: str) -> str:
    """Start a unit that makes mailboxes ready once the replica has them, and return its name."""
    unit = f"mailroom-ready-{time.time_ns() // 1_000_000}"
    number, path = tempfile.mkstemp(prefix=f"{unit}.", dir="/run")
    with os.fdopen(number, "w") as file:
        json.dump({"ready": addresses}, file)
    module.run_command(
        [
            *("systemd-run", "--quiet", "--collect", f"--unit={unit}", f"--property=StandardInput=file:{path}"),
            *(f"--property=ExecStopPost=/usr/bin/rm -f {path}", PROGRAM, "act", "--csn", csn, "--timeout", LONG),
        ],
        check_rc=True,
    )
    return unit


def described(result: dict[str, Any], later: list[str], unit: str) -> str:
    lines = [f"ready {address}" for address in result["ready"]]
    lines += [f"end {count} sessions of {address}" for address, count in sorted(result["ended"].items())]
    lines += [f"{len(later)} mailboxes are made ready by {unit}"] if later else []
    return "".join(f"{line}\n" for line in lines)


def main() -> None:
    lists = {name: {"type": "list", "elements": "str", "default": []} for name in NAMES}
    others = {
        "rename": {"type": "list", "elements": "list", "default": []},
        "agents": {"type": "dict", "default": {}},
    }
    module = AnsibleModule(
        argument_spec={
            "actions": {"type": "dict", "required": True, "options": lists | others},
            "csn": {"type": "str", "default": ""},
            "timeout": {"type": "int", "default": 60},
            "most": {"type": "int", "default": 500},
        },
        supports_check_mode=True,
    )
    options = module.params
    nothing = {"active": False, "ready": [], "ended": {}, "usage": {}, "unit": ""}
    if module.check_mode and not os.path.exists(PROGRAM):
        module.exit_json(changed=False, msg=f"{PROGRAM} is not installed yet", **nothing)
    actions = {name: value for name, value in options["actions"].items() if value}
    if any(len(pair) != 2 for pair in actions.get("rename", [])):
        module.fail_json(msg="actions.rename: each must be a pair of old and new address")
    later = actions.pop("ready") if len(actions.get("ready", [])) > options["most"] else []
    # What only waits for new mailboxes waits in the unit that makes them. Behind a change of that size the rest has to
    # wait as long as the replica needs for it.
    csn = options["csn"] if actions or not later else ""
    arguments = ["act", "--csn", csn, "--timeout", LONG if later else str(options["timeout"])]
    result = run(module, *arguments, *(["--check"] if module.check_mode else []), data=json.dumps(actions))
    if result is None:
        module.exit_json(changed=False, **nothing)
    unit = ""
    if later:
        unit = "a unit of its own" if module.check_mode else detach(module, later, options["csn"])
    text = described(result, later, unit)
    facts = {name: result[name] for name in ("ready", "ended", "usage")}
    facts |= {"active": True, "unit": unit, "changed": result["changed"] or bool(later), "diff": {"prepared": text}}
    if failed := result["failed"]:
        named = "; ".join(f"{address}: {reason}" for address, reason in sorted(failed.items())[:20])
        module.fail_json(msg=f"not done for {len(failed)} of the mailboxes: {named}", failed_mailboxes=failed, **facts)
    module.exit_json(**facts)


if __name__ == "__main__":
    main()
