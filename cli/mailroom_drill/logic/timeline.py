# SPDX-License-Identifier: GPL-3.0-or-later
"""A drill as a picture: one lane for each fault, with what was answered when, and what the cluster did meanwhile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, LEFT, RIGHT, TOP = 900, 190, 20, 64
LANE, BAR = 58, 9
SERVED = "#4d7c0f"
COLOURS = {
    "detection": "#c2410c",
    "membership": "#d97706",
    "fencing": "#7e22ce",
    "stop": "#64748b",
    "mount": "#0b6e99",
    "addresses": "#0891b2",
    "daemons": "#2563eb",
    "answer": "#9ca3af",
}
WAYS = ("outside", "inside", "imap")
# Answers closer together than this are one stretch of service.
TOGETHER = 1.0


def stretches(moments: Sequence[float], together: float = TOGETHER) -> list[tuple[float, float]]:
    """Times of service from the moments of good answers."""
    found: list[tuple[float, float]] = []
    for moment in sorted(moments):
        if found and moment - found[-1][1] <= together:
            found[-1] = (found[-1][0], moment)
        else:
            found.append((moment, moment))
    return found


def chart(title: str, cases: Sequence[Mapping[str, Any]], start: float = -3.0, end: float = 20.0) -> str:
    """The cases as JSON has them; seconds are counted from the fault."""
    height = TOP + LANE * len(cases) + 40

    def x(second: float) -> float:
        share = (min(max(second, start), end) - start) / (end - start)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif"',
        ' font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15">{escape(title)}</text>',
        *_legend(),
    ]
    for second in range(int(start), int(end) + 1):
        if second % 2 == 0:
            parts.append(f'<path d="M{x(second):.1f} {TOP}V{height - 30}" stroke="#e5e5e5"/>')
            parts.append(f'<text x="{x(second):.1f}" y="{height - 16}" text-anchor="middle">{second} s</text>')
    for number, case in enumerate(cases):
        parts += _lane(case, TOP + LANE * number, x)
    parts.append(f'<path d="M{x(0):.1f} {TOP}V{height - 30}" stroke="#b91c1c"/>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _legend() -> list[str]:
    found, place = [], LEFT
    for name, colour in {"answers": SERVED, **COLOURS}.items():
        found.append(f'<rect x="{place}" y="36" width="10" height="10" fill="{colour}"/>')
        found.append(f'<text x="{place + 14}" y="45">{name}</text>')
        place += 28 + 6 * len(name)
    return found


def _lane(case: Mapping[str, Any], top: float, x: Any) -> list[str]:
    mark = "" if case["verdict"]["good"] else "  FAILED"
    parts = [f'<text x="12" y="{top + 20}">{escape(case["name"] + mark)}</text>']
    for row, way in enumerate(WAYS):
        y = top + 6 + row * (BAR + 2)
        parts.append(f'<text x="{LEFT - 6}" y="{y + BAR - 1}" font-size="8" text-anchor="end">{way}</text>')
        for begin, stop in stretches(case["good"][way]):
            if x(stop) - x(begin) > 0 or x(begin) not in (x(-1e9), x(1e9)):
                width = max(x(stop) - x(begin), 1.0)
                parts.append(f'<rect x="{x(begin):.1f}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{SERVED}"/>')
    y = top + 6 + len(WAYS) * (BAR + 2)
    origin = case["phases"][0]["start"] if case["phases"] else 0.0
    for phase in case["phases"]:
        begin, stop = phase["start"] - origin, phase["end"] - origin
        parts.append(
            f'<rect x="{x(begin):.1f}" y="{y}" width="{max(x(stop) - x(begin), 0.5):.1f}" height="{BAR}" '
            f'fill="{COLOURS[phase["name"]]}"><title>{phase["name"]} {stop - begin:.2f} s</title></rect>'
        )
    return parts
