# SPDX-License-Identifier: GPL-3.0-or-later
"""What of corosync.conf a running corosync does not know yet, and whether a reload is enough for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

# Read when corosync starts, and refused by a reload (corosync-cfgtool -R) after that.
START_ONLY = (
    re.compile(r"system\."),
    re.compile(r"totem\.(version|cluster_name|transport|ip_version|ip_dscp|netmtu|threads)$"),
    re.compile(r"quorum\.provider$"),
)
# Where a section is a list, its parts are numbered in the running configuration.
_LISTS = {"nodelist": "node", "totem": "interface"}
_VALUE = re.compile(r"(\S+) \((?:u8|u16|u32|u64|i8|i16|i32|i64|str|flt|dbl|binary)\) = (.*)")


@dataclass
class Pending:
    """Differences between file and running configuration, as text: those for a reload, and those for a restart."""

    reload: list[str] = field(default_factory=list)
    restart: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, list[str]]:
        return {"reload": self.reload, "restart": self.restart}


def settings(text: str) -> dict[str, str]:
    """The settings of a corosync.conf by the names that `corosync-cmapctl` gives them."""
    found: dict[str, str] = {}
    path: list[str] = []
    counts: dict[str, int] = {}
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        if line.endswith("{"):
            name = line[:-1].strip()
            if path and _LISTS.get(path[-1]) == name:
                number = counts.get(name, 0)
                counts[name] = number + 1
                name = f"{name}.{number}"
            path.append(name)
        elif line == "}":
            path.pop()
        else:
            name, _, value = line.partition(":")
            found[".".join([*path, name.strip()])] = value.strip()
    return dict(_interfaces(found))


def _interfaces(found: dict[str, str]) -> Iterator[tuple[str, str]]:
    """An interface is known by its link number, not by its place."""
    for name, value in found.items():
        match = re.fullmatch(r"(totem\.interface\.\d+)\.(\w+)", name)
        if match is None:
            yield name, value
        elif match[2] != "linknumber":
            yield f"totem.interface.{found.get(f'{match[1]}.linknumber', '0')}.{match[2]}", value


def running(text: str) -> dict[str, str]:
    """The running configuration, from `corosync-cmapctl`."""
    return {match[1]: match[2] for line in text.splitlines() if (match := _VALUE.fullmatch(line.strip()))}


def pending(file: str, cmap: str) -> Pending:
    """Compare a corosync.conf with the output of `corosync-cmapctl`. What is only in one of them counts too."""
    want, have = settings(file), running(cmap)
    found = Pending()
    lists = re.compile(r"nodelist\.node\.\d+\.(ring\d_addr|name|nodeid)$")
    for name in sorted(want.keys() | {name for name in have if lists.match(name)}):
        if have.get(name) != want.get(name):
            line = f"{name}: {have.get(name, '(not set)')} -> {want.get(name, '(not set)')}"
            (found.restart if any(rule.match(name) for rule in START_ONLY) else found.reload).append(line)
    return found
