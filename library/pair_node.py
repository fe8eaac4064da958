#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bring a node of the pair into a state and wait for it. Whether it may be is judged before, by mailroom.pair_rules."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pair_node
short_description: Bring a node of a mail pair into a state, and wait until it is
description:
  - Runs on a node that runs the cluster, which for C(fenced) and C(seen) is the other one.
options:
  name:
    description: The node.
    type: str
    required: true
  state:
    description:
      - C(standby), it runs nothing; C(online), it may run the service.
      - C(fenced), the cluster is asked to fence it, and the module waits until that is done. There is no state to
        compare with, so this always changes something.
      - C(seen), nothing is asked for; waited for is that it is online, or back in standby.
    type: str
    choices: [standby, online, fenced, seen]
    required: true
  timeout:
    description: Seconds to wait.
    type: int
    default: 60
attributes:
  check_mode: {support: full, description: Says whether the node would be changed; waits for nothing.}
  diff_mode: {support: none, description: The state is one word.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Take a node out
  pair_node:
    name: mail1
    state: standby
"""

RETURN = r"""
seconds: {description: How long it took., type: float, returned: success}
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom import pair  # noqa: F401 - Mitogen ships what is named
from ansible.module_utils.mailroom_pair import ask, cluster


def holds(view: dict[str, Any], name: str, state: str) -> bool:
    """Whether a node is in a state, and has given up or taken what goes with it."""
    node = view.get("nodes", {}).get(name, {"state": "unknown"})
    if state == "standby":
        empty = not any(name in item["nodes"] for item in view["resources"].values())
        return bool(node["state"] == "offline" and node["standby"]) or (node["state"] == "standby" and empty)
    if state == "seen":
        return node["state"] in ("online", "standby")
    return bool(node["state"] == "online")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": ["standby", "online", "fenced", "seen"]},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    name, state, timeout = (module.params[key] for key in ("name", "state", "timeout"))
    view = cluster(5)
    if "problem" in view:
        module.fail_json(msg=f"Nothing was done: {view['problem']}")
    if name not in view["nodes"]:
        module.fail_json(msg=f"Nothing was done: the cluster has no node {name}, only {', '.join(view['nodes'])}.")
    if state in ("standby", "online"):
        changed = view["nodes"][name]["standby"] != (state == "standby")
    else:
        changed = state == "fenced"
    if module.check_mode:
        module.exit_json(changed=changed, seconds=0.0)
    start = time.monotonic()
    if changed:
        order(module, name, state, timeout)
    end = start + timeout
    # A fenced node is down now or up again already; that it comes back is waited for by `seen`.
    while state != "fenced" and not holds(view, name, state):
        if time.monotonic() > end:
            module.fail_json(msg=f"{name} is not {state} after {timeout} s: {described(view, name)}")
        time.sleep(0.2)
        view = cluster(5)
        if "problem" in view:
            view = {"nodes": {}, "resources": {}, "failures": [], **view}
    module.exit_json(changed=changed, seconds=round(time.monotonic() - start, 2))


def order(module: AnsibleModule, name: str, state: str, timeout: int) -> None:
    """Tell Pacemaker; ends the module if it does not take the order."""
    if state == "fenced":
        command = ["stonith_admin", "--reboot", name, "--timeout", str(timeout), "--tag", "mailroom"]
    else:
        value = "on" if state == "standby" else "off"
        command = ["crm_attribute", "--type", "nodes", "--node", name, "--name", "standby", "--update", value]
    code, out, err = ask(command, timeout + 5)
    if code:
        what = "was not fenced" if state == "fenced" else f"was not put to {state}"
        module.fail_json(msg=f"{name} {what}: {(err or out).strip() or f'{command[0]} ended with {code}'}")


def described(view: dict[str, Any], name: str) -> str:
    """What keeps a node from a state."""
    if view.get("problem"):
        return str(view["problem"])
    node = view["nodes"].get(name, {"state": "unknown"})
    running = [key for key, item in view["resources"].items() if name in item["nodes"]]
    failed = [f"{one['resource']} ({one['task']}: {one['reason']})" for one in view["failures"] if one["node"] == name]
    parts = [f"it is {node['state']}"]
    parts += [f"it runs {', '.join(running)}"] if running else []
    parts += [f"failed there: {', '.join(failed)}"] if failed else []
    return "; ".join(parts)


if __name__ == "__main__":
    main()
