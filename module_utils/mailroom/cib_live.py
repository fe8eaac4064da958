# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker's tools say, as data: the state of the cluster, what a change would do, what an agent accepts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .cib_build import CibError

# What ends or interrupts something that runs.
INTERRUPTS = ("stop", "restart", "move", "migrate", "recover", "demote", "re-promote")
# Fencing devices accept these of Pacemaker's beside their own.
FENCER_PREFIX = "pcmk_"
# The fencer fills these in itself.
FENCER_FILLS = ("plug", "port", "nodename", "action")


@dataclass(frozen=True)
class Action:
    """One thing that the cluster would do: restart mail-postfix on mail1, because of something."""

    resource: str
    action: str
    node: str = ""
    target: str = ""
    reason: str = ""
    blocked: bool = False

    def __str__(self) -> str:
        where = f"{self.node} -> {self.target}" if self.target else self.node
        because = f", {self.reason}" if self.reason else ""
        return f"{self.action} {self.resource}" + (f" ({where}{because})" if where or because else "")


@dataclass(frozen=True)
class Failure:
    """A resource that failed, where, in which operation, and why."""

    resource: str
    operation: str
    node: str
    reason: str

    def __str__(self) -> str:
        return f"{self.resource}: {self.operation} failed on {self.node}: {self.reason}"


@dataclass
class Status:
    """What `crm_mon` knows. `active` maps each resource to the nodes on which it runs without a fault."""

    coordinator: str = ""
    quorum: bool = False
    maintenance: bool = False
    online: tuple[str, ...] = ()
    usable: tuple[str, ...] = ()
    active: dict[str, tuple[str, ...]] = field(default_factory=dict)
    idle: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    failures: tuple[Failure, ...] = ()


def _parse(text: str, tool: str) -> ET.Element:
    try:
        return ET.fromstring(text)  # noqa: S314 - Pacemaker's own tools, run by root
    except ET.ParseError as error:
        raise CibError(f"{tool} gave no XML: {error}: {text.strip()[:200]}") from error


def actions(text: str) -> list[Action]:
    """What the cluster would do, from `crm_simulate --run --output-as=xml`."""
    found = []
    for item in _parse(text, "crm_simulate").iterfind("actions/rsc_action"):
        found.append(
            Action(
                item.get("resource", ""),
                item.get("action", ""),
                item.get("source") or item.get("node") or "",
                item.get("dest", ""),
                item.get("reason", ""),
                item.get("blocked") == "true",
            )
        )
    return found


def pending(found: Iterable[Action]) -> list[Action]:
    """What the cluster still has to do. It can do nothing about what is blocked."""
    return [item for item in found if not item.blocked]


def interruptions(before: Iterable[Action], after: Iterable[Action], ours: Collection[str]) -> list[Action]:
    """What of ours a change would stop or move, that the cluster would leave alone without the change."""
    already = {(item.resource, item.action) for item in before}
    return [
        item
        for item in after
        if item.resource in ours and item.action in INTERRUPTS and (item.resource, item.action) not in already
    ]


def status(text: str) -> Status:
    """The cluster's state, from `crm_mon --one-shot --inactive --output-as=xml`."""
    root = _parse(text, "crm_mon")
    found = Status()
    coordinator = root.find("summary/current_dc")
    if coordinator is not None and coordinator.get("present") == "true":
        found.coordinator = coordinator.get("name", "")
        found.quorum = coordinator.get("with_quorum") == "true"
    options = root.find("summary/cluster_options")
    found.maintenance = options is not None and options.get("maintenance-mode") == "true"
    nodes = root.findall("nodes/node")
    up = [item for item in nodes if item.get("online") == "true" and item.get("pending") != "true"]
    found.online = tuple(item.get("name", "") for item in up)
    found.usable = tuple(
        item.get("name", "")
        for item in up
        if not any(item.get(state) == "true" for state in ("standby", "maintenance", "unclean", "shutdown"))
    )
    idle, devices = set(), set()
    for item in root.iterfind(".//resources//resource"):
        name = item.get("id", "")
        fine = item.get("active") == "true" and item.get("failed") != "true" and item.get("orphaned") != "true"
        found.active[name] = tuple(node.get("name", "") for node in item.iterfind("node")) if fine else ()
        if item.get("managed") == "false" or item.get("target_role") == "Stopped" or item.get("maintenance") == "true":
            idle.add(name)
        if item.get("resource_agent", "").startswith("stonith:"):
            devices.add(name)
    found.idle, found.devices = frozenset(idle), frozenset(devices)
    found.failures = tuple(_failures(root))
    return found


def _failures(root: ET.Element) -> Iterator[Failure]:
    for item in root.iterfind("failures/failure"):
        # The key is RESOURCE_OPERATION_INTERVAL, as in mail-dovecot_monitor_10000.
        resource, operation, _interval = (item.get("op_key") or "__").rsplit("_", 2)
        reason = item.get("exitreason") or item.get("exitstatus") or item.get("status") or "no reason given"
        yield Failure(resource, item.get("task") or operation, item.get("node", ""), reason)


def not_running(found: Status, wanted: Collection[str]) -> list[str]:
    """Why some of the wanted resources do not run, a line for each; nothing where an administrator stopped them."""
    if found.maintenance or not found.usable:
        return []
    reasons: dict[str, list[str]] = {}
    for failure in found.failures:
        reasons.setdefault(failure.resource, []).append(str(failure))
    lines = []
    for name in sorted(wanted):
        if not found.active.get(name) and name not in found.idle:
            lines += reasons.get(name) or [f"{name} does not run, and nothing failed: something before it, or a rule"]
    return lines


def parameters(text: str, agent: str) -> dict[str, tuple[str, ...]]:
    """The parameters that an agent knows, from its metadata, each with the names of which one must be given.

    An optional one has no such names; an older name of a parameter that must be given does as well.
    """
    found: dict[str, tuple[str, ...]] = {}
    for item in _parse(text, f"the metadata of {agent}").iterfind("parameters/parameter"):
        needed = item.get("required") in ("1", "true") and item.get("deprecated") not in ("1", "true")
        if needed and item.find("content[@default]") is None:
            found[item.get("name", "")] = tuple(filter(None, (item.get("name"), item.get("obsoletes"))))
        else:
            found[item.get("name", "")] = ()
    return found


def wrong_parameters(element: ET.Element, known: Mapping[str, Collection[str]]) -> list[str]:
    """What is wrong with the parameters of a resource, a line for each."""
    name, fencing = element.get("id"), element.get("class") == "stonith"
    given = {pair.get("name", "") for pair in element.iterfind("instance_attributes/nvpair")}
    lines = [
        f"{name}: {element.get('type')} has no parameter {parameter} (it has {', '.join(sorted(known))})"
        for parameter in sorted(given - set(known))
        if not (fencing and parameter.startswith(FENCER_PREFIX))
    ]
    for parameter, needed in known.items():
        if needed and not given & set(needed) and not (fencing and parameter in FENCER_FILLS):
            lines.append(f"{name}: {element.get('type')} needs the parameter {parameter}")
    return lines
