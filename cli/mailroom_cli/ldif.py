# SPDX-License-Identifier: GPL-3.0-or-later
"""LDIF (RFC 2849): entries as any LDAP tool reads them, and accounts out of entries of other directories."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mailroom.addresses import domain_to_unicode, parse_address
from mailroom.model import OWN
from mailroom.quantities import UNLIMITED, format_size

from .rows import SECRET, Problem, Row

# SAFE-STRING of RFC 2849: what needs no base64.
_SAFE = re.compile(r"(?![ :<])[\x01-\x09\x0b\x0c\x0e-\x7f]*(?<! )")
_WIDTH = 76

# Columns by attribute, lower case; the first attribute that an entry has counts.
_ATTRIBUTES = {
    "address": ("mailroomuser", "mail"),
    "name": ("cn",),
    "given_name": ("givenname",),
    "surname": ("sn",),
    "display_name": ("displayname",),
    "title": ("title",),
    "department": ("ou", "departmentnumber"),
    "phone": ("telephonenumber",),
    "kind": ("mailroomkind",),
    "state": ("mailroomstate",),
    "identity": ("mailroomidentity",),
    "expires": ("mailroomexpires",),
    "contact": ("mailroomcontact",),
    "hold": ("mailroomhold",),
    SECRET: ("userpassword",),
}
_PEOPLE = {"inetorgperson", "mailroommailbox"}

Entry = dict[str, list[str]]


def write(entries: Mapping[str, Mapping[str, Sequence[str]]]) -> str:
    """Return entries as LDIF, those above before those below."""
    parts = ["version: 1\n"]
    for dn, entry in sorted(entries.items(), key=lambda item: (item[0].count(","), item[0])):
        parts.append("\n" + _line("dn", dn))
        for name, values in entry.items():
            parts += [_line(name, value) for value in values]
    return "".join(parts)


def read(content: bytes, *, with_passwords: bool) -> tuple[list[Row], list[Problem]]:
    """Return the rows of all people among the entries, and what is wrong by line. Other entries do not matter."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return [], [Problem(content.count(b"\n", 0, error.start) + 1, "", "not UTF-8; LDIF has base64 for the rest")]
    rows, problems = [], []
    for item in _records(text):
        if isinstance(item, Problem):
            problems.append(item)
            continue
        line, entry = item
        if _PEOPLE & {value.lower() for value in entry.get("objectclass", ())}:
            rows.append(Row(line, _columns(entry, with_passwords)))
    if not rows and not problems:
        problems.append(Problem(1, "", "no entry of the class inetOrgPerson"))
    return rows, problems


def _line(name: str, value: str) -> str:
    if _SAFE.fullmatch(value):
        line = f"{name}: {value}"
    else:
        line = f"{name}:: {base64.b64encode(value.encode('utf-8', 'surrogateescape')).decode('ascii')}"
    first, rest = line[:_WIDTH], line[_WIDTH:]
    folded = [rest[start : start + _WIDTH - 1] for start in range(0, len(rest), _WIDTH - 1)]
    return "\n ".join([first, *folded]) + "\n"


def _records(text: str) -> Iterator[tuple[int, Entry] | Problem]:
    """Each entry with its first line, attribute names in lower case."""
    entry: Entry = {}
    begin = 0
    for number, line in [*_unfolded(text), (0, "")]:
        if not line:
            if entry:
                yield begin, entry
            entry = {}
            continue
        name, colon, value = line.partition(":")
        name = name.partition(";")[0].lower()
        if not colon or not name:
            yield Problem(number, "", f"not LDIF: {line[:40]!r}")
        elif name == "changetype":
            yield Problem(number, name, "this is a list of changes; entries are needed")
        elif value.startswith("<"):
            yield Problem(number, name, "values out of other files are not read")
        elif name != "version" or entry:
            begin = begin if entry else number
            try:
                entry.setdefault(name, []).append(_value(value))
            except (binascii.Error, UnicodeDecodeError):
                if name in _WANTED:
                    yield Problem(number, name, "broken base64, or not text")


def _unfolded(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first; comments are left out."""
    begin, line = 0, ""
    pending = False
    for number, physical in enumerate(text.splitlines(), 1):
        if physical.startswith(" ") and pending:
            line += physical[1:]
            continue
        if pending and not line.startswith("#"):
            yield begin, line
        begin, line, pending = number, physical, True
    if pending and not line.startswith("#"):
        yield begin, line


def _value(text: str) -> str:
    if text.startswith(":"):
        return base64.b64decode(text[1:].strip(), validate=True).decode("utf-8")
    return text.removeprefix(" ")


def _columns(entry: Entry, with_passwords: bool) -> dict[str, str]:
    """One entry as texts by column."""
    found = {}
    for column, names in _ATTRIBUTES.items():
        values = next((entry[name] for name in names if name in entry), [])
        if values and (column != SECRET or with_passwords):
            found[column] = values[0]
    if "mailroomuser" in entry:
        # In our own entries what is not there is meant.
        found.setdefault("identity", OWN)
        found["quota"] = UNLIMITED
    if quota := entry.get("mailroomquota", [""])[0]:
        found["quota"] = format_size(int(quota)) if quota.isdecimal() else quota
    if "mailroomagent" in entry:
        found["agents"] = " ".join(agent.replace(" ", "=") for agent in entry["mailroomagent"])
    if "mailroomservice" in entry:
        found["services"] = " ".join(sorted(entry["mailroomservice"])) or "none"
    own = found.get("address", "")
    addresses = entry.get("mailroomaddress") or entry.get("mail", [])
    found["aliases"] = " ".join(_once(addresses, own))
    if "mailroomdelivery" in entry:
        found["forwards"] = " ".join(_once(entry["mailroomdelivery"], own))
        found["keep_copy"] = "true" if _plain(own) in map(_plain, entry["mailroomdelivery"]) else "false"
    return found


def _once(addresses: Iterable[str], own: str) -> list[str]:
    """Addresses without the own one and without other spellings of their domains."""
    found = {_plain(address): address for address in addresses}
    found.pop(_plain(own), None)
    return list(found.values())


def _plain(address: str) -> str:
    try:
        local, host = parse_address(address)
    except ValueError:
        return address
    return f"{local.lower()}@{domain_to_unicode(host)}"


_WANTED = {
    "mailroomagent",
    "mailroomaddress",
    "mailroomdelivery",
    "mailroomquota",
    "mailroomservice",
    "objectclass",
    *(name for names in _ATTRIBUTES.values() for name in names),
}
