#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Move the service to this node of the pair and see it serve. Whether it may is judged before: mailroom.pair_rules."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pair_switch
short_description: Move the service of a mail pair to this node
description:
  - Runs on the node that shall have the service. Tells Pacemaker to move the group here, then waits until the shared
    file system is mounted here and every service greets on every address that the cluster moves.
  - Goes on to its end when the connection to the controller is lost. The constraint that it takes for the move is
    removed at the end, also when the move fails; should this host die before that, the constraint ends by itself.
  - Measures how long no server greeted, by asking them all the time.
  - Where the service is here already it does nothing.
options:
  group:
    description: The group of resources.
    type: str
    default: mail
  mount_point:
    description: Where the shared file system is mounted on the node that has the mail.
    type: path
    default: /srv/mailroom
  services:
    description: What must greet on the addresses that the cluster moves, each as C(protocol:port).
    type: list
    elements: str
    default: ["smtp:25", "imap:993"]
  timeout:
    description: Seconds to wait until everything serves here.
    type: int
    default: 60
attributes:
  check_mode: {support: full, description: Says whether the service would be moved.}
  diff_mode: {support: none, description: There is nothing to compare.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Move the service here
  pair_switch:
    timeout: 30
"""

RETURN = r"""
outage: {description: Seconds without a greeting by protocol., type: dict, returned: changed}
seconds: {description: Seconds from the order to the last greeting., type: float, returned: changed}
source: {description: Nodes that had the group before., type: list, elements: str, returned: success}
"""

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom import pair
from ansible.module_utils.mailroom_detached import detached
from ansible.module_utils.mailroom_ldap import DirectoryError
from ansible.module_utils.mailroom_pair import ask, cluster, greeting, mounts

# How often each protocol is asked while the service moves, and how long one question may take.
PAUSE, PATIENCE = 0.1, 0.5
# How long Pacemaker has for an order. The constraint outlives the wait by this much if nobody is left to remove it.
SLACK = 60


class Watch:
    """Asks the services all the time, each in a thread of its own, and notes when they greeted."""

    def __init__(self, targets: list[tuple[str, str, int]]) -> None:
        self.attempts: dict[str, list[tuple[float, bool]]] = {protocol: [] for _address, protocol, _port in targets}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=target, daemon=True) for target in targets]

    def __enter__(self) -> Watch:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_reason: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE * 2)

    def _ask(self, address: str, protocol: str, port: int) -> None:
        while not self._over.is_set():
            good = not greeting(address, protocol, port, PATIENCE)
            # The moment of the answer: that is when a client could go on.
            self.attempts[protocol].append((time.monotonic(), good))
            self._over.wait(PAUSE)

    def seen(self) -> bool:
        """Return whether each protocol has greeted once."""
        return all(any(good for _moment, good in found) for found in self.attempts.values())

    @property
    def outages(self) -> dict[str, float]:
        return {protocol: round(pair.outage(list(found)), 2) for protocol, found in self.attempts.items()}


def where(group: str) -> tuple[list[str], list[str], dict[str, Any]]:
    """Return the nodes that have a part of the group, the resources that are not started, and the whole view."""
    view = cluster(5)
    members = {key: item for key, item in view.get("resources", {}).items() if item["group"] == group}
    nodes = sorted({node for item in members.values() for node in item["nodes"]})
    return nodes, [key for key, item in members.items() if item["role"] != "Started" or item["pending"]], view


def belongs(view: dict[str, Any], resource: str, group: str) -> bool:
    return bool(view["resources"].get(resource, {}).get("group") == group)


def silent(targets: list[tuple[str, str, int]]) -> list[str]:
    """Return what does not greet."""
    found = []
    for address, protocol, port in targets:
        if problem := greeting(address, protocol, port, PATIENCE):
            found.append(f"{protocol} on {address}:{port}: {problem}")
    return found


def until(good: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (value := good()) and time.monotonic() < end:
        time.sleep(0.1)
    return value


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "group": {"type": "str", "default": "mail"},
            "mount_point": {"type": "path", "default": "/srv/mailroom"},
            "services": {"type": "list", "elements": "str", "default": ["smtp:25", "imap:993"]},
            "timeout": {"type": "int", "default": 60},
        },
        supports_check_mode=True,
    )
    options = module.params
    group, point = options["group"], options["mount_point"]
    me = ask(["crm_node", "--name"], 5)[1].strip() or socket.gethostname()
    before, _stopped, view = where(group)
    if "problem" in view:
        module.fail_json(msg=f"Nothing was done: {view['problem']}")
    addresses = pair.addresses(ask(["cibadmin", "--query", "--scope", "resources"], 5)[1])
    targets = [
        (address, service.partition(":")[0], int(service.partition(":")[2]))
        for address in addresses
        for service in options["services"]
    ]
    if not targets:
        module.fail_json(msg="Nothing was done: the cluster has no addresses to move.")
    if before == [me] or module.check_mode:
        module.exit_json(changed=before != [me], source=before)

    try:
        problem, left, result = detached(lambda: move(me, group, point, targets, options["timeout"]))
    except DirectoryError as error:
        module.fail_json(msg=f"The move was cut off: {error}. See `crm_mon -1`.")
    if left:
        module.warn(left)
    if problem:
        module.fail_json(msg=problem, source=before, **result)
    module.exit_json(changed=True, source=before, **result)


def move(
    me: str, group: str, point: str, targets: list[tuple[str, str, int]], timeout: int
) -> tuple[str, str, dict[str, Any]]:
    """Give the order, wait, take the order back. Returns what went wrong, what is left over, and times."""

    def serves() -> bool:
        nodes, stopped, _view = where(group)
        return nodes == [me] and not stopped and point in mounts() and not silent(targets)

    def refused() -> bool:
        nodes, stopped, view = where(group)
        here = [one for one in view.get("failures", []) if one["node"] == me and belongs(view, one["resource"], group)]
        return bool(here and nodes and me not in nodes and not stopped)

    # Of each protocol one address is watched all the time, so that limits on connections are not touched.
    with Watch([target for target in targets if target[0] == targets[0][0]]) as watch:
        # What is not seen before cannot be missed after.
        until(watch.seen, 3)
        start = time.monotonic()
        problem = ""
        try:
            lifetime = f"PT{timeout + SLACK}S"
            code, _out, err = ask(
                ["crm_resource", "--move", "--resource", group, "--node", me, "--lifetime", lifetime], 20
            )
            if code:
                problem = f"Pacemaker did not take the order: {err.strip()}"
            # Once something failed here and everything is back elsewhere, there is nothing to wait for.
            elif not until(lambda: serves() or refused(), timeout) or refused():
                problem = told(me, group, targets, round(time.monotonic() - start))
        finally:
            seconds = time.monotonic() - start
            left = cleared(group, me)
        if problem:
            # Pacemaker may be bringing everything back to where it was, which is worth waiting for before it is told.
            until(lambda: not where(group)[1] and not silent(targets), timeout)
            problem += f" {now(group, targets)}"
        elif not until(lambda: where(group)[:2] == ([me], []), 10):
            problem = f"{me} had the service, and does not keep it: {now(group, targets)}"
    return problem, left, {"outage": watch.outages, "seconds": round(seconds, 2)}


def cleared(group: str, me: str) -> str:
    """Take the order back; what is wrong if that does not work."""
    for _attempt in range(3):
        code, _out, err = ask(["crm_resource", "--clear", "--resource", group, "--node", me], 20)
        if code == 0:
            return ""
        time.sleep(1)
    return f"The constraint of the move is still there ({err.strip()}). Remove it: crm_resource --clear -r {group}"


def told(me: str, group: str, targets: list[tuple[str, str, int]], seconds: int) -> str:
    """Why the service is not here, as far as anybody knows."""
    _nodes, stopped, view = where(group)
    failed = [
        f"{one['resource']} ({one['task']} on {one['node']}: {one['reason']})"
        for one in view.get("failures", [])
        if belongs(view, one["resource"], group)
    ]
    parts = [f"After {seconds} s {me} does not serve."]
    parts += [f"Failed: {', '.join(failed)}."] if failed else []
    parts += [f"Not started: {', '.join(stopped)}."] if stopped else []
    quiet = silent(targets)
    return " ".join([*parts, f"No greeting: {'; '.join(quiet)}." if quiet else ""]).strip()


def now(group: str, targets: list[tuple[str, str, int]]) -> str:
    nodes, stopped, _view = where(group)
    there = f"The mail is at {' and '.join(nodes)}" if nodes else "Nobody has the mail"
    good = not stopped and not silent(targets)
    return f"{there} now{', and it serves' if good else ', and it does not serve completely'}."


if __name__ == "__main__":
    main()
