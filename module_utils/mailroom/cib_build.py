# SPDX-License-Identifier: GPL-3.0-or-later
"""From the cluster's data to the objects of a CIB that it stands for. Pure: nothing is read or run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .cluster_values import milliseconds, shown

Data = Mapping[str, Any]

# Sections of a CIB's configuration, in the order in which its schema wants them.
SECTIONS = (
    "crm_config",
    "nodes",
    "resources",
    "constraints",
    "fencing-topology",
    "rsc_defaults",
    "op_defaults",
    "acls",
    "tags",
    "alerts",
)
BOOTSTRAP = "cib-bootstrap-options"
RESOURCE_DEFAULTS = "mailroom-resource-defaults"
OPERATION_DEFAULTS = "mailroom-operation-defaults"
# The tag that says which objects are ours: an id in it may be changed and removed, others are somebody else's.
OWNED = "mailroom-owned"

# What is an attribute of an operation; the rest (OCF_CHECK_LEVEL) is handed to the agent.
_OPERATION_FIELDS = (
    "name",
    "interval",
    "timeout",
    "on-fail",
    "start-delay",
    "enabled",
    "record-pending",
    "description",
)


class CibError(ValueError):
    """The data, or what was found in the cluster, cannot be worked with. The text says what, where and what to do."""


@dataclass
class Desired:
    """What the data says: objects by section, in order, and which of their parameters are secret."""

    properties: dict[str, str] = field(default_factory=dict)
    resources: list[ET.Element] = field(default_factory=list)
    constraints: list[ET.Element] = field(default_factory=list)
    levels: list[ET.Element] = field(default_factory=list)
    resource_defaults: dict[str, str] = field(default_factory=dict)
    operation_defaults: dict[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()

    def primitives(self) -> list[ET.Element]:
        """All primitives, also those in groups."""
        return [item for top in self.resources for item in top.iter("primitive")]


def build(data: Data, secrets: Mapping[str, Mapping[str, str]] | None = None) -> Desired:
    """Return the objects that the data stands for.

    `data` has properties, resource_defaults, operation_defaults, fence_devices, resources, groups, clones,
    constraints, fence_levels and fencing (bool); `secrets` has the secret parameters of fencing devices, by name.
    """
    secrets = secrets or {}
    known = {item["name"] for item in data.get("fence_devices", [])}
    if strange := sorted(set(secrets) - known):
        raise CibError(f"secrets for {', '.join(strange)}, and there is no such fencing device")
    desired = Desired(
        properties={
            **({"stonith-enabled": "false"} if not data.get("fencing", True) else {"stonith-enabled": "true"}),
            **_texts(data.get("properties", {})),
        },
        resource_defaults=_texts(data.get("resource_defaults", {})),
        operation_defaults=_texts(data.get("operation_defaults", {})),
        secrets=frozenset(f"parameter {name}" for values in secrets.values() for name in values),
    )
    for device in data.get("fence_devices", []):
        desired.resources.append(_fence_device(device, secrets.get(device["name"], {})))
        # A node does not shoot itself, so the device has nothing to do there.
        desired.constraints.append(
            ET.Element(
                "rsc_location",
                id=f"{device['name']}-avoids-{device['host']}",
                rsc=device["name"],
                node=device["host"],
                score="-INFINITY",
            )
        )
    desired.resources += _resources(data)
    desired.constraints += [_constraint(item) for item in data.get("constraints", [])]
    desired.levels = [_level(item) for item in data.get("fence_levels", [])]
    _unique(desired)
    return desired


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as text. What is null is not there."""
    return {str(name): shown(value) for name, value in values.items() if value is not None}


def nvset(tag: str, owner: str, values: Mapping[str, Any]) -> ET.Element | None:
    """A set of name-value pairs with the ids that pcs would give it; None if there is nothing in it."""
    texts = _texts(values)
    if not texts:
        return None
    found = ET.Element(tag, id=f"{owner}-{tag}")
    for name, value in texts.items():
        ET.SubElement(found, "nvpair", id=f"{owner}-{tag}-{_id(name)}", name=name, value=value)
    return found


def _id(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)


def _fence_device(device: Data, secrets: Mapping[str, str]) -> ET.Element:
    parameters: dict[str, Any] = {"pcmk_host_list": device["host"], "pcmk_host_check": "static-list"}
    if device.get("delay") not in (None, 0, "0", "0s"):
        # With the node's name, as without it Pacemaker 3.0.0 complains of an empty mapping each time.
        parameters["pcmk_delay_base"] = f"{device['host']}:{device['delay']}"
    given = {**device.get("parameters", {}), **secrets}
    if "pcmk_host_map" in given:
        # The map says it already.
        del parameters["pcmk_host_list"]
    return _primitive({**device, "agent": f"stonith:{device['agent']}", "parameters": {**parameters, **given}})


def _primitive(resource: Data) -> ET.Element:
    name = resource["name"]
    parts = resource["agent"].split(":")
    found = ET.Element("primitive", id=name, **{"class": parts[0]})
    if len(parts) == 3:
        found.set("provider", parts[1])
    found.set("type", parts[-1])
    for part in (
        nvset("instance_attributes", name, resource.get("parameters", {})),
        nvset("meta_attributes", name, resource.get("meta", {})),
    ):
        if part is not None:
            found.append(part)
    if operations := _operations(name, resource.get("operations", [])):
        box = ET.SubElement(found, "operations")
        box.extend(operations)
    return found


def _operations(owner: str, operations: Sequence[Data]) -> list[ET.Element]:
    found = []
    for item in operations:
        texts = _texts({"interval": "0s", **item})
        identity = f"{owner}-{item['name']}-interval-{_id(texts['interval'])}"
        element = ET.Element("op", id=identity)
        for name in _OPERATION_FIELDS:
            if name in texts:
                element.set(name, texts[name])
        handed = {name: value for name, value in texts.items() if name not in _OPERATION_FIELDS}
        if (part := nvset("instance_attributes", identity, handed)) is not None:
            element.append(part)
        found.append(element)
    return sorted(found, key=lambda item: (item.get("name", ""), milliseconds(item.get("interval")) or 0))


def _resources(data: Data) -> list[ET.Element]:
    """Groups and clones where the first of their members stands, and what is in none by itself."""
    boxes = [("group", item, item["resources"]) for item in data.get("groups", [])]
    boxes += [("clone", item, [item["resource"]]) for item in data.get("clones", [])]
    places = {name: box for box in boxes for name in box[2]}
    primitives = {item["name"]: _primitive(item) for item in data.get("resources", [])}
    if missing := sorted(set(places) - set(primitives)):
        raise CibError(f"{places[missing[0]][1]['name']}: there is no resource {missing[0]}")
    found: list[ET.Element] = []
    done: set[str] = set()
    for name, element in primitives.items():
        if name not in places:
            found.append(element)
            continue
        kind, box, members = places[name]
        if box["name"] not in done:
            done.add(box["name"])
            found.append(_box(kind, box, [primitives[member] for member in members]))
    return found


def _box(kind: str, box: Data, members: Sequence[ET.Element]) -> ET.Element:
    found = ET.Element(kind, id=box["name"])
    if (part := nvset("meta_attributes", box["name"], box.get("meta", {}))) is not None:
        found.append(part)
    found.extend(members)
    return found


def _constraint(item: Data) -> ET.Element:
    kind, given = item["type"], _texts(item)
    renamed = {
        "location": {
            "resource": "rsc",
            "role": "role",
            "node": "node",
            "score": "score",
            "discovery": "resource-discovery",
        },
        "colocation": {
            "resource": "rsc",
            "role": "rsc-role",
            "with": "with-rsc",
            "with_role": "with-rsc-role",
            "score": "score",
            "influence": "influence",
        },
        "order": {
            "first": "first",
            "then": "then",
            "first_action": "first-action",
            "then_action": "then-action",
            "kind": "kind",
            "symmetrical": "symmetrical",
        },
    }[kind]
    if strange := sorted(set(given) - {"name", "type"} - set(renamed)):
        raise CibError(f"{item['name']}: a {kind} constraint has no field {', '.join(strange)}")
    attributes = {renamed[name]: given[name] for name in renamed if name in given}
    if kind in ("location", "colocation"):
        attributes.setdefault("score", "INFINITY")
    return ET.Element(f"rsc_{kind}", {"id": item["name"], **attributes})


def _level(item: Data) -> ET.Element:
    texts = {"target": str(item["target"]), "index": str(item["level"]), "devices": ",".join(item["devices"])}
    return ET.Element("fencing-level", {"id": item["name"], **texts})


def _unique(desired: Desired) -> None:
    seen: set[str] = set()
    tops: Iterable[ET.Element] = [*desired.resources, *desired.constraints, *desired.levels]
    for element in (item for top in tops for item in top.iter()):
        identity = element.get("id")
        if identity in seen:
            raise CibError(f"{identity}: two objects have this id")
        if identity is not None:
            seen.add(identity)
