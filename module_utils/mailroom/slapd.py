# SPDX-License-Identifier: GPL-3.0-or-later
"""What the files and tools of a slapd tell: whose database it is, and what its access rules give."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from .dn import key as dn_key

READY, BOOTSTRAP, REFUSE = "ready", "bootstrap", "refuse"


def parse_ldif(text: str) -> list[dict[str, list[str]]]:
    """Return the entries of LDIF as slapcat and slapd.d write it, `dn` among their (lower case) names."""
    entries: list[dict[str, list[str]]] = []
    for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\n ", "")):
        entry: dict[str, list[str]] = {}
        for line in block.split("\n"):
            name, separator, value = line.partition(":")
            if not separator or line.startswith("#"):
                continue
            if value.startswith(":"):
                value = base64.b64decode(value[1:].strip()).decode("utf-8", "replace")
            entry.setdefault(name.lower(), []).append(value.strip())
        if entry:
            entries.append(entry)
    return entries


@dataclass(frozen=True)
class Database:
    """A data database that the configuration on a host names, and the DNs of its entries where that matters."""

    suffix: str
    root_dn: str = ""
    entries: Sequence[str] = ()

    @property
    def debian_default(self) -> bool:
        """Whether this is what Debian's package made and nobody filled."""
        own = {dn_key(self.suffix), dn_key(f"cn=admin,{self.suffix}")}
        return (
            dn_key(self.root_dn) == dn_key(f"cn=admin,{self.suffix}")
            and {dn_key(entry) for entry in self.entries} <= own
        )


def databases(config: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (suffix, root DN, folder) of the data databases in slapd.d (file name to text)."""
    found = []
    for text in config.values():
        for entry in parse_ldif(text):
            for suffix in entry.get("olcsuffix", []):
                found.append((suffix, entry.get("olcrootdn", [""])[0], entry.get("olcdbdirectory", [""])[0]))
    return found


def decide(found: Iterable[Database], suffix: str, has_config: bool) -> tuple[str, str]:
    """Return what to do with a host (ready, bootstrap, refuse) and why."""
    if not has_config:
        return BOOTSTRAP, "there is no slapd configuration"
    found = list(found)
    # The package names its database after the host's domain, so the empty one may even have the wanted suffix.
    default = [item for item in found if item.debian_default]
    for item in found:
        if item not in default and dn_key(item.suffix) != dn_key(suffix):
            return REFUSE, (
                f"The suffix of the database on this host is {item.suffix} ({len(item.entries)} entries), but "
                f"openldap_suffix is {suffix}. The suffix of a live database is never changed. Set openldap_suffix "
                f"back to {item.suffix}, or move to a new suffix by hand as docs/directory.md describes."
            )
    if default:
        return BOOTSTRAP, f"only the empty default database of the package ({default[0].suffix}) is there"
    return READY, "the configuration is this role's"


# --- access rules ------------------------------------------------------------------------------------------------

# slapd's access levels and the privileges that each stands for (slapd.access(5)).
LEVELS = {
    "none": "",
    "disclose": "d",
    "auth": "dx",
    "compare": "cdx",
    "search": "cdsx",
    "read": "cdrsx",
    "write": "acdrswxz",
}
_FOUND = re.compile(r"^(?P<attribute>[^\s:=]+): (?P<level>[a-z]*)\(?=(?P<privileges>[0a-z]+)\)?$")


@dataclass(frozen=True)
class AccessTest:
    """`who` (a DN, or `anonymous`) has exactly the access `expect` to `attribute` of the entry `what`."""

    who: str
    what: str
    attribute: str
    expect: str


def load_access_tests(raw: Iterable[Mapping[str, object]]) -> list[AccessTest]:
    """Check a list of tests as data: each item has who, what, attributes (one or a list), expect."""
    found = []
    for number, item in enumerate(raw, 1):
        if set(item) != {"who", "what", "attributes", "expect"}:
            raise ValueError(f"access test {number}: needs exactly who, what, attributes and expect")
        expect = str(item["expect"])
        privileges(expect)
        listed = item["attributes"]
        attributes = [str(one) for one in listed] if isinstance(listed, list | tuple) else [str(listed)]
        for who in _list(item["who"]):
            found += [AccessTest(who, str(item["what"]), attribute, expect) for attribute in attributes]
    return found


def _list(value: object) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def privileges(text: str) -> str:
    """Return the privileges of a level (`read`) or of letters (`=xw`), sorted, with `w` as the sum of `a` and `z`."""
    if text.startswith("="):
        letters = set(text[1:]) - {"0"}
        if letters - set("mwrscxdaz"):
            raise ValueError(f"unknown privileges {text!r}")
    elif text in LEVELS:
        letters = set(LEVELS[text])
    else:
        raise ValueError(f"unknown access {text!r}: use {', '.join(LEVELS)}, or letters as in =xw")
    if {"a", "z"} <= letters or "w" in letters:
        letters |= set("awz")
    return "".join(sorted(letters))


def named(letters: str) -> str:
    """Return the level of sorted privileges, or the letters where no level fits."""
    return next((level for level, known in LEVELS.items() if known == letters), "=" + letters)


def group(tests: Iterable[AccessTest]) -> dict[tuple[str, str], list[AccessTest]]:
    """Group by who and what: one call of slapacl answers for all attributes of a group."""
    groups: dict[tuple[str, str], list[AccessTest]] = {}
    for test in tests:
        groups.setdefault((test.who, test.what), []).append(test)
    return groups


def slapacl_arguments(who: str, what: str, attributes: Collection[str], exists: bool) -> list[str]:
    """Return arguments of slapacl that ask for all privileges."""
    identity = [] if who == "anonymous" else ["-D", who]
    return [*([] if exists else ["-u"]), *identity, "-b", what, *attributes]


def parse_slapacl(output: str) -> dict[str, str]:
    """Return attribute (lower case) to sorted privileges."""
    found = {}
    for line in output.splitlines():
        match = _FOUND.match(line.strip())
        if match:
            found[match["attribute"].lower()] = privileges("=" + match["privileges"])
    return found


def judge(tests: Iterable[AccessTest], found: Mapping[str, str]) -> list[str]:
    """Return one line for each test that fails: who, what, expected and found."""
    lines = []
    for test in tests:
        have = found.get(test.attribute.lower())
        if have is None or have != privileges(test.expect):
            shown = "no answer" if have is None else named(have)
            lines.append(f"{test.who} to {test.attribute} of {test.what}: expected {test.expect}, found {shown}")
    return lines
