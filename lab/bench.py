# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: the figures that the docs name, measured in one run on this machine.

Without arguments: the unchanged platform with Mitogen and with Ansible's plain strategy, in turn, so that both see the
same machine; where no lab is up, `make demo` builds it. `--build` first times `make demo` from nothing, `--test` times
`make test` in a clean clone. `--directory` measures nothing but the directory with 100,000 mailboxes, `--accounts`
nothing but accounts, `--accounts --only replicated` a part of that, `--dns` nothing but name servers with 2,000 zones.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import sys
import tempfile
from pathlib import Path

import bench_accounts
import bench_directory
import bench_dns
from bench_tools import ROOT, timed


def unchanged(playbook: str, strategy: str) -> float:
    """Time a run that must change nothing, else the figure would be of something else."""
    took, output = timed("ansible-playbook", playbook, MAILROOM_STRATEGY=strategy)
    if re.search(r"changed=[1-9]", output):
        sys.exit(f"{playbook} changed something; run it once before the benchmark:\n{output[-2000:]}")
    return took


def row(what: str, values: list[float], goal: str = "", digits: int = 1) -> None:
    shown = (f"{value:8.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    print(f"{what:<52} {' '.join(shown)}   {goal}", flush=True)


def unmeasured(what: str, flag: str, goal: str) -> None:
    print(f"{what:<52} not measured in this run: make bench FLAGS={flag}   {goal}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the figures that the docs name.")
    parser.add_argument("--runs", type=int, default=3, help="runs of each, default 3")
    parser.add_argument("--build", action="store_true", help="remove the lab and its caches, then time make demo")
    parser.add_argument("--test", action="store_true", help="time make test in a clean clone; removes this lab first")
    parser.add_argument("--directory", action="store_true", help="load 100,000 mailboxes, measure look-ups, unload")
    parser.add_argument("--accounts", action="store_true", help="up to 100,000 accounts beside ldapadd and others")
    parser.add_argument("--dns", action="store_true", help="2,000 zones, and a plan for them beside octodns")
    parser.add_argument("--only", action="append", choices=bench_accounts.PARTS, help="with --accounts: these parts")
    options = parser.parse_args()
    if options.directory:
        return bench_directory.main()
    if options.accounts:
        return bench_accounts.main(options.runs, options.only or ())
    if options.dns:
        return bench_dns.main(options.runs)
    print(f"{platform.platform()}, {os.cpu_count()} cores; seconds of wall time, {options.runs} runs in turn")
    print(f"{'':<52} {'min':>8} {'median':>8} {'max':>8}   goal")
    if options.test:
        timed("make", "lab-down")
        with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
            timed("git", "clone", "--quiet", str(ROOT), folder)
            row("make test from a clean clone", [timed("make", "test", cwd=Path(folder))[0]], "<= 1800")
    else:
        unmeasured("make test from a clean clone", "--test", "<= 1800")
    if options.build:
        timed("make", "lab-down", "PURGE=1")
        row("make demo from nothing (no image, no packages)", [timed("make", "demo")[0]], "<= 600")
    elif not (ROOT / ".lab/info.json").exists():
        row("make demo, image and packages cached", [timed("make", "demo")[0]])
    for playbook, goal in (("playbooks/site.yml", "<= 60"), ("playbooks/accounts.yml", "")):
        times: dict[str, list[float]] = {"mitogen": [], "linear": []}
        unchanged(playbook, "mitogen")  # Warms connections and caches.
        for _ in range(options.runs):
            for strategy, values in times.items():
                values.append(unchanged(playbook, strategy))
        row(f"{playbook} unchanged, Mitogen", times["mitogen"], goal)
        row(f"{playbook} unchanged, linear", times["linear"])
        ratio = [a / b for a, b in zip(times["mitogen"], times["linear"], strict=True)]
        row("  Mitogen / linear, run by run", ratio, digits=2)
    return 0


if __name__ == "__main__":
    sys.exit(main())
