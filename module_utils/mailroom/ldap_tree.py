# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring named entries of a directory (slapd's cn=config, or a small tree of our own) to a desired state.

Entries of cn=config carry order numbers that slapd hands out: `olcOverlay={0}unique`, `{1}to * by ...`. Entries are
therefore matched by name without the number, and values of ordered attributes are compared as lists without them.
Everything inside a desired entry is owned, apart from `keep`; entries below a `prune` DN that are not desired go.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .dn import depth, escape, parent, split
from .dn import key as dn_key
from .plan import CREATE, DELETE, MASK, UPDATE, Change, Entries, Plan, Step

ADD, REPLACE, REMOVE = "add", "replace", "delete"

# Values of these are a list; slapd shows each with its number in front.
ORDERED = frozenset({"olcaccess", "olclimits", "olcsyncrepl", "olcmoduleload", "olcauthzregexp"})
# slapd can load a module while it runs but not unload it, so the list only grows until slapd.d is rebuilt.
GROW_ONLY = frozenset({"olcmoduleload"})
# Definitions are known by their OID. Classes go before the attributes that they use, and come after them.
SCHEMA_TYPES, SCHEMA_CLASSES = "olcattributetypes", "olcobjectclasses"
SECRET_ATTRIBUTES = frozenset({"userpassword", "olcrootpw"})

_NUMBER = re.compile(r"\{-?\d+\}")
_PLACEHOLDER = re.compile(r"%secret:([^%]*)%")
_CREDENTIALS = re.compile(r'\b(credentials)=("[^"]*"|\S+)', re.IGNORECASE)


class TreeError(ValueError):
    """The desired entries, or what was found, cannot be worked with. The text says what, where and what to do."""


@dataclass(frozen=True)
class Desired:
    """One entry as it shall be. With `password` (plain text) the entry must accept a bind with it."""

    dn: str
    attributes: Mapping[str, tuple[str, ...]]
    password: str | None = None


@dataclass(frozen=True)
class Mod:
    """One part of a modify request. A removal without values removes the attribute."""

    action: str
    attribute: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True)
class Write:
    """One request to the server: add (all mods are adds), modify, or delete (no mods)."""

    action: str
    dn: str
    mods: tuple[Mod, ...] = ()


@dataclass(frozen=True)
class Rules:
    """How entries are matched and what is owned.

    base    the topmost entry, whose parent is nobody's business; plans are shown under this heading
    config  names carry slapd's order numbers; siblings below a `prune` DN are kept in the order of the data
    prune   DNs whose children must be desired ones
    keep    attributes that belong to the server or somebody else
    """

    base: str
    config: bool = False
    prune: Collection[str] = ()
    keep: Collection[str] = ()


@dataclass
class Result:
    """The plan to show and the requests that carry it out, in the order in which the server accepts them."""

    plan: Plan
    writes: list[Write] = field(default_factory=list)


def load(raw: Iterable[Mapping[str, Any]], secrets: Mapping[str, str], least: int = 20) -> list[Desired]:
    """Check entries as given by a user and put secrets where `%secret:NAME%` stands.

    `password: NAME` names the secret that the entry must accept. These are stored with a fast hash, which is only
    sound for long random passwords; shorter than `least` is refused.
    """
    found = []
    for number, item in enumerate(raw, 1):
        unknown = sorted(set(item) - {"dn", "attributes", "password"})
        if unknown:
            raise TreeError(f"entry {number}: unknown field {', '.join(unknown)}")
        if not isinstance(item.get("dn"), str) or not isinstance(item.get("attributes"), Mapping):
            raise TreeError(f"entry {number}: needs `dn` (text) and `attributes` (a mapping)")
        where = str(item["dn"])
        try:
            split(where)
        except ValueError as error:
            raise TreeError(f"entry {number}: {error}") from error
        attributes = {
            name: tuple(_fill(text, secrets, where) for text in _texts(value))
            for name, value in item["attributes"].items()
        }
        password = None
        if item.get("password"):
            password = _fill(f"%secret:{item['password']}%", secrets, where)
            if len(password) < least:
                raise TreeError(f"{where}: the password has fewer than {least} characters; use a random one")
        found.append(Desired(where, {name: values for name, values in attributes.items() if values}, password))
    return found


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, bool):
        return ["TRUE" if value else "FALSE"]
    if isinstance(value, list | tuple):
        return [text for item in value for text in _texts(item)]
    return [str(value)]


def _fill(text: str, secrets: Mapping[str, str], where: str) -> str:
    def one(match: re.Match[str]) -> str:
        value = secrets.get(match[1])
        if not value:
            raise TreeError(f"{where}: there is no secret named {match[1]!r}")
        if '"' in value or "\n" in value:
            # The value may stand in a quoted part of olcSyncrepl.
            raise TreeError(f"{where}: the secret {match[1]!r} contains a quotation mark or a line break")
        return value

    return _PLACEHOLDER.sub(one, text)


def ssha512(password: str, salt: bytes) -> str:
    """Hash a long random password: fast to check, as services bind often, and guessing is hopeless anyway."""
    digest = hashlib.sha512(password.encode() + salt).digest()
    return "{SSHA512}" + base64.b64encode(digest + salt).decode()


def bare(text: str) -> str:
    """Text without order numbers and with single spaces, for comparison."""
    return " ".join(_NUMBER.sub("", text, count=1).split()) if _NUMBER.match(text) else " ".join(text.split())


class Reconciler:
    """One comparison of desired with live entries."""

    def __init__(self, desired: Sequence[Desired], live: Entries, rules: Rules, refresh: Mapping[str, str]) -> None:
        """`refresh` maps the DN (as desired) of an entry to the hash that its password must be replaced by."""
        self.rules = rules
        self.refresh = refresh
        self.keep = {name.lower() for name in rules.keep} | {"objectclass"}
        self.prune = {self.key(dn) for dn in rules.prune}
        self.live = {self.key(dn): (dn, entry) for dn, entry in live.items()}
        self.desired: dict[str, Desired] = {}
        for item in desired:
            if self.key(item.dn) in self.desired:
                raise TreeError(f"{item.dn}: desired twice")
            self.desired[self.key(item.dn)] = item
        self.steps: list[Step] = []
        self.writes: list[Write] = []

    def key(self, dn: str) -> str:
        """The name that an entry is matched by."""
        if not self.rules.config:
            return dn_key(dn)
        parts = ((name, escape(_NUMBER.sub("", value).lower())) for name, value in split(dn))
        return ",".join(f"{name}={value}" for name, value in parts)

    def run(self) -> Result:
        gone = self._deletes()
        final: dict[str, str] = {}
        places: dict[str, int] = {}
        for key, item in self.desired.items():
            above = self.key(parent(item.dn))
            orphan = above not in final and (above not in self.live or above in gone)
            if orphan and key != self.key(self.rules.base):
                raise TreeError(f"{item.dn}: the entry above does not exist and is not desired before it")
            known = key in self.live and key not in gone
            base = final.get(above) or (self.live[above][0] if above in self.live else "")
            dn = self.live[key][0] if known else item.dn
            if self.rules.config and above in self.prune:
                # By now all siblings before this one are in place, so its number is known.
                attribute, name = split(item.dn)[0]
                dn = f"{_spelling(item.dn, attribute)}={{{places.get(above, 0)}}}{_NUMBER.sub('', name)},{base}"
                places[above] = places.get(above, 0) + 1
            elif base:
                dn = f"{_rdn(dn)},{base}"
            final[key] = dn
            if known:
                self._update(dn, item, self.live[key][1])
            else:
                self._create(dn, item)
        plan = Plan(steps=tuple(self.steps), existing=len(self.live), secrets=SECRET_ATTRIBUTES)
        return Result(plan, self.writes)

    # removals

    def _deletes(self) -> set[str]:
        """Remove children of `prune` that are not desired, or that stand in another order than desired."""
        gone = {key for key in self.live if self._below_pruned(key)}
        for above in self.prune if self.rules.config else ():
            gone |= self._misplaced(above)
        # Higher numbers first: slapd renumbers what comes after a removed sibling. Children before parents.
        for key in sorted(gone, key=lambda key: (-depth(key), -self._number(key), key)):
            dn, entry = self.live[key]
            removed = () if key in self.desired else tuple(entry.items())
            changes = tuple(Change(name, self._shown(name, values), ()) for name, values in sorted(removed))
            kind = "misplaced, made anew: " if key in self.desired else ""
            self.steps.append(Step(DELETE, dn, changes, self.rules.base, "entry", kind + dn))
            self.writes.append(Write(REMOVE, dn))
        return gone

    def _below_pruned(self, key: str) -> bool:
        """Whether an entry is, or is below, a child of `prune` that is not desired."""
        while above := parent(key):
            if above in self.prune and key not in self.desired:
                return True
            key = above
        return False

    def _misplaced(self, above: str) -> set[str]:
        wanted = [key for key in self.desired if parent(key) == above and key in self.live]
        have = sorted(wanted, key=self._number)
        # Keep the longest start that is in order; the rest is removed and added again behind it.
        in_order = 0
        while in_order < len(wanted) and wanted[in_order] == have[in_order]:
            in_order += 1
        return set(wanted[in_order:])

    def _number(self, key: str) -> int:
        match = _NUMBER.search(_rdn(self.live[key][0]))
        return int(match[0][1:-1]) if match else 0

    # creations

    def _create(self, dn: str, item: Desired) -> None:
        values = dict(item.attributes)
        if item.password is not None:
            values["userPassword"] = (self.refresh[item.dn],)
        attribute = split(item.dn)[0][0]
        if attribute not in {name.lower() for name in values}:
            values[_spelling(item.dn, attribute)] = (split(item.dn)[0][1],)
        mods = tuple(Mod(ADD, name, self._sent(name, values[name])) for name in values)
        changes = tuple(Change(name, (), self._shown(name, values[name])) for name in sorted(values))
        self.steps.append(Step(CREATE, dn, changes, self.rules.base, "entry"))
        self.writes.append(Write(ADD, dn, mods))

    # updates

    def _update(self, dn: str, item: Desired, entry: Mapping[str, Sequence[str]]) -> None:
        have = {name.lower(): (name, tuple(values)) for name, values in entry.items()}
        want = {name.lower(): (name, values) for name, values in item.attributes.items()}
        naming = split(item.dn)[0][0]
        changes, mods = [], []
        for low in sorted(have.keys() | want.keys()):
            if low == naming or (low in self.keep and low not in want):
                continue
            if low == "userpassword" and item.password is not None:
                continue
            name = (want.get(low) or have[low])[0]
            old, new = have.get(low, ("", ()))[1], want.get(low, ("", ()))[1]
            found = self._compare(low, name, old, new)
            if found:
                mods += found
                changes.append(self._change(name, low, old, new))
        if item.dn in self.refresh:
            hashed = (self.refresh[item.dn],)
            mods.append(Mod(REPLACE, "userPassword", hashed))
            changes.append(Change("userPassword", have.get("userpassword", ("", ()))[1], hashed))
        if mods:
            self.steps.append(Step(UPDATE, dn, tuple(changes), self.rules.base, "entry"))
            self.writes.append(Write(UPDATE, dn, self._in_order(mods, entry)))

    def _compare(self, low: str, name: str, old: tuple[str, ...], new: tuple[str, ...]) -> list[Mod]:
        """The mods from the old values to the new ones; none where they are the same."""
        before, after = [self._norm(low, value) for value in old], [self._norm(low, value) for value in new]
        if low == "objectclass":
            # A server may list superior classes that nobody asked for; taking a class away is no routine change.
            known = {value.lower() for value in before}
            missing = tuple(value for value in new if value.lower() not in known)
            return [Mod(ADD, name, missing)] if missing else []
        if low in GROW_ONLY:
            missing = tuple(value for value, text in zip(new, after, strict=True) if text not in before)
            return [Mod(ADD, name, missing)] if missing else []
        if self.rules.config and low in ORDERED:
            return [] if before == after else [Mod(REPLACE, name, self._sent(name, new))]
        if sorted(before) == sorted(after):
            return []
        gone = tuple(value for value, text in zip(old, before, strict=True) if text not in after)
        come = tuple(value for value, text in zip(new, after, strict=True) if text not in before)
        if len(old) <= 1 and len(new) <= 1 and not self._schema(low):
            return [Mod(REPLACE, name, new)]
        # Only what differs: replacing all of olcDbIndex would build every index anew.
        return [Mod(*mod) for mod in ((REMOVE, name, gone), (ADD, name, come)) if mod[2]]

    def _in_order(self, mods: list[Mod], entry: Mapping[str, Sequence[str]]) -> tuple[Mod, ...]:
        """Schema: classes refer to attributes, so if an attribute definition changes, all classes are made anew."""
        by_name = {(mod.action, mod.attribute.lower()): mod for mod in mods}
        if not any(name == SCHEMA_TYPES and action == REMOVE for action, name in by_name):
            first = {(REMOVE, SCHEMA_CLASSES): 0, (REMOVE, SCHEMA_TYPES): 1, (ADD, SCHEMA_TYPES): 2}
            return tuple(sorted(mods, key=lambda mod: first.get((mod.action, mod.attribute.lower()), 3)))
        classes = next((tuple(v) for name, v in entry.items() if name.lower() == SCHEMA_CLASSES), ())
        gone = by_name.get((REMOVE, SCHEMA_CLASSES), Mod(REMOVE, "olcObjectClasses")).values
        come = by_name.get((ADD, SCHEMA_CLASSES), Mod(ADD, "olcObjectClasses")).values
        again = tuple(bare(value) for value in classes if value not in gone)
        out = [
            Mod(REMOVE, "olcObjectClasses", classes),
            by_name[(REMOVE, SCHEMA_TYPES)],
            by_name.get((ADD, SCHEMA_TYPES), Mod(ADD, "olcAttributeTypes")),
            Mod(ADD, "olcObjectClasses", again + come),
        ]
        rest = [mod for mod in mods if not self._schema(mod.attribute.lower())]
        return tuple(mod for mod in out if mod.values) + tuple(rest)

    def _change(self, name: str, low: str, old: tuple[str, ...], new: tuple[str, ...]) -> Change:
        if low in GROW_ONLY or low == "objectclass":
            known = {self._norm(low, value).lower() for value in old}
            new = old + tuple(value for value in new if self._norm(low, value).lower() not in known)
        before, after = self._shown(name, old), self._shown(name, new)
        if before == after:
            after = tuple(f"{value} (changed)" for value in after)
        return Change(name, before, after)

    # values

    def _schema(self, low: str) -> bool:
        return self.rules.config and low in (SCHEMA_TYPES, SCHEMA_CLASSES)

    def _norm(self, low: str, value: str) -> str:
        return bare(value) if self.rules.config else value

    def _sent(self, name: str, values: Sequence[str]) -> tuple[str, ...]:
        """Values as slapd wants them: numbered where their order counts."""
        if self.rules.config and name.lower() in ORDERED - GROW_ONLY:
            return tuple(f"{{{number}}}{' '.join(value.split())}" for number, value in enumerate(values))
        return tuple(values)

    def _shown(self, name: str, values: Sequence[str]) -> tuple[str, ...]:
        """Values fit to be shown: without numbers, without credentials (passwords are masked by the plan itself)."""
        texts = [self._norm(name.lower(), value) for value in values]
        if name.lower() not in ORDERED:
            texts.sort()
        return tuple(_CREDENTIALS.sub(rf"\1={MASK}", text) for text in texts)


def reconcile(
    desired: Sequence[Desired], live: Entries, rules: Rules, refresh: Mapping[str, str] | None = None
) -> Result:
    """Compare and return the plan with the requests that carry it out."""
    return Reconciler(desired, live, rules, refresh or {}).run()


def assumed(desired: Sequence[Desired]) -> Entries:
    """Entries that must be there already, as empty ones: what a check run assumes of a host without a directory."""
    known = {dn_key(item.dn) for item in desired}
    above = {dn_key(parent(item.dn)) for item in desired}
    return {dn: {} for dn in sorted(above - known - {""})}


def _rdn(dn: str) -> str:
    above = parent(dn)
    return dn[: len(dn) - len(above)].rstrip().rstrip(",") if above else dn


def _spelling(dn: str, attribute: str) -> str:
    """The leading attribute name as it was written (`split` gives lower case)."""
    return dn.lstrip()[: len(attribute)]
