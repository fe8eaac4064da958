# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a live CIB with what is desired: a plan to show, and the CIB as it shall be.

Ours is what the tag `mailroom-owned` lists. All of it is owned, apart from what an administrator sets for a while
(target-role, is-managed, maintenance): that stays and is reported. What others made, and what Pacemaker writes itself,
is never touched.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .cib_build import BOOTSTRAP, OPERATION_DEFAULTS, OWNED, RESOURCE_DEFAULTS, SECTIONS, CibError, Desired
from .cib_elements import Entry, describe, merged_meta, pairs, with_kept
from .cib_live import Action
from .cluster import PACEMAKERS
from .plan import BY_HAND, CREATE, DELETE, UPDATE, Change, Drift, Plan, Refusal, Step

# Set by hand for a while (pcs resource disable, unmanage): never undone by a run, and always reported.
KEPT_META = ("target-role", "is-managed", "maintenance")
NODE_STATES = ("standby", "maintenance")
# Constraints with such ids come from crm_resource --move or --ban, and go with crm_resource --clear.
TEMPORARY = "cli-"
EMPTY = "<cib epoch='0' num_updates='0' admin_epoch='0'><configuration/></cib>"

_WRAPPED = ("clone", "bundle", "master")
_TOP = ("primitive", "group", "clone", "bundle", "master", "template")
_REFERENCES = ("rsc", "with-rsc", "first", "then", "rsc-pattern")


@dataclass
class Outcome:
    """What a comparison found: the plan, the new CIB as text, and the primitives that are made or changed."""

    plan: Plan
    xml: str
    touched: list[ET.Element] = field(default_factory=list)


def compare(desired: Desired, live: str, allow_removals: Collection[str] = ()) -> Outcome:
    """Compare `live`, the output of `cibadmin --query`, with what is desired."""
    try:
        root = ET.fromstring(live)  # noqa: S314
    except ET.ParseError as error:
        raise CibError(f"the cluster's CIB cannot be read: {error}") from error
    return _Comparison(desired, root, allow_removals).run()


def version(live: str) -> str:
    """The version of a CIB's configuration: admin_epoch.epoch. It grows with each change."""
    root = ET.fromstring(live)  # noqa: S314
    return f"{root.get('admin_epoch', '0')}.{root.get('epoch', '0')}"


def interrupted(found: Iterable[Action], allowed: Collection[str]) -> list[str]:
    """Refuse to interrupt what runs, unless each resource was named."""
    unnamed = [item for item in found if item.resource not in allowed]
    if not unnamed:
        return []
    typed = json.dumps({"cluster_allow_interruptions": sorted({item.resource for item in unnamed})})
    listed = "; ".join(map(str, unnamed))
    return [str(Refusal(f"This would interrupt what runs: {listed}.", f"If that is meant, name it: -e '{typed}'"))]


# comparison


class _Comparison:
    def __init__(self, desired: Desired, root: ET.Element, allowed: Collection[str]) -> None:
        self.desired, self.root, self.allowed = desired, root, allowed
        configuration = root.find("configuration")
        if configuration is None:
            raise CibError("the cluster's CIB has no configuration; is that the output of `cibadmin --query`?")
        self.configuration = configuration
        self.present = {
            str(item.get("id")) for item in configuration.iter() if item.get("id") and item.tag != "obj_ref"
        }
        self.owned = {str(item.get("id")) for item in configuration.findall(f"tags/tag[@id='{OWNED}']/obj_ref")}
        self.owned &= self.present
        # Ids that are ours after the run.
        self.ours: set[str] = set()
        self.steps: list[Step] = []
        self.drift: list[Drift] = []
        self.refusals: list[Refusal] = []
        self.touched: list[ET.Element] = []
        self.hidden: set[str] = {f"fencing {name}" for name in desired.secrets}

    def run(self) -> Outcome:
        self._properties()
        self._defaults("rsc_defaults", RESOURCE_DEFAULTS, self.desired.resource_defaults, "resource defaults")
        self._defaults("op_defaults", OPERATION_DEFAULTS, self.desired.operation_defaults, "operation defaults")
        self._resources()
        self._flat("constraints", self.desired.constraints)
        self._flat("fencing-topology", self.desired.levels)
        self._nodes()
        self._removals()
        plan = Plan(
            steps=tuple(self.steps),
            existing=len(self._objects(self.owned)),
            drift=tuple(self.drift),
            refusals=tuple(self.refusals),
            secrets=frozenset(self.hidden),
        )
        if plan.changed:
            self._tag()
            # A patch must lead to a newer version; Pacemaker refuses it if somebody wrote meanwhile.
            self.root.set("epoch", str(int(self.root.get("epoch", "0")) + 1))
            self.root.set("num_updates", "0")
        return Outcome(plan, ET.tostring(self.root, encoding="unicode"), self.touched)

    def _section(self, name: str) -> ET.Element:
        found = self.configuration.find(name)
        if found is None:
            found = ET.Element(name)
            place = SECTIONS.index(name)
            later = [item.tag in SECTIONS and SECTIONS.index(item.tag) > place for item in self.configuration]
            self.configuration.insert(later.index(True) if True in later else len(later), found)
        return found

    def _step(self, name: str, group: str, kind: str, before: Entry, after: Entry, *, there: bool) -> bool:
        """Note what changes about an object; return whether something does."""
        if there and name in self.present and name not in self.owned and group != _PROPERTIES:
            # Made by hand before it was in the data; from now on it is ours.
            after = {**after, "owner": ("mailroom",)}
        changes = tuple(
            Change(attribute, before.get(attribute, ()), after.get(attribute, ()))
            for attribute in sorted({*before, *after})
            if before.get(attribute, ()) != after.get(attribute, ())
        )
        if changes or not there:
            self.steps.append(Step(UPDATE if there else CREATE, name, changes, group, kind))
        return bool(changes) or not there

    # properties and defaults

    def _properties(self) -> None:
        wanted = self.desired.properties
        box = self.configuration.find(f"crm_config/cluster_property_set[@id='{BOOTSTRAP}']")
        pairs = {} if box is None else {str(pair.get("name")): pair for pair in box.findall("nvpair")}
        before: Entry = {}
        for name, pair in pairs.items():
            if name in wanted or pair.get("id") in self.owned:
                before[name] = (pair.get("value", ""),)
            elif name not in PACEMAKERS:
                self.drift.append(Drift(f"{BOOTSTRAP}-{name}", f"property {name}={pair.get('value')}", _PROPERTIES))
        after: Entry = {name: (value,) for name, value in wanted.items()}
        adopted = {name for name in wanted if name in pairs and pairs[name].get("id") not in self.owned}
        changed = self._step("properties", _PROPERTIES, "cluster", before, after, there=True)
        if not changed and adopted:
            change = Change("owner", (), tuple(sorted(adopted)))
            self.steps.append(Step(UPDATE, "properties", (change,), _PROPERTIES, "cluster"))
        self.ours |= {str(pairs[name].get("id")) if name in pairs else f"{BOOTSTRAP}-{name}" for name in wanted}
        if not changed:
            return
        if box is None:
            box = ET.SubElement(self._section("crm_config"), "cluster_property_set", id=BOOTSTRAP)
        for name, text in wanted.items():
            if name not in pairs:
                pairs[name] = ET.SubElement(box, "nvpair", id=f"{BOOTSTRAP}-{name}", name=name)
            pairs[name].set("value", text)
        for name in before.keys() - wanted.keys():
            box.remove(pairs[name])

    def _defaults(self, section: str, identity: str, wanted: Mapping[str, str], label: str) -> None:
        sets = self.configuration.findall(f"{section}/meta_attributes")
        mine = next((item for item in sets if item.get("id") == identity), None)
        for other in sets:
            if other is not mine:
                for name, value in pairs(other, ".", "").items():
                    self.drift.append(Drift(f"{other.get('id')}-{name}", f"{label}:{name}={value[0]}", "defaults"))
        before = {} if mine is None else {name.strip(): value for name, value in pairs(mine, ".", "").items()}
        after: Entry = {name: (value,) for name, value in wanted.items()}
        if before == after:
            return
        # Nothing runs otherwise when a default goes, so that is an update and needs no word.
        action = CREATE if mine is None else UPDATE
        self.steps.append(Step(action, identity, _changes(before, after), "defaults", label))
        box = self._section(section)
        if mine is not None:
            box.remove(mine)
        if wanted:
            fresh = ET.SubElement(box, "meta_attributes", id=identity)
            for name, text in wanted.items():
                ET.SubElement(fresh, "nvpair", id=f"{identity}-{name}", name=name, value=text)

    # resources

    def _resources(self) -> None:
        wanted = {str(item.get("id")) for top in self.desired.resources for item in top.iter() if item.tag in _TOP}
        self.ours |= wanted
        for element in self.desired.resources:
            live = self._find(element)
            if element.tag == "primitive":
                final = self._primitive(element, live)
                self._put_on_top(final, live)
            else:
                self._box(element, live, wanted)
        self._foreign_resources()

    def _find(self, element: ET.Element) -> ET.Element | None:
        identity = element.get("id")
        found = self.configuration.find(f"resources//*[@id='{identity}']")
        if found is not None and found.tag != element.tag:
            raise CibError(f"{identity} is a {found.tag} in the cluster, and the data wants a {element.tag}")
        return found

    def _parent(self, element: ET.Element) -> ET.Element:
        parents = {child: parent for parent in self.configuration.iter() for child in parent}
        return parents[element]

    def _detach(self, element: ET.Element) -> None:
        parent = self._parent(element)
        if parent.tag in _WRAPPED and parent.get("id") not in self.owned:
            raise CibError(
                f"{element.get('id')} is inside {parent.tag} {parent.get('id')}, which this project did not make: "
                f"take it out of there first (pcs resource unclone {element.get('id')})"
            )
        parent.remove(element)

    def _put_on_top(self, final: ET.Element, live: ET.Element | None) -> None:
        section = self._section("resources")
        if live is None:
            section.append(final)
        elif self._parent(live) is not section:
            self._detach(live)
            section.append(final)
        elif live is not final:
            place = list(section).index(live)
            section.remove(live)
            section.insert(place, final)

    def _primitive(self, element: ET.Element, live: ET.Element | None) -> ET.Element:
        """The element as it shall be: the live one where nothing changes."""
        name = str(element.get("id"))
        after, before = describe(element), {} if live is None else describe(live)
        kept = {key: before[key] for word in KEPT_META if (key := f"meta {word}") in before and key not in after}
        for key, value in kept.items():
            label = f"{name}: {key.removeprefix('meta ')}={value[0]}"
            self.drift.append(Drift(f"{name} {key}", label, _RESOURCES, BY_HAND))
        stonith = element.get("class") == "stonith"
        if stonith:
            # Old values of parameters that are gone from the data may be secret.
            self.hidden |= {key for key in before if key.startswith("fencing parameter ") and key not in after}
        changed = self._step(
            name, _FENCING if stonith else _RESOURCES, "device" if stonith else "resource", before, {**after, **kept},
            there=live is not None,
        )  # fmt: skip
        if live is not None and (not changed or before == {**after, **kept}):
            return live
        self.touched.append(element)
        return with_kept(element, live, kept)

    def _box(self, element: ET.Element, live: ET.Element | None, wanted: set[str]) -> None:
        """A group or a clone, with its members."""
        name = str(element.get("id"))
        members = []
        before = {} if live is None else describe(live, wanted | self.owned)
        for item in element.findall("primitive"):
            there = self._find(item)
            final = self._primitive(item, there)
            if there is not None and (live is None or self._parent(there) is not live):
                self._detach(there)
            members.append(final)
        after = describe(element, wanted)
        kept = {key: before[key] for word in KEPT_META if (key := f"meta {word}") in before and key not in after}
        for key, value in kept.items():
            label = f"{name}: {key.removeprefix('meta ')}={value[0]}"
            self.drift.append(Drift(f"{name} {key}", label, _RESOURCES, BY_HAND))
        changed = self._step(name, _RESOURCES, element.tag, before, {**after, **kept}, there=live is not None)
        if live is None:
            fresh = ET.SubElement(self._section("resources"), element.tag, id=name)
            fresh.extend(item for item in element if item.tag != "primitive")
            fresh.extend(members)
            return
        strangers = [item for item in live.findall("primitive") if item.get("id") not in wanted]
        if self._parent(live).tag in _WRAPPED:
            self._detach(live)
        if changed and {**after, **kept} != before:
            shell = with_kept(ET.Element(element.tag, id=name), live, kept)
            desired_meta = [item for item in element if item.tag != "primitive"]
            for item in [child for child in live if child.tag != "primitive"]:
                live.remove(item)
            live[:0] = merged_meta(desired_meta, list(shell), name)
        ordered = [item for item in live.findall("primitive") if item.get("id") in wanted]
        if ordered != members:
            for item in live.findall("primitive"):
                live.remove(item)
            # One that moves elsewhere waits there until its turn comes.
            stay = {item.get("id") for item in members}
            live.extend(members + strangers + [item for item in ordered if item.get("id") not in stay])

    def _foreign_resources(self) -> None:
        section = self.configuration.find("resources")
        for top in () if section is None else section:
            inside = [item for item in top.iter() if item.tag in _TOP]
            for item in inside:
                identity = str(item.get("id"))
                if identity in self.ours or identity in self.owned:
                    continue
                where = f" (in {top.get('id')})" if item is not top else ""
                self.drift.append(Drift(identity, f"{item.tag} {identity}{where}", _RESOURCES))

    # constraints and fencing levels

    def _flat(self, section: str, wanted: Iterable[ET.Element]) -> None:
        group = {"constraints": "constraints", "fencing-topology": _FENCING}[section]
        box = self.configuration.find(section)
        live = {} if box is None else {str(item.get("id")): item for item in box}
        names = set()
        for element in wanted:
            name = str(element.get("id"))
            names.add(name)
            there = live.get(name)
            before = {} if there is None else describe(there)
            if there is not None and there.tag != element.tag:
                before["kind"] = (there.tag,)
            kind = element.tag.removeprefix("rsc_").replace("fencing-level", "level")
            if self._step(name, group, kind, before, describe(element), there=there is not None):
                box = self._section(section)
                place = len(box) if there is None else list(box).index(there)
                if there is not None:
                    box.remove(there)
                box.insert(place, element)
        self.ours |= names
        for name, item in live.items():
            if name in names or name in self.owned:
                continue
            label = f"{item.tag.removeprefix('rsc_')} {name}"
            if name.startswith(TEMPORARY):
                resource = item.get("rsc", "")
                label += f" (made by hand for a while; `crm_resource --clear --resource {resource}` ends it)"
            self.drift.append(Drift(name, label, group))

    def _nodes(self) -> None:
        for node in self.configuration.findall("nodes/node"):
            for name, value in pairs(node, "instance_attributes", "").items():
                if name.strip() in NODE_STATES and value[0] not in ("off", "false"):
                    label = f"node {node.get('uname')}: {name.strip()}={value[0]}"
                    self.drift.append(Drift(f"node {node.get('uname')}{name}", label, "nodes", BY_HAND))

    # removals

    def _objects(self, identities: Collection[str]) -> list[ET.Element]:
        """The objects among some ids: resources, groups, constraints, levels."""
        tops = (
            *self.configuration.findall("resources//primitive"),
            *self.configuration.findall("resources//group"),
            *self.configuration.findall("resources/clone"),
            *self.configuration.findall("constraints/*"),
            *self.configuration.findall("fencing-topology/*"),
        )
        return [item for item in tops if item.get("id") in identities]

    def _removals(self) -> None:
        going = self._objects(self.owned - self.ours)
        names = {str(item.get("id")) for item in going}
        unnamed = []
        for item in going:
            name, entry = str(item.get("id")), describe(item, self.owned)
            stonith = item.get("class") == "stonith" or item.tag == "fencing-level"
            kind = {"primitive": "device" if stonith else "resource"}.get(item.tag, item.tag)
            kind = kind.removeprefix("rsc_").replace("fencing-level", "level")
            self.hidden |= {key for key in entry if key.startswith("fencing parameter ")}
            group = _FENCING if stonith else _RESOURCES if item.tag in _TOP else "constraints"
            self.steps.append(Step(DELETE, name, _changes(entry, {}), group, kind))
            # A constraint goes with its resource without a word of its own.
            if not names & {item.get(reference) for reference in _REFERENCES}:
                unnamed += [(kind, name)] * (name not in self.allowed)
            if item.tag in ("group", "clone") and (strangers := _strangers(item)):
                raise CibError(
                    f"{name} would be removed, but {', '.join(strangers)} in it is not ours: take it out first"
                )
            self._parent(item).remove(item)
        if unnamed:
            listed = ", ".join(f"{kind} {name}" for kind, name in sorted(unnamed))
            typed = json.dumps({"cluster_allow_removals": sorted(name for _kind, name in unnamed)})
            self.refusals.append(
                Refusal(f"{listed} would be removed from the cluster.", f"If that is meant, name it: -e '{typed}'")
            )
        self.refusals += self._dangling(names)

    def _dangling(self, gone: Collection[str]) -> Iterator[Refusal]:
        for item in self.configuration.findall("constraints/*"):
            used = {item.get(reference) for reference in _REFERENCES}
            used |= {part.get("id") for part in item.iter("resource_ref")}
            if lost := sorted(str(name) for name in used & set(gone)):
                yield Refusal(
                    f"{item.get('id')}, which this project did not make, is about {', '.join(lost)}, which would be "
                    "removed.",
                    f"Remove it first: pcs constraint delete {item.get('id')}",
                )
        for item in self.configuration.findall("resources//"):
            if item.tag in ("group", "clone") and not _strangers(item):
                word = f"{item.tag} {item.get('id')} would be left without resources."
                yield Refusal(word, "Remove it by hand first.")

    def _tag(self) -> None:
        box = self._section("tags")
        tag = box.find(f"tag[@id='{OWNED}']")
        if tag is not None:
            box.remove(tag)
        if self.ours:
            tag = ET.SubElement(box, "tag", id=OWNED)
            for name in sorted(self.ours):
                ET.SubElement(tag, "obj_ref", id=name)
        if len(box) == 0:
            self.configuration.remove(box)


_PROPERTIES, _RESOURCES, _FENCING = "properties", "resources", "fencing"


def _changes(before: Entry, after: Entry) -> tuple[Change, ...]:
    names = sorted({*before, *after})
    found = (Change(name, before.get(name, ()), after.get(name, ())) for name in names)
    return tuple(change for change in found if change.old != change.new)


def _strangers(box: ET.Element) -> list[str]:
    """What is left in a group or clone, after all of ours was taken out."""
    return [str(item.get("id")) for item in box if item.tag in _TOP]
