# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to the lab's name servers from both sides, and a copy of what zones are made of, to change."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.zone
import yaml
from conftest import ROOT, STATE, PlaybookRun

PLAY = "playbooks/dns.yml"
TIMEOUT = 5
INSIDE, OUTSIDE = "inside", "outside"
SECRETS = {INSIDE: "dns_internal", OUTSIDE: "dns_external"}
KEYS = {INSIDE: "mailroom-internal", OUTSIDE: "mailroom-external"}


def secret(name: str) -> str:
    """A TSIG key of the lab."""
    return base64.b64encode((STATE / "secrets" / name).read_text().strip().encode()).decode()


class Server:
    """A name server as one side sees it. This machine has an address in each network, so it is on both sides."""

    def __init__(self, address: str) -> None:
        self.address = address

    def ask(self, name: str, kind: str, *, recurse: bool = False, dnssec: bool = False) -> dns.message.Message:
        """The answer to a question."""
        question = dns.message.make_query(name, kind, want_dnssec=dnssec)
        if not recurse:
            question.flags &= ~dns.flags.RD
        return dns.query.udp_with_fallback(question, self.address, timeout=TIMEOUT)[0]

    def values(self, name: str, kind: str) -> list[str]:
        """The values of a record set, in order; none if there is no such record."""
        answer = self.ask(name, kind)
        found = [
            item.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.from_text(kind) for item in rrset
        ]
        return sorted(found)

    def rcode(self, name: str, kind: str, *, recurse: bool = False) -> str:
        """How a question is answered: NOERROR, NXDOMAIN, REFUSED ..."""
        return dns.rcode.to_text(self.ask(name, kind, recurse=recurse).rcode())

    def serial(self, zone: str) -> int:
        """The serial of a zone, 0 if it is not served."""
        values = self.values(zone, "SOA")
        return int(values[0].split()[2]) if values else 0

    def transfer(self, zone: str, side: str = "") -> dns.zone.Zone:
        """A zone as a secondary gets it, with the key of a side or without any."""
        ring = dns.tsigkeyring.from_text({KEYS[side]: ("hmac-sha256", secret(SECRETS[side]))}) if side else None
        name = dns.name.from_text(KEYS[side]) if side else None
        return dns.zone.from_xfr(
            dns.query.xfr(self.address, zone, keyring=ring, keyname=name, timeout=TIMEOUT, lifetime=TIMEOUT * 4)
        )


class Servers:
    """All of them: primary and secondary, from each side."""

    def __init__(self, info: Mapping[str, Any]) -> None:
        hosts = info["hosts"]
        self.primary = {INSIDE: Server(hosts["ns1"]["lan"]), OUTSIDE: Server(hosts["ns1"]["wan"])}
        self.secondary = {INSIDE: Server(hosts["ns2"]["branch"]), OUTSIDE: Server(hosts["ns2"]["wan"])}

    def both(self, side: str) -> tuple[Server, Server]:
        """Primary and secondary from one side."""
        return self.primary[side], self.secondary[side]

    def equal(self, zone: str, side: str) -> bool:
        """Whether the secondary has what the primary has."""
        first, second = (server.serial(zone) for server in self.both(side))
        return first == second != 0


class Sources:
    """Copies of the lab's zone files, account files and DKIM keys, and the play that brings them to the primary."""

    def __init__(self, playbook: Any, folder: Path) -> None:
        self._playbook, self._folder = playbook, folder
        self.zones, self.accounts, self.dkim = folder / "zones", folder / "accounts", folder / "dkim"
        self.restore()

    def restore(self) -> None:
        """The lab's own files again."""
        lab = {self.zones: "inventories/lab/zones", self.accounts: "inventories/lab/accounts", self.dkim: ".lab/dkim"}
        for copy, original in lab.items():
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(ROOT / original, copy)

    def zone(self, name: str, **data: Any) -> Path:
        """Write a zone file."""
        path = self.zones / f"{name}.yml"
        path.write_text(yaml.safe_dump({"zone": name, **data}))
        return path

    def domain(self, name: str) -> None:
        """Write an account file with a mail domain in it."""
        data = {"domain": name, "customer": "test", "aliases": {"postmaster": ["partner@elsewhere.example"]}}
        (self.accounts / f"{name}.yml").write_text(yaml.safe_dump(data))

    def run(self, *arguments: str, ok: bool | None = True, **variables: Any) -> PlaybookRun:
        """Run the part of the play that is about zones."""
        where = {
            "mailroom_zones_dir": str(self.zones),
            "mailroom_accounts_dir": str(self.accounts),
            "mailroom_dkim_dir": str(self.dkim),
        }
        given = {**where, **{f"mailroom_{name}": value for name, value in variables.items()}}
        return self._playbook(PLAY, "--tags", "dns_zones", "-e", json.dumps(given), *arguments, ok=ok)

    def result(self, **variables: Any) -> dict[str, Any]:
        """Run it, and return what the module dns_zones returned."""
        file = self._folder / "results"
        file.unlink(missing_ok=True)
        env = {
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "cli/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "mailroom_result",
            "MAILROOM_RESULT": str(file),
        }
        where = {"mailroom_zones_dir": str(self.zones), "mailroom_accounts_dir": str(self.accounts)}
        given = {**where, "mailroom_dkim_dir": str(self.dkim), **variables}
        self._playbook(PLAY, "--tags", "dns_zones", "-e", json.dumps(given), env=env)
        lines = map(json.loads, file.read_text().splitlines())
        return [line["result"] for line in lines if line["module"] == "dns_zones"][-1]
