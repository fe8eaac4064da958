# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform that is drilled: its addresses, and nothing beside them is ever spoken to."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from .errors import DrillError

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
# Fields of a file that are words, with a default.
WORDS = ("sender", "helo", "resources", "group", "mount", "queue")


@dataclass(frozen=True)
class Account:
    address: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Target:
    """A mail pair and how a drill reaches it."""

    name: str
    # Node to where SSH finds it, such as root@192.0.2.11.
    nodes: Mapping[str, str]
    # smtp, submission, imap: service address and port.
    services: Mapping[str, tuple[str, int]]
    accounts: tuple[Account, ...] = ()
    ca: Path | None = None
    ssh: tuple[str, ...] = ()
    # Who writes from outside.
    sender: str = "partner@elsewhere.example"
    helo: str = "mx.elsewhere.example"
    # Resources of the group begin so.
    resources: str = "mail-"
    group: str = "mail"
    mount: str = "/srv/mailroom"
    queue: str = "/srv/mailroom/queue"
    # Node to its addresses on the link that only the pair uses.
    links: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    # The lab is ours to break; anybody's own pair is not.
    lab: bool = False
    token: float = 1.0

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.ca) if self.ca else None)


def of_lab(info: Mapping[str, Any], accounts: tuple[Account, ...] = ()) -> Target:
    """The target from what `make -s lab-info` prints."""
    pair = {name: info["hosts"][name] for name in info.get("pair", [])}
    if len(pair) != 2:
        raise DrillError(f"the lab has {len(pair)} hosts in the group `cluster`, and a pair is two")
    options = (f"UserKnownHostsFile={STATE}/ssh/known_hosts", "IdentitiesOnly=yes", "ConnectTimeout=3")
    return Target(
        name=info["name"],
        nodes={name: f"root@{found['lan']}" for name, found in pair.items()},
        services={name: _service(info["services"], name) for name in ("smtp", "submission", "imap")},
        accounts=accounts,
        ca=ROOT / info["ca"],
        ssh=("-i", f"{STATE}/ssh/id_ed25519", *(word for option in options for word in ("-o", option))),
        links={name: (found["cluster"], *_also(info, name)) for name, found in pair.items()},
        lab=True,
    )


def _also(info: Mapping[str, Any], name: str) -> tuple[str, ...]:
    six = info.get("hosts6", {}).get(name, {}).get("cluster")
    return (six,) if six else ()


def _service(services: Mapping[str, Any], name: str) -> tuple[str, int]:
    try:
        host, port = services[name]
    except (KeyError, TypeError, ValueError):
        raise DrillError(f"services: {name} must be [address, port]") from None
    return str(host), int(port)


def from_file(path: Path) -> Target:
    """The target from a file that its owner wrote (docs/drill.md shows one)."""
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise DrillError(f"{path}: {error}") from error
    if not isinstance(data, dict):
        raise DrillError(f"{path}: is not a mapping")
    known = {
        "name",
        "nodes",
        "services",
        "accounts",
        "ca",
        "sender",
        "helo",
        "resources",
        "group",
        "mount",
        "queue",
        "links",
    }
    if unknown := sorted(set(data) - known):
        raise DrillError(f"{path}: unknown field {', '.join(unknown)}; there are {', '.join(sorted(known))}")
    if missing := sorted({"name", "nodes", "services", "accounts"} - set(data)):
        raise DrillError(f"{path}: {', '.join(missing)} is missing")
    if len(data["nodes"]) != 2:
        raise DrillError(f"{path}: nodes: a pair has two nodes, not {len(data['nodes'])}")
    accounts = tuple(Account(str(one["address"]), str(one["password"])) for one in data["accounts"])
    if not accounts:
        raise DrillError(f"{path}: accounts: the drill needs at least one mailbox that is set aside for it")
    more = {
        name: str(data[name]) for name in ("sender", "helo", "resources", "group", "mount", "queue") if name in data
    }
    return Target(
        name=str(data["name"]),
        nodes={str(name): str(place) for name, place in data["nodes"].items()},
        services={name: _service(data["services"], name) for name in ("smtp", "submission", "imap")},
        accounts=accounts,
        ca=path.parent / data["ca"] if "ca" in data else None,
        ssh=("-o", "BatchMode=yes", "-o", "ConnectTimeout=5"),
        links={str(name): tuple(map(str, found)) for name, found in data.get("links", {}).items()},
        **more,  # type: ignore[arg-type]
    )
