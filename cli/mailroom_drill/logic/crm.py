# SPDX-License-Identifier: GPL-3.0-or-later
"""What `crm_mon --one-shot --output-as=xml` says."""

from __future__ import annotations

# The cluster's own root wrote this text, on a host that we are root on.
import xml.etree.ElementTree as Tree
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Status:
    """The cluster as one of its nodes sees it."""

    online: frozenset[str] = frozenset()
    nodes: frozenset[str] = frozenset()
    # Where each resource runs.
    running: dict[str, tuple[str, ...]] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()

    def place(self, prefix: str) -> str | None:
        """The one node on which all resources whose names begin so run, or None."""
        places = {nodes for name, nodes in self.running.items() if name.startswith(prefix)}
        if len(places) != 1:
            return None
        nodes = places.pop()
        return nodes[0] if len(nodes) == 1 else None

    def healthy(self, prefix: str) -> list[str]:
        """What is not as it should be; nothing if all is well."""
        found = [f"{node} is not online" for node in sorted(self.nodes - self.online)]
        if len(self.nodes) < 2:
            found.append("the cluster does not have two nodes")
        if self.place(prefix) is None:
            found.append(f"the resources {prefix}* do not all run on one node")
        found += [f"{name} does not run" for name, nodes in sorted(self.running.items()) if not nodes]
        return [*found, *self.troubles]


def status(text: str) -> Status:
    """Read what crm_mon printed; a text that is no XML is a cluster that does not answer."""
    try:
        root = Tree.fromstring(text)  # noqa: S314
    except Tree.ParseError:
        return Status(troubles=("the cluster does not answer",))
    nodes, online, troubles = set(), set(), []
    for node in root.iterfind("./nodes/node"):
        name = node.get("name", "")
        nodes.add(name)
        if node.get("online") == "true" and node.get("pending", "false") == "false":
            online.add(name)
        troubles += [f"{name} is in {word}" for word in ("standby", "maintenance") if node.get(word) == "true"]
        if node.get("unclean") == "true":
            troubles.append(f"{name} is unclean")
    running = {}
    for resource in root.iterfind("./resources//resource"):
        name = resource.get("id", "")
        running[name] = tuple(found.get("name", "") for found in resource.iterfind("node"))
        bad = [("failed", "true"), ("blocked", "true"), ("managed", "false"), ("orphaned", "true")]
        troubles += [f"{name} is {word}={value}" for word, value in bad if resource.get(word) == value]
    return Status(frozenset(online), frozenset(nodes), running, tuple(troubles))
