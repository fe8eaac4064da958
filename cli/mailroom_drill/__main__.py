# SPDX-License-Identifier: GPL-3.0-or-later
"""`make drill`: see options.py for the command line and docs/drill.md for the method."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from pathlib import Path

from . import figures, powercut, run, selftest, setup
from .case import Plan
from .errors import DrillError, Ended
from .faults import offered, order
from .logic import report
from .options import parser
from .pair import Pair
from .senders import Load
from .target import STATE

# A pair that people use limits what one address may send.
OWN_RATE, LAB_RATE = 1.0, 8.0


def chosen(options: argparse.Namespace) -> list[str]:
    """The names of the faults to run."""
    there = offered(lab=not options.pair)
    if not options.faults:
        return order(list(there), options.seed)
    names = [name.strip() for name in options.faults.split(",") if name.strip()]
    if unknown := [name for name in names if name not in there]:
        raise DrillError(f"no such fault here: {', '.join(unknown)}; there are {', '.join(sorted(there))}")
    return names


def drill(pair: Pair, options: argparse.Namespace, folder: Path) -> int:
    plan = Plan(pair, folder, options.seed, _load(options), options.patience, run=folder.name)
    names = chosen(options) * options.repeat
    results, broken = run.cases(plan, names)
    cuts = []
    if pair.target.lab and options.cuts and not options.faults:
        plan.say(f"{options.cuts} copies of the disk at random instants ...")
        cuts = powercut.run(pair, folder, f"{plan.run}.cut", options.seed, plan.load, options.cuts)
        for cut in cuts:
            plan.say(powercut.line(cut))
    run.write(folder, results, broken, cuts=cuts, seed=options.seed)
    print("\n" + report.text([result.as_dict() for result in results]))
    good = not broken and all(result.verdict.good for result in results) and not any(cut.findings for cut in cuts)
    print(f"\n{'Nothing was lost' if good else 'FAILED'}; {folder}/result.json, timeline.svg, table.md")
    return 0 if good else 1


def _load(options: argparse.Namespace) -> Load:
    rate = options.rate or (OWN_RATE if options.pair else LAB_RATE)
    return Load(rate=rate, workers=1 if rate < 4 else 4)


def _ended(number: int, _frame: object) -> None:
    """Whoever ends a drill gets the pair back as it was: faults are healed, and what the drill put there is removed."""
    raise Ended(f"ended by signal {number}")


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    if options.list:
        for name, fault in sorted(offered(lab=not options.pair).items()):
            print(f"{name:20} {fault.title}")
        return 0
    folder = STATE / "drill" / time.strftime("%Y%m%d-%H%M%S")
    try:
        if not options.self_test and not options.figures:
            chosen(options)
        with setup.ground(options.pair, options.confirm) as pair:
            folder.mkdir(parents=True)
            if options.self_test or options.figures:
                if options.pair:
                    raise DrillError("--self-test and --figures change the configuration: they are for the lab only")
                return selftest.run(pair, options, folder) if options.self_test else figures.run(pair, options, folder)
            return drill(pair, options, folder)
    except (DrillError, Ended) as error:
        print(f"drill: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
