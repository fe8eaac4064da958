# SPDX-License-Identifier: GPL-3.0-or-later
"""`--figures`: how long a failover takes, what that is made of, and what may not happen under load. In the lab only."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from . import run as runner
from .case import Plan, Result
from .history import History
from .logic import goals, outage, phases
from .logic.goals import Figure
from .logic.model import ACCEPTED
from .pair import Pair
from .playbook import play
from .readers import Readers
from .senders import Crew, Load

# What Corosync and Pacemaker do by themselves, as variables of the role: the same pair, untuned.
DEFAULTS = Path(__file__).parent / "files/defaults.yml"
TUNED, UNTUNED = "lab profile", "defaults"
# A client that waits longer than this has noticed.
NOTICED = 2.0


def run(pair: Pair, options: argparse.Namespace, folder: Path) -> int:
    plan = Plan(pair, folder, options.seed, Load(), options.patience, run=folder.name)
    results: list[Result] = []
    figures = _both(plan, options.kills, TUNED, results)
    figures += _busy(plan, options.busy)
    figures += _unchanged(plan)
    plan.say(f"{UNTUNED}: {DEFAULTS.name}")
    play("playbooks/cluster.yml", "-e", f"@{DEFAULTS}", log=folder / "defaults.log")
    try:
        pair.wait_healthy()
        figures += _both(plan, max(3, options.kills // 4), UNTUNED, results)
    finally:
        play("playbooks/cluster.yml", log=folder / "back.log")
        pair.wait_healthy()
    shown = [figure.line() for figure in figures]
    (folder / "figures.json").write_text(
        json.dumps([vars(figure) | {"met": figure.met} for figure in figures], indent=1) + "\n"
    )
    (folder / "figures.txt").write_text("\n".join(shown) + "\n")
    print("\n" + "\n".join(shown))
    good = all(figure.met for figure in figures) and all(result.verdict.good for result in results)
    print(f"\n{'All goals are met' if good else 'NOT ALL GOALS ARE MET'}; {folder}/figures.json")
    return 0 if good else 1


def _both(plan: Plan, count: int, profile: str, results: list[Result]) -> list[Figure]:
    """Kills and switches in turn, so that both see the same machine."""
    found: dict[str, list[Result]] = {"kill-active": [], "planned-switch": []}
    for _ in range(count):
        for name, those in found.items():
            one = runner.case(plan, name, len(results) + 1)
            those.append(one)
            results.append(one)
            runner.write(plan.folder, results)
    killed, switched = found["kill-active"], found["planned-switch"]
    lost = sum(len(one.verdict.lost) for one in results)
    return [
        *goals.kills([one.smtp.after_fault for one in killed], lost, profile, profile == TUNED),
        *goals.spent([phases.seconds(one.phases) for one in killed], profile),
        *goals.switches([one.smtp.gap for one in switched], profile, profile == TUNED),
        *goals.spent([phases.seconds(one.phases) for one in switched], profile),
    ]


@contextlib.contextmanager
def _load_on_all_processors() -> Iterator[None]:
    """Twice as many busy processes as processors, at the priority of everything else."""
    program = "while True: pass"
    busy = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for one in busy:
            one.kill()
            one.wait()


def _busy(plan: Plan, seconds: float) -> list[Figure]:
    """No failover where nothing failed."""
    if not seconds:
        return []
    pair, history = plan.pair, History(plan.folder / "busy.jsonl")
    pair.wait_healthy()
    active, since = pair.active(), time.time()
    plan.say(f"all processors busy for {seconds:.0f} s ...")
    crew = Crew(pair.target, history, f"{plan.run}.busy", plan.seed, Load(rate=2, workers=2, messages=20_000))
    readers = Readers(pair.target, history)
    readers.start()
    crew.start()
    try:
        with _load_on_all_processors():
            time.sleep(seconds)
    finally:
        crew.stop()
        readers.stop()
        history.close()
    lines = [line for line in pair.journals(since) if line.wall >= since]
    losses = sum(phases.meaning(line) == phases.DETECTION for line in lines)
    fenced = sum(phases.meaning(line) == phases.FENCING for line in lines)
    moved = float(pair.active() != active)
    failed = sum("operation for" in line.text and " monitor " in line.text and "rror" in line.text for line in lines)
    accepted = [event["mono"] for event in history.of("send") if event["outcome"] == ACCEPTED]
    longest = max((b - a for a, b in outage.silences(accepted, 0)), default=0.0)
    return [
        Figure(f"full load for {seconds:.0f} s: false failovers", max(moved, fenced), 0.0),
        Figure(f"full load for {seconds:.0f} s: losses of the token", losses),
        Figure(f"full load for {seconds:.0f} s: failed monitors", failed),
        Figure(f"full load for {seconds:.0f} s: longest time without accepting", longest),
    ]


def _unchanged(plan: Plan) -> list[Figure]:
    """A play that has nothing to do does nothing, and the cluster's own counter of writes agrees."""
    pair = plan.pair
    pair.wait_healthy()
    node = next(iter(pair.nodes.values()))
    ask = "cibadmin --query | head -1"
    play("playbooks/cluster.yml", log=plan.folder / "before-unchanged.log")
    before = _epoch(node.run(ask))
    changed = play("playbooks/cluster.yml", log=plan.folder / "unchanged.log")
    after = _epoch(node.run(ask))
    return [
        Figure("unchanged cluster play: changes", changed, 0.0),
        Figure("unchanged cluster play: writes to the CIB", float(after - before), 0.0),
    ]


def _epoch(text: str) -> int:
    found = re.findall(r'[^_]epoch="(\d+)"', text)
    return int(found[0]) if found else 0
