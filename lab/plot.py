# SPDX-License-Identifier: GPL-3.0-or-later
"""A plain line chart on logarithmic axes as SVG, for the docs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 40, 50
COLOURS = ("#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce")
# Series by name: points of (x, y), both over 0.
Series = Mapping[str, Sequence[tuple[float, float]]]


def chart(title: str, across: str, up: str, series: Series) -> str:
    """Return the chart; `across` and `up` name the axes."""
    points = [point for line in series.values() for point in line]
    scale = _Scale([x for x, _y in points], [y for _x, y in points])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif"',
        ' font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
        *scale.grid(),
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(across)}</text>',
        f'<text transform="translate(16 {HEIGHT / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>',
    ]
    for (name, line), colour in zip(series.items(), COLOURS, strict=False):
        places = [(scale.x(x), scale.y(y)) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        x, y = places[-1]
        parts.append(f'<text x="{x + 8:.1f}" y="{y + 4:.1f}" fill="{colour}">{escape(name)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Scale:
    """From values to places on the paper, by whole powers of ten."""

    def __init__(self, across: Sequence[float], up: Sequence[float]) -> None:
        self._across = math.floor(math.log10(min(across))), math.ceil(math.log10(max(across)))
        self._up = math.floor(math.log10(min(up))), math.ceil(math.log10(max(up)))

    def x(self, value: float) -> float:
        low, high = self._across
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        low, high = self._up
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    def grid(self) -> list[str]:
        """Lines at powers of ten, with their values."""
        found = []
        for power in range(self._across[0], self._across[1] + 1):
            x = self.x(10**power)
            found.append(f'<path d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#dddddd"/>')
            found.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{10**power:,}</text>')
        for power in range(self._up[0], self._up[1] + 1):
            y = self.y(10**power)
            found.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
            found.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
        return found
