# SPDX-License-Identifier: GPL-3.0-or-later
"""Account files with something wrong between objects, in few words."""

from __future__ import annotations

from conftest import ALICE, Tree

P = ALICE + "  bob: {name: Bob}\n"
DESK = "shared:\n  desk: {name: Desk, agents: {%s}}\n"
GADGET = "domain: gadget.example\naliases: {postmaster: [zoe], abuse: [zoe]}\nmailboxes: {zoe: {name: Zoe}}\n"


def bob(fields: str) -> str:
    """Account files with a mailbox `bob` that has these fields."""
    return ALICE + f"  bob: {{name: Bob, {fields}}}\n"


def team(fields: str) -> str:
    """A group `team`."""
    return f"groups:\n  team: {{name: T, {fields}}}\n"


def found(tree: Tree, texts: list[str]) -> list[str]:
    """What is found in widget.example.yml and, with a second text, gadget.example.yml: severity, place, words."""
    for file, text in zip(("widget.example.yml", "gadget.example.yml"), texts, strict=False):
        tree.write(file, text)
    return [f"{finding.severity}: {finding}".replace(f"{tree.folder}/", "") for finding in tree.read().findings]
