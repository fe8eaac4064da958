# SPDX-License-Identifier: GPL-3.0-or-later
"""Elements of a CIB: as attributes with values, and with what an administrator set for a while."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from collections.abc import Collection, Mapping

from .cluster_values import milliseconds

Entry = dict[str, tuple[str, ...]]


def describe(element: ET.Element, ours: Collection[str] = ()) -> Entry:
    """An object as attributes with values. Of the members of a group or clone only those in `ours` count."""
    if element.tag == "primitive":
        return _describe_primitive(element)
    if element.tag in ("group", "clone"):
        members = tuple(str(item.get("id")) for item in element.findall("primitive") if item.get("id") in ours)
        return {"resources": members, **pairs(element, "meta_attributes", "meta")}
    entry: Entry = {name: (value,) for name, value in element.items() if name != "id"}
    for child in element:
        entry[f"element {child.tag}"] = (ET.tostring(child, encoding="unicode").strip(),)
    return entry


def _describe_primitive(element: ET.Element) -> Entry:
    kind = element.get("class", "")
    agent = ":".join(part for part in (kind, element.get("provider", ""), element.get("type", "")) if part)
    entry: Entry = {"agent": (agent,)}
    for name, value in element.items():
        if name not in ("id", "class", "provider", "type"):
            entry[name] = (value,)
    # Fencing parameters are a kind of their own, as among them are passwords.
    entry |= pairs(element, "instance_attributes", "fencing parameter" if kind == "stonith" else "parameter")
    entry |= pairs(element, "meta_attributes", "meta")
    entry |= pairs(element, "utilization", "utilization")
    for operation in element.findall("operations/op"):
        entry |= _describe_operation(operation)
    return entry


def _describe_operation(operation: ET.Element) -> Entry:
    interval = milliseconds(operation.get("interval", "0")) or 0
    label = f"operation {operation.get('name')}" + (f" every {interval / 1000:g}s" if interval else "")
    values = [f"{name}={value}" for name, value in operation.items() if name not in ("id", "name", "interval")]
    for part in ("instance_attributes", "meta_attributes"):
        values += [f"{name.split(' ', 1)[1]}={value[0]}" for name, value in pairs(operation, part, part).items()]
    return {label: tuple(sorted(values))}


def pairs(element: ET.Element, part: str, prefix: str) -> Entry:
    found: Entry = {}
    for box in element.findall(part):
        for pair in box.findall("nvpair"):
            found[f"{prefix} {pair.get('name')}"] = (pair.get("value", ""),)
        if box.find("rule") is not None or box.get("id-ref"):
            # Conditions are not in our data: such a set is somebody's change.
            found[f"{prefix} (a set with conditions)"] = (str(box.get("id") or box.get("id-ref")),)
    return found


def with_kept(element: ET.Element, live: ET.Element | None, kept: Mapping[str, tuple[str, ...]]) -> ET.Element:
    """A copy of an element with what an administrator set for a while."""
    found = copy.deepcopy(element)
    if live is not None and kept:
        name = str(element.get("id"))
        box = found.find("meta_attributes")
        if box is None:
            box = ET.Element("meta_attributes", id=f"{name}-meta_attributes")
            attributes = found.find("instance_attributes")
            found.insert(0 if attributes is None else list(found).index(attributes) + 1, box)
        for pair in live.findall("meta_attributes/nvpair"):
            if f"meta {pair.get('name')}" in kept:
                box.append(copy.deepcopy(pair))
    return found


def merged_meta(desired: list[ET.Element], kept: list[ET.Element], name: str) -> list[ET.Element]:
    """One set of meta attributes out of those desired and those kept."""
    boxes = [*desired, *kept]
    if not boxes:
        return []
    merged = ET.Element("meta_attributes", id=f"{name}-meta_attributes")
    for box in boxes:
        merged.extend(copy.deepcopy(pair) for pair in box)
    return [merged]
