# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench FLAGS=--accounts`: accounts by the thousand, beside the usual tools on the same server in the same run.

Uses a directory beside the lab's (scratch_directory.py), so that the lab stays as it is. About half an hour.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import many_accounts
from bench_tools import ROOT, Host, lab_info, timed
from memory import watched
from plot import chart
from scratch_directory import BASE, BIND, FOLDER, URI, VARIABLES, ScratchDirectory

PLAY = "playbooks/accounts.yml"
SIZES = (1_000, 5_000, 10_000, 50_000, 100_000)
LARGE, DOMAINS = 50_000, 200
GROWTH = ROOT / "docs/accounts-growth.svg"
# Longest that the replica may need, in seconds.
REPLICA_WAIT = 900
PASSWORD = "benchmark of accounts"  # noqa: S105  of a mailbox that lives for seconds


class Bench:
    """The directory, account files, and the play."""

    def __init__(self, folder: Path, directory: ScratchDirectory, runs: int) -> None:
        self.folder, self.directory, self.runs = folder, directory, runs
        self.series: dict[str, list[tuple[float, float]]] = {}
        self._cache = folder / "cache"

    def files(self, mailboxes: int, domains: int = DOMAINS) -> Path:
        """A folder with account files."""
        folder = self.folder / f"{mailboxes}-{domains}"
        if not folder.exists():
            folder.mkdir()
            many_accounts.write(folder, domains, mailboxes)
        return folder

    def forget(self) -> None:
        """Forget what the controller keeps of files it has read."""
        for file in self._cache.rglob("*.*"):
            file.unlink()

    def play(self, files: Path, **expected: int) -> tuple[float, str]:
        """Seconds that a run of the whole play takes, and its output. What it changed must be as expected."""
        variables = {**VARIABLES, "mailroom_accounts_dir": str(files)}
        variables["mailroom_passwords_file"] = str(self.folder / "passwords.json")
        arguments = ("--limit", "ldap1", "-v", "-e", json.dumps(variables))
        took, output = timed("ansible-playbook", PLAY, *arguments, XDG_CACHE_HOME=str(self._cache))
        for field, value in expected.items():
            if f"{field}: {value}\n" not in output:
                sys.exit(f"expected {field}: {value}\n{output[-2000:]}")
        return took, output

    def ldif(self, name: str) -> None:
        """Keep what is in the directory in a file for ldapadd, domains first."""
        self.directory.provider(
            f"cd {FOLDER} && ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE} >all.ldif && "
            f"(awk -v RS= -v ORS='\\n\\n' '/^dn: ou=[^,]*,{BASE}/' all.ldif; "
            f"awk -v RS= -v ORS='\\n\\n' '!/^dn: ou=[^,]*,{BASE}/ && !/^dn: {BASE}/' all.ldif) >{name}"
        )

    def add(self, name: str) -> float:
        return self.clock(f"ldapadd {BIND} -f {FOLDER}/{name} >/dev/null")

    def clock(self, script: str) -> float:
        """Seconds that a command takes on the provider."""
        started = time.monotonic()
        self.directory.provider(script)
        return time.monotonic() - started


def row(what: str, values: list[float], goal: str = "", digits: int = 2) -> None:
    print(f"{what:<66} {statistics.median(values):9.{digits}f}   {goal}", flush=True)


def against_ldapadd(bench: Bench) -> None:
    """50,000 mailboxes into an empty directory."""
    files = bench.files(LARGE)
    cold: list[float] = []
    cached: list[float] = []
    tool: list[float] = []
    for _ in range(bench.runs):
        for times, forget in ((cold, True), (cached, False)):
            bench.directory.empty()
            if forget:
                bench.forget()
            times.append(bench.play(files)[0])
        bench.ldif("large.ldif")
        bench.directory.empty()
        tool.append(bench.add("large.ldif"))
    row(f"ldapadd of {LARGE:,} mailboxes, s", tool)
    row("play, cold, s", cold)
    row("  cold / ldapadd", _ratios(cold, tool), "<= 0.5")
    row("  cached parse / ldapadd", _ratios(cached, tool), "<= 0.35")
    row("peers: ldapadd of 200 of them would take, s", [value / LARGE * 200 for value in tool])


def unchanged(bench: Bench) -> None:
    """The same again, and one changed line."""
    files = bench.files(LARGE)
    bench.directory.empty()
    bench.forget()
    # Looking at memory takes time itself, so this run is not among those that are timed.
    with watched() as peak:
        bench.play(files)
    row(f"memory of the controller, {LARGE:,} new mailboxes, MB", [peak.bytes / 1e6], "<= 600", 0)
    cold, cached, module, search = [], [], [], []
    for _ in range(bench.runs):
        bench.forget()
        cold.append(bench.play(files, writes=0)[0])
        took, output = bench.play(files, writes=0)
        cached.append(took)
        module.append(float(_one(r"^ +all: ([\d.]+)$", output)))
        script = f"ldapsearch -LLL {BIND} -b {BASE} >/dev/null"
        search.append(float(bench.directory.provider(f"TIMEFORMAT=%R; (time {script}) 2>&1")))
    row("unchanged, play, cold, s", cold, "<= 10")
    row("unchanged, play, cached, s", cached, "<= 3")
    row("unchanged, module on the server / ldapsearch", _ratios(module, search), "<= 2")
    file = next(files.glob("*.yml"))
    text = file.read_text()
    file.write_text(text.replace("{name: ", "{title: Chief, name: ", 1))
    with bench.directory.logged() as writes:
        bench.play(files, writes=1)
    row("one change: writes in the server's log", [len(writes)], "= 1", 0)
    file.write_text(text)


def replicated(bench: Bench) -> None:
    """New accounts until the replica is equal by its whole content, and a log-in there after one change among 3,500."""
    files, ours, tool = bench.files(10_000), [], []
    for _ in range(bench.runs):
        bench.directory.empty()
        ours.append(_until_equal(bench, lambda: bench.play(files)))
        bench.ldif("replicated.ldif")
        bench.directory.empty()
        tool.append(_until_equal(bench, lambda: bench.add("replicated.ldif")))
    row("10,000 new, replica equal, play / ldapadd", _ratios(ours, tool), "<= 0.9")
    bench.directory.empty()
    took = _until_equal(bench, lambda: bench.play(bench.files(LARGE)))
    row(f"{LARGE:,} new, replica equal by the hash of its sorted LDIF, s", [took])
    row(
        "one changed among 3,500 until its log-in on the replica, s",
        [_log_in(bench) for _ in range(bench.runs)],
        "<= 5",
    )


def _until_equal(bench: Bench, work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    # First by a question that costs the servers nothing: reading both trees again and again would slow them down.
    for states in (bench.directory.newest, bench.directory.hashes):
        while len(set(states())) > 1:
            if time.monotonic() > started + REPLICA_WAIT:
                sys.exit("the replica does not become equal to the provider")
            time.sleep(0.2)
    return time.monotonic() - started


def _log_in(bench: Bench) -> float:
    # The logic is no package that is installed; tests get its folder from pyproject.toml.
    sys.path.insert(0, str(ROOT / "module_utils"))
    from mailroom.hashing import hash_password

    files = bench.files(3_500, 14)
    file = next(files.glob("*.yml"))
    text = file.read_text()
    box = '  ann: {name: Ann Lee, password: "' + hash_password(PASSWORD) + '"%s}\n'
    bench.directory.empty()
    file.write_text(text.replace("mailboxes:\n", "mailboxes:\n" + box % ", state: disabled"))
    bench.play(files)
    _until_equal(bench, lambda: None)
    file.write_text(text.replace("mailboxes:\n", "mailboxes:\n" + box % ""))
    assert bench.directory.replica  # noqa: S101  this benchmark has one
    dn = f"uid=ann,ou={file.stem},{BASE}"
    check = f"until ldapwhoami -x -H {URI} -D {dn} -y {FOLDER}/word >/dev/null 2>&1; do sleep 0.02; done"
    bench.directory.replica(f"umask 077; printf %s {PASSWORD!r} >{FOLDER}/word")
    # It shall be refused, so its exit code says nothing: the reason in its output does.
    if not bench.directory.replica(f"ldapwhoami -x -H {URI} -D {dn} -y {FOLDER}/word 2>&1 || true").count("(49)"):
        sys.exit("a disabled mailbox can log in")
    started = time.monotonic()
    bench.play(files, writes=1)
    bench.directory.replica(f"timeout 60 sh -c {check!r}")
    file.write_text(text)
    return time.monotonic() - started


def growth(bench: Bench) -> None:
    """From 1,000 to 100,000 mailboxes."""
    series: dict[str, list[tuple[float, float]]] = {"new": [], "unchanged, cold": [], "unchanged, cached": []}
    for size in SIZES:
        files = bench.files(size)
        bench.directory.empty()
        bench.forget()
        took = [bench.play(files)[0]]
        bench.forget()
        took += [bench.play(files, writes=0)[0] for _ in range(2)]
        for line, seconds in zip(series.values(), took, strict=True):
            line.append((size, seconds))
        print(f"{size:>7,} mailboxes, s: new {took[0]:.1f}, unchanged {took[1]:.1f}, cached {took[2]:.1f}", flush=True)
    new = dict(series["new"])
    row("growth of new accounts, 5,000 to 50,000, times", [new[50_000] / new[5_000]], "<= 11", 1)
    title = "ansible-playbook playbooks/accounts.yml"
    GROWTH.write_text(chart(title, "mailboxes", "seconds", series))


def peers(bench: Bench) -> None:
    """200 accounts by a loop of community.general.ldap_entry, and 1,000 changes by ldapmodify."""
    files = bench.files(200, 2)
    bench.directory.empty()
    ours = [bench.play(files)[0], bench.play(files, writes=0)[0]]
    entries = json.loads(bench.directory.provider(f"python3 - <<'END'\n{_ENTRIES}END\n"))
    bench.directory.empty()
    task: dict[str, Any] = {
        "community.general.ldap_entry": {
            "dn": "{{ item.dn }}",
            "objectClass": "{{ item.classes }}",
            "attributes": "{{ item.attributes }}",
            "server_uri": URI,
            "sasl_class": "external",
        },
        "loop": entries,
        "loop_control": {"label": "{{ item.dn }}"},
    }
    play = bench.folder / "loop.yml"
    play.write_text(json.dumps([{"hosts": "ldap1", "gather_facts": False, "become": True, "tasks": [task]}]))
    loop = [timed("ansible-playbook", str(play), MAILROOM_STRATEGY="linear")[0] for _ in range(2)]
    row("peers: loop of community.general.ldap_entry, 200 accounts, s each", [loop[0] / len(entries)])
    row("peers: the same unchanged, s each", [loop[1] / len(entries)])
    row("play with 200 accounts / that loop, new", [ours[0] / loop[0]])
    row("play with 200 accounts / that loop, unchanged", [ours[1] / loop[1]])
    _against_ldapmodify(bench)


def _against_ldapmodify(bench: Bench) -> None:
    files = bench.files(1_000)
    bench.directory.empty()
    bench.play(files)
    for file in files.glob("*.yml"):
        file.write_text(file.read_text().replace("{name: ", "{title: Chief, name: "))
    ours = bench.play(files, writes=1_000)[0]
    bench.directory.provider(
        f"ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE} '(title=Chief)' dn | awk '/^dn/ "
        f'{{print $0 "\\nchangetype: modify\\nreplace: title\\ntitle: Clerk\\n"}}\' >{FOLDER}/change.ldif'
    )
    tool = bench.clock(f"ldapmodify {BIND} -f {FOLDER}/change.ldif >/dev/null")
    row("1,000 changes: ldapmodify, s", [tool])
    row("1,000 changes: whole play, s", [ours])


_ENTRIES = f"""
import base64, json, subprocess
command = "ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE}".split()
found = []
for block in subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split("\\n\\n")[1:]:
    entry = {{}}
    for line in filter(None, block.splitlines()):
        name, _colon, value = line.partition(":")
        text = base64.b64decode(value[2:]).decode() if value.startswith(":") else value[1:]
        entry.setdefault(name, []).append(text)
    if entry:
        dn, classes = entry.pop("dn")[0], entry.pop("objectClass")
        found.append({{"dn": dn, "classes": classes, "attributes": entry}})
print(json.dumps(sorted(found, key=lambda item: item["dn"].count(","))))
"""


def _ratios(ours: list[float], others: list[float]) -> list[float]:
    return [a / b for a, b in zip(ours, others, strict=True)]


def _one(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    if not found:
        sys.exit(f"no {pattern} in:\n{text[-2000:]}")
    return found[1]


PARTS: dict[str, Callable[[Bench], None]] = {
    "new": against_ldapadd,
    "unchanged": unchanged,
    "growth": growth,
    "peers": peers,
    "replicated": replicated,
}


def main(runs: int = 3, only: Collection[str] = ()) -> int:
    """Print what the docs name; medians of `runs`. `only` names the parts to measure."""
    print(f"{platform.platform()}, {os.cpu_count()} cores; medians of {runs} runs", flush=True)
    info = lab_info()
    provider, replica = Host(info, "ldap1"), Host(info, "mail1")
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        for name, part in PARTS.items():
            if only and name not in only:
                continue
            with ScratchDirectory(provider.run, replica.run if part is replicated else None) as directory:
                part(Bench(Path(folder), directory, runs))
    return 0
