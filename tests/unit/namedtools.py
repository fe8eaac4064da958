# SPDX-License-Identifier: GPL-3.0-or-later
"""A named that exists only in memory: it reads the real files when it is told to, and says what it was told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ansible.module_utils
from mailroom.codec import encode
from mailroom.zones.model import VIEWS, Zone, to_data
from zonetools import TODAY

_FOLDER = str(Path(__file__).resolve().parents[2] / "module_utils")
if _FOLDER not in ansible.module_utils.__path__:
    ansible.module_utils.__path__.append(_FOLDER)

from ansible.module_utils import mailroom_named, mailroom_zones_run  # noqa: E402 - needs the folder


class Ended(Exception):
    """How the module ended: its result, and whether it failed."""

    def __init__(self, result: dict[str, Any], failed: bool) -> None:
        super().__init__(str(result.get("msg", "")))
        self.result, self.failed = result, failed


class Module:
    """As much of AnsibleModule as a run of dns_zones needs."""

    _diff = True

    def __init__(self, params: dict[str, Any], tmpdir: str, check_mode: bool) -> None:
        self.params, self.tmpdir, self.check_mode = params, tmpdir, check_mode
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def exit_json(self, **result: Any) -> None:
        raise Ended(result, False)

    def fail_json(self, **result: Any) -> None:
        raise Ended(result, True)


class FakeNamed:
    """Answers to what is run; `served` are serials by zone and view."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.served: dict[tuple[str, str], int] = {}
        # What it read in its lists, loaded or not.
        self.configured: set[tuple[str, str]] = set()
        self.refuses_configuration = ""
        # Zones that named-checkzone refuses, and those that only named does.
        self.bad: set[str] = set()
        self.unloadable: set[str] = set()
        # What is done at a freeze, for somebody else's update.
        self.at_freeze: Any = None

    def run(self, command: list[str]) -> tuple[int, str, str]:
        if command[0] == "named-checkzone":
            bad = command[-2].rstrip(".") in self.bad
            return int(bad), "", f"{command[-1]}:5: is bad\nzone x/IN: not loaded due to errors.\n" if bad else ""
        if command[0] == "named-checkconf":
            return int(bool(self.refuses_configuration)), "", self.refuses_configuration
        if command[0] == "named-compilezone":
            return 0, Path(command[-1] + ".jnl").read_text(), ""
        return self._rndc(command[1:])

    def _rndc(self, words: list[str]) -> tuple[int, str, str]:
        if words[0] == "zonestatus":
            serial = self.served.get((words[1], words[3]))
            return (1, "", "no") if serial is None else (0, f"name: x\nserial: {serial}\n", "")
        self.told.append(" ".join(words))
        if words[0] == "freeze":
            if (words[1], words[3]) not in self.configured:
                return 1, "", "not dynamic"
            if self.at_freeze:
                self.at_freeze()
        elif words[0] == "reconfig":
            old, self.configured = self.configured, {key for view in VIEWS for key in self._listed(view)}
            self.served = {key: serial for key, serial in self.served.items() if key in self.configured}
            for key in self.configured - old:
                self._load(*key)
        elif words == ["reload"]:
            for key in self.configured:
                self._load(*key)
        else:
            if (words[1], words[3]) not in self.configured:
                return 1, "", "rndc: 'reload' failed: not found\n"
            if self._out_of_sync(words[1], words[3]):
                return 1, "", "rndc: 'reload' failed: out of range\n"
            self._load(words[1], words[3])
        return 0, "", ""

    def _out_of_sync(self, name: str, view: str) -> bool:
        """Whether the zone is not loaded and its journal ends before its file begins."""
        journal = self.folder / f"{view}/{name}.zone.jnl"
        return (name, view) not in self.served and journal.exists() and journal.read_text() == "another serial"

    def _listed(self, view: str) -> list[tuple[str, str]]:
        text = (self.folder / f"{view}.conf").read_text()
        return [(name, view) for name in re.findall(r'^zone "([^"]+)"', text, re.M)]

    def _load(self, name: str, view: str) -> None:
        file = f"{view}.catalog" if name.endswith("catalog.invalid") else f"{view}/{name}.zone"
        found = re.search(r" SOA +\S+ \S+ (\d+)", (self.folder / file).read_text())
        if found and name not in self.unloadable and not self._out_of_sync(name, view):
            self.served[name, view] = int(found[1])


class Primary:
    """A primary name server in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("internal", "external"):
            (folder / name).mkdir(parents=True)
            (folder / f"{name}.conf").write_text("# Written by the module dns_zones, which has not run yet.\n")
        self.named = FakeNamed(folder)

    def run(self, *zones: Zone, check: bool = False, **params: Any) -> Ended:
        """One run of dns_zones with these zones."""
        words = (
            "zone_removals",
            "nameserver_removals",
            "mail_removals",
            "tlsa_breaks",
            "special_addresses",
            "adoptions",
        )
        given = {
            "folder": str(self.folder),
            "catalog_suffix": "catalog.invalid",
            "signed_views": ["external"],
            "dnssec_policies": {},
            "checksum": "",
            "limits": {},
            "allow_record_removals": {},
            **{f"allow_{word}": [] for word in words},
            "whole_plan": False,
            "zones": encode(to_data(zones)),
            "today": TODAY.isoformat(),
            "documentation": True,
            "special": [],
            "remarks": [],
            **params,
        }
        self.named.told.clear()
        scratch = self.folder.parent / "tmp"
        scratch.mkdir(exist_ok=True)
        module = Module(given, str(scratch), check)
        named = mailroom_named.Named(str(self.folder), self.named.run, 604800)
        named.has_checkers = lambda: True
        try:
            if check:
                mailroom_zones_run.ZonesRun(module, named).finish()
            with named.locked():
                mailroom_zones_run.ZonesRun(module, named).finish()
        except Ended as ended:
            return ended
        except mailroom_named.NamedError as error:
            return Ended({"msg": str(error)}, True)
        raise AssertionError("the module did not end")

    def text(self, name: str) -> str:
        return (self.folder / name).read_text()

    def files(self) -> dict[str, str]:
        """All files and their texts."""
        return {
            str(path.relative_to(self.folder)): path.read_text() for path in self.folder.rglob("*") if path.is_file()
        }
