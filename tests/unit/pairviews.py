# SPDX-License-Identifier: GPL-3.0-or-later
"""Views of a mail pair as the module pair_status returns them, well by default and broken on demand."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from mailroom import pair

RECORDED = Path(__file__).parent / "recorded"
NOW = 1_795_000_000.0
CSN = "20261118113320.000000Z#000000#000#000000"
LATER = "20261118113325.000000Z#000000#000#000000"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text()


def directory(role: str = "replica", csn: str = CSN, **changed: Any) -> dict[str, Any]:
    found = {
        "role": role,
        "suffix": "dc=mailroom,dc=example",
        "csn": csn,
        "read_only": False,
        "record": [],
        "provider": "ldaps://ldap1.mailroom.example" if role == "replica" else "",
        "provider_csn": csn if role == "replica" else "",
        "provider_problem": "",
        "problem": "",
    }
    return found | changed


def view(node: str = "mail1", active: bool = False, cluster: str = "crm_mon.xml", **changed: Any) -> dict[str, Any]:
    """What a node says. `cluster` is the file with what crm_mon prints there."""
    found = {
        "node": node,
        "time": NOW,
        "cluster": pair.cluster(recorded(cluster)),
        "links": [
            {"link": 0, "address": "10.80.3.11", "peers": {"mail2" if node == "mail1" else "mail1": "connected"}}
        ],
        "addresses": ["10.80.1.10"],
        "storage": {"mounted": active}
        | (
            {"writable": True, "size": 1000, "free": 600, "inodes": 100, "inodes_free": 90, "problem": ""}
            if active
            else {}
        ),
        "queue": {"count": 2, "oldest": int(NOW) - 90, "problem": ""},
        "certificates": [{"path": "/etc/mailroom/tls/host.crt", "days": 89.6, "problem": ""}],
        "directory": directory(),
        "greetings": {"smtp 10.80.1.10": "", "imap 10.80.1.10": ""},
        "units": {"corosync": "active"},
        "checks": [{"name": "Postfix", "command": "postconf -n", "problem": ""}],
    }
    return copy.deepcopy(found | changed)


def views(cluster: str = "crm_mon.xml") -> dict[str, dict[str, Any]]:
    """The pair at its best: mail1 has the mail."""
    return {"mail1": view("mail1", True, cluster), "mail2": view("mail2", False, cluster)}


def unreachable(why: str = "Failed to connect to the host via ssh: No route to host") -> dict[str, Any]:
    return {"unreachable": True, "msg": why}


def state(seen: dict[str, Any], node: str, value: str) -> None:
    """Let every node with a cluster say that `node` is in that state."""
    for item in seen.values():
        if "cluster" in item and node in item["cluster"].get("nodes", {}):
            item["cluster"]["nodes"][node] |= {"state": value, "standby": value == "standby"}
