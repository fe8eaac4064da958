# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of a drill, for a terminal and for the docs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import phases

HEAD = (
    "fault", "verdict", "sent", "acked", "lost", "unexp.", "corrupt", "dup.", "resent", "repeat", "UIDs", "late",
    "SMTP s", "IMAP s", *phases.PHASES[:-1], phases.ANSWER,
)  # fmt: skip


def row(case: Mapping[str, Any]) -> list[str]:
    """One case, from what is in the JSON file."""
    verdict, seconds = case["verdict"], case["seconds"]
    counts = ("lost", "unexpected", "corrupt", "duplicates", "resent", "repeated", "uids")
    out = case["outages"]
    smtp = max((out["outside"], out["inside"]), key=lambda one: (one["ended"] is None, one["after_fault"]))
    return [
        case["name"],
        "ok" if verdict["good"] else "FAILED",
        str(verdict["sent"]),
        str(verdict["acknowledged"]),
        *(str(len(verdict[name])) for name in counts),
        str(verdict["delayed"]),
        _silence(smtp),
        _silence(out["imap"]),
        *(f"{seconds[name]:.2f}" if name in seconds else "" for name in phases.PHASES),
    ]


def _silence(one: Mapping[str, Any]) -> str:
    """Seconds from the fault to the next good answer; a pause between two clients is no outage."""
    if one["ended"] is None:
        return "no end"
    return f"{one['after_fault']:.2f}" if one["gap"] >= 1.0 else "-"


def text(cases: Sequence[Mapping[str, Any]]) -> str:
    """For a terminal."""
    rows = [list(HEAD), *(row(case) for case in cases)]
    widths = [max(len(line[column]) for line in rows) for column in range(len(HEAD))]
    shown = []
    for line in rows:
        first, *rest = zip(line, widths, strict=True)
        shown.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]))
    return "\n".join(line.rstrip() for line in shown)


def markdown(cases: Sequence[Mapping[str, Any]]) -> str:
    """For the docs."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    lines += ["| " + " | ".join(row(case)) + " |" for case in cases]
    return "\n".join(lines)


def findings(case: Mapping[str, Any], most: int = 5) -> list[str]:
    """What is behind a verdict that is not good, and what was explained."""
    verdict, found = case["verdict"], []
    for name in ("lost", "unexpected", "corrupt", "duplicates", "uids", "disagree", "disk", "unmet"):
        found += [f"{name}: {one}" for one in verdict[name][:most]]
        if len(verdict[name]) > most:
            found.append(f"{name}: and {len(verdict[name]) - most} more")
    return [*found, *(f"note: {one}" for one in case["notes"])]
