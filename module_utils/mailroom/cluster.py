# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a cluster's data, across its fields, before any change. Each rule says why it is there."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .cluster_values import INFINITY, is_name, milliseconds, score, shown

Data = Mapping[str, Any]

OWN_AGENT = "ocf:mailroom:service"
FILESYSTEM = "ocf:heartbeat:Filesystem"
ADDRESS = "ocf:heartbeat:IPaddr2"
# Written by Pacemaker itself, or decided by another variable of ours.
PACEMAKERS = ("cluster-infrastructure", "cluster-name", "dc-version", "have-watchdog", "last-lrm-refresh")
FENCING_ENABLED = ("stonith-enabled", "fencing-enabled")
PRIORITY_DELAY = "priority-fencing-delay"
WATCHDOG_TIMEOUTS = ("stonith-watchdog-timeout", "fencing-watchdog-timeout")
# How long corosync waits for answers to a join message (totem.join), which nobody changes.
JOIN_MS = 50
KEY_BYTES = (128, 4096)
# What the agent needs beside its wait for the greeting: starting itself and asking systemd.
AGENT_MARGIN_MS = 1000


def problems(data: Data) -> list[str]:
    """Return what is wrong, an empty list if nothing is. `data` has the role's variables without `cluster_`."""
    found: list[str] = []
    for rule in (_names, _nodes, _timing, _key, _quorum, _fencing, _race, _watchdog, _resources, _groups, _order):
        found += rule(data)
    for rule in (_operations, _constraints, _failback, _properties):
        found += rule(data)
    return found


def _node_names(data: Data) -> list[str]:
    return [str(node["name"]) for node in data["nodes"]]


def _resource_names(data: Data) -> set[str]:
    return {item["name"] for part in ("resources", "groups", "clones", "fence_devices") for item in data[part]}


def _address(text: object) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(str(text))
    except ValueError:
        return None


# names and nodes


def _names(data: Data) -> Iterator[str]:
    # The CIB is one XML document: an id exists once in it, whatever kind of object has it.
    parts = ("resources", "groups", "clones", "fence_devices", "constraints", "fence_levels")
    counts = Counter(str(item["name"]) for part in parts for item in data[part])
    yield from (f"{name}: the name is used for {count} objects" for name, count in sorted(counts.items()) if count > 1)
    yield from (
        f"{name!r} cannot be a name in the cluster: letters, digits, and . _ - inside"
        for name in sorted(counts)
        if not is_name(name)
    )


def _nodes(data: Data) -> Iterator[str]:
    names = _node_names(data)
    if len(names) < 2:
        yield "cluster_nodes: a cluster needs at least two nodes"
        return
    # Pacemaker knows a node by this name, and so do fencing devices.
    yield from (f"cluster_nodes: {name} is there {n} times" for name, n in sorted(Counter(names).items()) if n > 1)
    if data["node_name"] not in names:
        yield f"cluster_nodes: this host, {data['node_name']}, is not among them ({', '.join(names)})"
    links = {len(node["addresses"]) for node in data["nodes"]}
    if not links <= {1, 2} or len(links) != 1:
        # knet pairs the links by number: link 0 here talks to link 0 there.
        yield "cluster_nodes: every node needs the same number of addresses, one or two, one for each link"
        return
    taken: dict[str, str] = {}
    for node in data["nodes"]:
        for text in node["addresses"]:
            address = _address(text)
            if address is None:
                # A name would have to be resolved while everything else is down.
                yield f"cluster_nodes: {node['name']}: {text!r} is no IP address"
            elif other := taken.get(str(address)):
                yield f"cluster_nodes: {address} belongs to both {other} and {node['name']}"
            else:
                taken[str(address)] = str(node["name"])
    for number in range(links.pop()):
        families = {address.version for node in data["nodes"] if (address := _address(node["addresses"][number]))}
        if len(families) > 1:
            # Two sockets of different families cannot talk to each other.
            yield f"cluster_nodes: link {number} mixes IPv4 and IPv6"
    priorities = data["link_priorities"]
    if priorities and len(priorities) != len(data["nodes"][0]["addresses"]):
        yield "cluster_link_priorities: one number for each link, or none at all"
    for resource in data["resources"]:
        address = _address(resource.get("parameters", {}).get("ip"))
        if address and str(address) in taken:
            # Taking it off a node would cut the node off.
            yield f"{resource['name']}: {address} is {taken[str(address)]}'s own address and cannot move"


# timing


def _timing(data: Data) -> Iterator[str]:
    token, consensus = int(data["token_ms"]), int(data["consensus_ms"])
    if token < 500 or (token < 1000 and not data["sched_rr"]):
        # Measured at load 20 without real-time priority: 600 ms gave false failovers, each of which kills a node.
        yield (
            f"cluster_token_ms: {token} ms is shorter than a busy node may be silent: at least 1000, or 500 with "
            "cluster_sched_rr"
        )
    if token > 30_000:
        yield f"cluster_token_ms: {token} ms: nobody would notice a dead node for so long; at most 30000"
    if len(data["nodes"]) > 2 and consensus * 10 < token * 12:
        # corosync.conf(5): with three and more nodes a shorter one gives odd memberships.
        yield f"cluster_consensus_ms: {consensus} ms is less than 1.2 times the token ({token} ms)"
    elif consensus < 4 * JOIN_MS:
        # corosync.conf(5): with two nodes it may be shorter than the token, but not than the wait for join messages.
        yield f"cluster_consensus_ms: {consensus} ms: at least {4 * JOIN_MS}, as nodes wait {JOIN_MS} ms for each other"


def _key(data: Data) -> Iterator[str]:
    length = len(str(data["authkey"]).encode())
    if not KEY_BYTES[0] <= length <= KEY_BYTES[1]:
        # Who has the key can stop the cluster; corosync refuses shorter ones too.
        yield f"cluster_authkey: {length} bytes long; {KEY_BYTES[0]} to {KEY_BYTES[1]} random characters are needed"


def _quorum(data: Data) -> Iterator[str]:
    count, device = len(data["nodes"]), data["quorum_device"]
    if device and data["two_node"]:
        # two_node gives quorum to each half by itself; with a third vote that would make two halves with quorum.
        yield "cluster_two_node and cluster_quorum_device exclude each other: a third vote decides, or nobody does"
    if data["two_node"] and count != 2:
        yield f"cluster_two_node: there are {count} nodes"
    if not data["two_node"] and not device and count == 2:
        # One of two votes is no majority: the survivor would stop its resources.
        yield "two nodes need cluster_two_node or a cluster_quorum_device, else the survivor of a failure stops as well"
    if data["two_node"] and not data["wait_for_all"] and data["start_at_boot"]:
        # A node that boots while it cannot see the other would shoot it, be shot when that one boots, and so on.
        yield "cluster_wait_for_all: without it, two nodes that start at boot and do not see each other fence in turns"
    if device:
        own = {str(_address(text)) for node in data["nodes"] for text in node["addresses"]}
        host = str(device.get("host") or "")
        if not host:
            yield "cluster_quorum_device: it needs the address of its host"
        elif host in _node_names(data) or str(_address(host)) in own:
            # It would be lost together with the vote of that node.
            yield f"cluster_quorum_device: {host} is a node of the cluster; the third vote must be somewhere else"


# fencing


def _fencing(data: Data) -> Iterator[str]:
    names, devices = _node_names(data), data["fence_devices"]
    for device in devices:
        if device["host"] not in names:
            yield f"{device['name']}: its host {device['host']} is no node of the cluster ({', '.join(names)})"
        if re.fullmatch(r"fence_[a-z0-9_]+", device["agent"]) is None:
            yield f"{device['name']}: {device['agent']!r} is no fence agent; their names are like fence_ipmilan"
        both = sorted(set(device.get("parameters", {})) & set(device.get("secret_parameters", {})))
        yield from (f"{device['name']}: {name} is both a parameter and a secret parameter" for name in both)
    if data["unfenced_test"]:
        return
    fenced = {device["host"] for device in devices}
    for name in names:
        if name not in fenced:
            # Without it nobody may mount the disk after the node fell silent: it could still be writing.
            yield (
                f"{name} has no fencing device. Without fencing a node that fell silent may still write to the shared "
                "disk when the other mounts it, and the mail store is lost. Describe one in cluster_fence_devices; "
                "only for a test without real mail: cluster_unfenced_test: true"
            )
    levels = {str(level["target"]) for level in data["fence_levels"]}
    yield from (f"cluster_fence_levels: {name} is no node of the cluster" for name in sorted(levels - set(names)))
    known = {device["name"] for device in devices}
    for level in data["fence_levels"]:
        missing = [name for name in level["devices"] if name not in known]
        yield from (f"{level['name']}: there is no fencing device {name}" for name in missing)


def _delay(device: Data) -> float:
    parameters = device.get("parameters", {})
    values = [device.get("delay", 0), parameters.get("pcmk_delay_base", 0), parameters.get("pcmk_delay_max", 0)]
    return max(milliseconds(value) or 0 for value in values)


def _race(data: Data) -> Iterator[str]:
    if data["unfenced_test"] or not data["two_node"]:
        return
    slowest: dict[str, float] = {}
    for device in data["fence_devices"]:
        slowest[device["host"]] = max(slowest.get(device["host"], 0), _delay(device))
    by_priority = milliseconds(data["properties"].get(PRIORITY_DELAY, 0))
    if not by_priority and len(slowest) == 2 and len(set(slowest.values())) == 1:
        # Both nodes of a split cluster fence at the same moment. With an equal delay both can succeed.
        yield (
            "cluster_fence_devices: both nodes would be fenced after the same delay, so a cut between them can kill "
            f"both. Set the property {PRIORITY_DELAY} and give the group of the service a priority below 0, or give "
            "one device a `delay` of some seconds"
        )
    placed = [*data["resources"], *data["groups"], *data["clones"]]
    if by_priority and not any(score(item.get("meta", {}).get("priority", 0)) for item in placed):
        # It is for the node with the higher sum of priorities, and with none it does nothing.
        yield f"cluster_properties: {PRIORITY_DELAY} does nothing, as no resource or group has a `priority` in its meta"


def _watchdog(data: Data) -> Iterator[str]:
    uses = [device["name"] for device in data["fence_devices"] if device["agent"] in ("fence_sbd", "fence_watchdog")]
    uses += [name for name in WATCHDOG_TIMEOUTS if milliseconds(data["properties"].get(name, 0))]
    if uses and not data["watchdog_device"]:
        # A node that cannot read its death sentence must die by itself, and only a watchdog makes sure of that.
        yield f"{', '.join(uses)}: sbd needs a watchdog: name it in cluster_watchdog_device (such as /dev/watchdog)"


# resources


def _resources(data: Data) -> Iterator[str]:
    for resource in data["resources"]:
        if re.fullmatch(r"(ocf:[\w.-]+|systemd|service|lsb):[\w.@-]+", resource["agent"]) is None:
            yield f"{resource['name']}: {resource['agent']!r} is no agent; write ocf:PROVIDER:NAME or systemd:UNIT"


def _groups(data: Data) -> Iterator[str]:
    known = {resource["name"] for resource in data["resources"]}
    placed: dict[str, str] = {}
    clones = [{"name": item["name"], "resources": [item["resource"]]} for item in data["clones"]]
    for group in [*data["groups"], *clones]:
        if not group["resources"]:
            yield f"{group['name']}: a group needs resources"
        for name in group["resources"]:
            if name not in known:
                yield f"{group['name']}: there is no resource {name}"
            elif name in placed:
                # A resource runs once, so it can be a member once.
                yield f"{group['name']}: {name} is a member of {placed[name]} already"
            placed.setdefault(name, group["name"])


def _order(data: Data) -> Iterator[str]:
    agents = {resource["name"]: resource["agent"] for resource in data["resources"]}
    for group in data["groups"]:
        daemons: list[str] = []
        for name in group["resources"]:
            agent = agents.get(name, "")
            if agent == FILESYSTEM:
                # A group starts in order and stops in reverse: a daemon must not outlive its disk.
                yield from (f"{group['name']}: {daemon} comes before {name}, its file system" for daemon in daemons)
            elif agent == OWN_AGENT or agent.startswith(("systemd:", "service:", "lsb:")):
                daemons.append(name)


def _operations(data: Data) -> Iterator[str]:
    for resource in [*data["resources"], *data["fence_devices"]]:
        name, operations = resource["name"], resource.get("operations", [])
        seen = Counter((item["name"], milliseconds(item.get("interval", 0))) for item in operations)
        for (operation, interval), count in seen.items():
            if count > 1 and interval is not None:
                # Pacemaker knows an operation by its name and interval.
                yield f"{name}: {count} operations {operation} with the same interval"
        for item in operations:
            for field in ("interval", "timeout", "start-delay"):
                if field in item and milliseconds(item[field]) is None:
                    yield f"{name}: {item['name']}: {field} is {item[field]!r}, which is no duration"
        yield from _monitors(resource)


def _monitors(resource: Data) -> Iterator[str]:
    monitors = [item for item in resource.get("operations", []) if item["name"] == "monitor"]
    if "operations" in resource and not any(milliseconds(item.get("interval", 0)) for item in monitors):
        # What nobody looks at is believed to run for ever.
        yield f"{resource['name']}: no monitor with an interval, so a failure would never be seen"
    if resource["agent"] != OWN_AGENT:
        return
    patience = milliseconds(resource.get("parameters", {}).get("timeout", 5))
    for item in monitors:
        limit = milliseconds(item.get("timeout", 20))
        if patience is not None and limit is not None and limit < patience + AGENT_MARGIN_MS:
            # Killed by Pacemaker the agent could not say what it waited for.
            yield (
                f"{resource['name']}: the monitor's timeout ({limit / 1000:g} s) must exceed the agent's own "
                f"({patience / 1000:g} s) by a second"
            )


# constraints and properties


def _constraints(data: Data) -> Iterator[str]:
    needed = {"location": ("resource", "node"), "colocation": ("resource", "with"), "order": ("first", "then")}
    known, names = _resource_names(data), _node_names(data)
    members = {name: group["name"] for group in data["groups"] for name in group["resources"]}
    for item in data["constraints"]:
        fields = needed[item["type"]]
        missing = [field for field in fields if not item.get(field)]
        if missing:
            yield f"{item['name']}: a {item['type']} constraint needs {' and '.join(fields)}"
            continue
        for field in fields:
            if field == "node":
                if item["node"] not in names:
                    yield f"{item['name']}: there is no node {item['node']}"
            elif item[field] not in known:
                yield f"{item['name']}: there is no resource {item[field]}"
            elif item["type"] == "location" and item[field] in members:
                # It would pull one member away from the others; the group as a whole is placed.
                yield f"{item['name']}: {item[field]} is a member of {members[item[field]]}: place the group instead"
        if "score" in item and score(item["score"]) is None:
            yield f"{item['name']}: score is {item['score']!r}: a number, or INFINITY, or -INFINITY"


def _failback(data: Data) -> Iterator[str]:
    groups = {group["name"]: group for group in data["groups"]}
    meta = {item["name"]: item.get("meta", {}) for item in [*data["resources"], *data["groups"]]}
    default = data["resource_defaults"].get("resource-stickiness", 0)
    for item in data["constraints"]:
        if item["type"] != "location" or item.get("resource") not in meta:
            continue
        resource = item["resource"]
        sticky = meta[resource].get("resource-stickiness", default)
        # A group sticks with the sum of its members.
        total = (score(sticky) or 0) * len(groups.get(resource, {}).get("resources", [resource]))
        preference = score(item.get("score", INFINITY)) or 0
        if preference > 0 and preference >= total and not data["failback"]:
            # A node that comes back would stop the service on the other at once, perhaps again and again.
            yield (
                f"{item['name']}: with score {shown(item.get('score', 'INFINITY'))} and a stickiness of {total}, "
                f"{resource} would move back by itself when {item.get('node')} returns. Lower the score, or say that "
                "it is meant: cluster_failback: true"
            )


def _properties(data: Data) -> Iterator[str]:
    for name in sorted(set(data["properties"]) & set(PACEMAKERS)):
        yield f"cluster_properties: {name} is written by Pacemaker itself"
    for name in sorted(set(data["properties"]) & set(FENCING_ENABLED)):
        # One switch for it, which has a name that nobody sets by mistake.
        yield f"cluster_properties: {name} follows from cluster_unfenced_test"


# Agents whose Debian package has another name; fence_watchdog is Pacemaker's own.
_PACKAGES = {
    "fence_watchdog": "",
    "fence_xvm": "fence-virt",
    **dict.fromkeys(("fence_idrac", "fence_ilo3", "fence_ilo4", "fence_ilo5", "fence_imm"), "fence-agents-ipmilan"),
}


def fence_packages(devices: Sequence[Data]) -> list[str]:
    """The Debian packages with the agents of some fencing devices: fence_vmware_rest is in fence-agents-vmware-rest."""
    agents = {str(device["agent"]) for device in devices}
    named = (_PACKAGES.get(agent, agent.replace("fence_", "fence-agents-", 1).replace("_", "-")) for agent in agents)
    return sorted({name for name in named if name})


def boot_units(resources: Sequence[Data]) -> list[str]:
    """The systemd units that the cluster starts and stops, and the mount units of its file systems, in order."""
    units = []
    for resource in resources:
        parameters = resource.get("parameters", {})
        if resource["agent"] == OWN_AGENT:
            unit = str(parameters.get("unit", ""))
            units.append(unit if "." in unit else f"{unit}.service")
        elif resource["agent"] == FILESYSTEM:
            units.append(mount_unit(str(parameters.get("directory", "/"))))
    return units


def mount_unit(path: str) -> str:
    """The name that systemd gives the mount of a path (systemd-escape --path --suffix=mount)."""
    parts = "/".join(part for part in path.split("/") if part)
    escaped = "".join(
        "-" if char == "/" else char if re.fullmatch(r"[A-Za-z0-9:_.]", char) else "".join(map(_escape, char.encode()))
        for char in parts
    )
    return f"{escaped or '-'}.mount"


def _escape(byte: int) -> str:
    return f"\\x{byte:02x}"
