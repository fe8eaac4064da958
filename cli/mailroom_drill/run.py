# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs cases one after another and writes what they showed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .case import Case, Plan, Result
from .errors import DrillError
from .faults import ALL
from .logic import report, timeline


def case(plan: Plan, name: str, number: int) -> Result:
    """One fault, told in two lines."""
    fault = ALL[name]()
    plan.say(f"{number:3d}  {fault.title} ...")
    result = Case(plan, fault, number).go()
    shown = result.as_dict()
    verdict = result.verdict
    silence = f"SMTP {_seconds(result.smtp)}, IMAP {_seconds(result.imap)}"
    spent = ", ".join(f"{phase.name} {phase.seconds:.2f}" for phase in result.phases)
    plan.say(
        f"     {'ok' if verdict.good else 'FAILED'}: {result.active} -> {result.now}; {silence}; "
        f"{verdict.acknowledged} acknowledged, {len(verdict.lost)} lost" + (f"; {spent}" if spent else "")
    )
    for finding in report.findings(shown):
        plan.say(f"       {finding}")
    return result


def _seconds(one: Any) -> str:
    if one.ended is None:
        return "did not come back"
    return f"back after {one.after_fault:.2f} s" if one.gap >= 1 else "without a break"


def cases(plan: Plan, names: Sequence[str], first: int = 1) -> tuple[list[Result], list[str]]:
    """All of them, also if one cannot be run to its end: that is a failure with a reason."""
    results, broken = [], []
    for number, name in enumerate(names, first):
        try:
            results.append(case(plan, name, number))
        except DrillError as error:
            broken.append(f"{name}: {error}")
            plan.say(f"     FAILED: {error}")
        write(plan.folder, results, broken)
    return results, broken


def write(folder: Path, results: Sequence[Result], broken: Sequence[str] = (), **more: Any) -> None:
    """JSON for machines, SVG for people, Markdown for the docs; after each case, as a drill may break off."""
    shown = [result.as_dict() for result in results]
    data = {"cases": shown, "broken": list(broken), **more}
    (folder / "result.json").write_text(json.dumps(data, indent=1, default=asdict) + "\n")
    (folder / "table.md").write_text(report.markdown(shown) + "\n")
    if shown:
        (folder / "timeline.svg").write_text(timeline.chart("Faults under load: what was answered when", shown))
