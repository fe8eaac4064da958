# SPDX-License-Identifier: GPL-3.0-or-later
"""What the machine that runs the lab can do to a container from outside."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from ..shell import local
from ..target import STATE

PREFIX = "mailroom-"
# The lab's power switch answers an error while this file is there.
BROKEN = STATE / "fencing-broken"


def container(node: str) -> str:
    return f"{PREFIX}{node}"


def first_process(node: str) -> int:
    """The process number of a container's systemd on this machine, or 0 if it does not run."""
    state = json.loads(local("podman", "inspect", "--format", "json", "--type", "container", container(node)))[0][
        "State"
    ]
    return int(state["Pid"]) if state["Running"] else 0


def processes(node: str) -> list[int]:
    """All processes of a container."""
    first = first_process(node)
    if not first:
        return []
    space = os.readlink(f"/proc/{first}/ns/pid")
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "ns/pid") == space:
                found.append(int(entry.name))
        except OSError:
            continue  # It ended meanwhile.
    return found


def signal_all(node: str, what: signal.Signals) -> None:
    """Send a signal to all processes of a container, until there are no new ones."""
    done: set[int] = set()
    while new := set(processes(node)) - done:
        words = ["kill", f"-{what.name.removeprefix('SIG')}", *map(str, sorted(new))]
        local(*words, check=False)
        done |= new


def kill(node: str) -> None:
    local("podman", "kill", "--signal", "KILL", container(node))


def start(node: str) -> None:
    """Start a container that does not run. The cluster's own fencing may do the same at the same time."""
    if not first_process(node):
        # Else podman may start it with the network and the shared memory of before.
        local("podman", "container", "cleanup", container(node), check=False)
        local("podman", "start", container(node), check=False)
        keep_addresses()


def keep_addresses() -> None:
    """Fix the hardware addresses of this machine's bridges: with no container left, podman has made them anew.

    A bridge takes the lowest address of its ports. When a node went, the other would look for the power switch at the
    old address for a minute (lab/tasks/bridges.yml).
    """
    for bridge in json.loads(local("ip", "-json", "address", "show", "type", "bridge") or "[]"):
        for address in (found["local"] for found in bridge.get("addr_info", []) if found["family"] == "inet"):
            mac = "02:4d:" + ":".join(f"{int(byte):02x}" for byte in address.split("."))
            if bridge["ifname"].startswith("podman") and bridge["address"] != mac:
                local("ip", "link", "set", "dev", bridge["ifname"], "address", mac, check=False)


def links(node: str, address: str | None = None) -> list[str]:
    """This machine's ends of a container's cables; with an address only that of its network."""
    first = str(first_process(node))
    shown = json.loads(local("nsenter", "--target", first, "--net", "ip", "-json", "address", "show"))
    indexes = {
        one["link_index"]
        for one in shown
        if one.get("link_index") and (address is None or address in {info["local"] for info in one["addr_info"]})
    }
    here = json.loads(local("ip", "-json", "link", "show"))
    return [one["ifname"] for one in here if one["ifindex"] in indexes]


def cable(name: str, up: bool) -> None:
    local("ip", "link", "set", name, "up" if up else "down", check=False)
