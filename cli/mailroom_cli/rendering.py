# SPDX-License-Identifier: GPL-3.0-or-later
"""Show a plan that came from the server, in the form that was asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mailroom.plan import Change, Drift, Plan, Refusal, Step


def plan(result: Mapping[str, Any], text: str, style: str) -> str:
    """The plan of a module's result as text (`text` is what the module made of it), "json" or "markdown"."""
    if style == "json":
        facts = {key: result.get(key) for key in ("changed", "summary", "plan", "warnings")}
        return json.dumps({"ok": True, **facts}, indent=2, ensure_ascii=False) + "\n"
    if style == "markdown":
        shown = result.get("plan") or {}
        # A large plan comes as text only: its steps would take Ansible longer than the directory takes to do them.
        return from_result(shown).markdown() if "steps" in shown else f"```\n{text}```\n"
    return text


def from_result(shown: Mapping[str, Any]) -> Plan:
    """The plan out of its own data. What was masked stays masked, so the checksum is the same."""
    return Plan(
        steps=tuple(_step(**step) for step in shown["steps"]),
        existing=shown["counts"]["existing"],
        drift=tuple(Drift(**drift) for drift in shown.get("drift", ())),
        refusals=tuple(Refusal(text) for text in shown.get("refusals", ())),
    )


def _step(changes: list[dict[str, Any]], **others: Any) -> Step:
    found = [Change(change["attribute"], tuple(change["old"]), tuple(change["new"])) for change in changes]
    return Step(changes=tuple(found), **others)
