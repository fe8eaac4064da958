# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench FLAGS=--dns`: 2,000 zones on the lab's name servers, and a plan for them beside that of octodns.

The lab's own zones stay as they are; the others are removed at the end. A quarter of an hour or less.
"""

from __future__ import annotations

import base64
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import yaml
from bench_tools import ROOT, STATE, lab_info, timed

PLAY = ("playbooks/dns.yml", "--tags", "dns_zones")
MANY = 2_000
NAMES = [f"zone{number}.many.test" for number in range(MANY)]
LAST = NAMES[-1]
# bin/setup puts it there where the machine has none.
UV = shutil.which("uv") or str(ROOT / ".cache/uv/bin/uv")
# Between two questions whether a change has arrived, and the longest wait for it, in seconds.
PAUSE, PATIENCE = 0.02, 60


class Files:
    """Copies of what the lab's zones are made of, with many more zones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.zones, self.octodns = folder / "zones", folder / "octodns"
        shutil.copytree(ROOT / "inventories/lab/zones", self.zones)
        self.octodns.mkdir()
        for name in NAMES:
            self.zone(name, 1)

    def zone(self, name: str, version: int) -> None:
        """Write a zone for both tools; `version` is its last address's last byte."""
        address = f"198.51.100.{version}"
        records = {
            "@": {"MX": f"10 mail.{name}.", "TXT": "v=spf1 mx -all"},
            "mail": {"A": "198.51.100.200", "AAAA": "2001:db8:80::200"},
            "www": {"A": address},
            "ftp": {"CNAME": f"www.{name}."},
        }
        (self.zones / f"{name}.yml").write_text(yaml.safe_dump({"zone": name, "records": records}))
        theirs: dict[str, Any] = {
            "": [
                {"type": "MX", "values": [{"exchange": f"mail.{name}.", "preference": 10}]},
                {"type": "TXT", "value": "v=spf1 mx -all"},
            ],
            "mail": [{"type": "A", "value": "198.51.100.200"}, {"type": "AAAA", "value": "2001:db8:80::200"}],
            "www": {"type": "A", "value": address},
            "ftp": {"type": "CNAME", "value": f"www.{name}."},
        }
        (self.octodns / f"{name}.yaml").write_text(yaml.safe_dump(theirs))


def play(files: Files, *arguments: str, **variables: Any) -> tuple[float, dict[str, Any]]:
    """Seconds that the play for zones takes, and what dns_zones returned."""
    results = files.folder / "results"
    results.unlink(missing_ok=True)
    took, output = timed(
        "ansible-playbook",
        *PLAY,
        *arguments,
        "-e",
        json.dumps({"mailroom_zones_dir": str(files.zones), **variables}),
        ANSIBLE_CALLBACK_PLUGINS=str(ROOT / "cli/callback_plugins"),
        ANSIBLE_CALLBACKS_ENABLED="mailroom_result",
        MAILROOM_RESULT=str(results),
    )
    for line in map(json.loads, results.read_text().splitlines() if results.exists() else []):
        if line["module"] == "dns_zones":
            return took, line["result"]
    sys.exit(f"dns_zones returned nothing:\n{output[-2000:]}")


def octodns(files: Files, server: str, key: str) -> tuple[float, str]:
    """Seconds that octodns takes for its plan, which it does not carry out, and what it says."""
    config = files.folder / "octodns.yml"
    target = {
        "class": "octodns_bind.Rfc2136Provider",
        "host": server,
        "key_name": "mailroom-internal",
        "key_secret": "env/BENCH_KEY",
        "key_algorithm": "hmac-sha256",
    }
    source = {"class": "octodns.provider.yaml.YamlProvider", "directory": str(files.octodns), "enforce_order": False}
    config.write_text(
        yaml.safe_dump(
            {
                "manager": {"max_workers": 2 * (os.cpu_count() or 1)},
                "providers": {"files": {**source, "default_ttl": 3600}, "bind": target},
                "zones": {f"{name}.": {"sources": ["files"], "targets": ["bind"]} for name in NAMES},
            }
        )
    )
    command = [UV, "run", "--isolated", "--frozen", "--only-group", "bench", "octodns-sync"]
    return timed(*command, "--config-file", str(config), "--quiet", BENCH_KEY=key)


class Watch:
    """When each of two servers first answers with a value."""

    def __init__(self, servers: dict[str, str], name: str, value: str) -> None:
        self.seen: dict[str, float] = {}
        self._stop = Event()
        self._threads = [
            Thread(target=self._look, args=(who, where, name, value), daemon=True) for who, where in servers.items()
        ]
        for thread in self._threads:
            thread.start()

    def _look(self, who: str, where: str, name: str, value: str) -> None:
        while not self._stop.wait(PAUSE):
            if value in address_of(where, name):
                self.seen[who] = time.monotonic()
                return

    def between(self) -> float:
        """Seconds from the first server's answer to the last one's."""
        for thread in self._threads:
            thread.join(PATIENCE)
        self._stop.set()
        if len(self.seen) < len(self._threads):
            sys.exit(f"after {PATIENCE} s only {', '.join(self.seen) or 'no server'} had the change")
        return max(self.seen.values()) - min(self.seen.values())


def address_of(server: str, name: str) -> list[str]:
    """The IPv4 addresses of a name at a server; none if it does not answer."""
    try:
        answer = dns.query.udp(dns.message.make_query(name, "A"), server, timeout=2)
    except (dns.exception.DNSException, OSError):
        return []
    return [item.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]


def all_arrived(server: str) -> float:
    """Seconds until a server answers for all zones. What comes before that would meet thousands of first transfers."""
    started = time.monotonic()
    for name in NAMES:
        while not address_of(server, f"www.{name}"):
            if time.monotonic() - started > MANY:
                sys.exit(f"after {MANY} s {name} was not on the secondary")
            time.sleep(PAUSE)
    return time.monotonic() - started


def row(what: str, values: list[float], goal: str = "") -> None:
    print(f"{what:<66} {statistics.median(values):9.2f}   {goal}", flush=True)


def main(runs: int) -> int:
    info = lab_info()
    servers = {"primary": info["hosts"]["ns1"]["wan"], "secondary": info["hosts"]["ns2"]["wan"]}
    key = base64.b64encode((STATE / "secrets/dns_internal").read_text().strip().encode()).decode()
    print(f"{platform.platform()}, {os.cpu_count()} cores; medians of {runs} runs; {MANY:,} zones in two views")
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        files = Files(Path(folder))
        try:
            row("play, all zones new, s", [play(files)[0]])
            row("  and until the secondary has all of them, s", [all_arrived(servers["secondary"])])
            whole, inside, arrived, ours, theirs = [], [], [], [], []
            for number in range(2, runs + 2):
                took, result = play(files)
                if result["changed"]:
                    sys.exit("an unchanged run changed something")
                whole.append(took)
                inside.append(result["seconds"]["all"])
                files.zone(LAST, number)
                # Both look at the same change, which nobody has made yet.
                ours.append(play(files, "--check")[0])
                took, said = octodns(files, info["hosts"]["ns1"]["lan"], key)
                theirs.append(took)
                if LAST not in said:
                    sys.exit(f"octodns did not see the change:\n{said[-2000:]}")
                watch = Watch(servers, f"www.{LAST}", f"198.51.100.{number}")
                loaded = play(files)[1]["loaded"]
                arrived.append(watch.between())
                if len(loaded) != 2:
                    sys.exit(f"one zone in two views changed, and these were loaded: {loaded}")
            row("unchanged run: on the server, s", inside, "<= 5")
            row("  whole play, s", whole)
            row("one changed zone: from the primary to the secondary, s", arrived, "<= 3")
            row("plan with one change in 2,000 zones, two views: whole play, s", ours)
            row("  octodns, one view, s", theirs)
            row("  ours / octodns, run by run", [a / b for a, b in zip(ours, theirs, strict=True)])
        finally:
            play(files, mailroom_zones_dir=str(ROOT / "inventories/lab/zones"), mailroom_allow_zone_removals=NAMES)
    return 0
