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
        return indented({"ok": True, **facts}) + "\n"
    if style == "markdown":
        # Without the accounts task there is no plan: `-- --list-tasks`.
        return from_result(result["plan"]).markdown() if "plan" in result else f"```\n{text}```\n"
    return text


def indented(data: Any, step: str = "") -> str:
    """JSON for people and programs. Each step of a plan is one line: indented, 50,000 would take many seconds."""
    encode = json.JSONEncoder(ensure_ascii=False).encode
    if not isinstance(data, Mapping) or not data:
        return json.dumps(data, ensure_ascii=False, indent=2).replace("\n", f"\n{step}")
    deeper = f"{step}  "
    lines = []
    for key, value in data.items():
        if key == "steps" and value:
            shown = "[\n" + ",\n".join(f"{deeper}  {encode(item)}" for item in value) + f"\n{deeper}]"
        else:
            shown = indented(value, deeper)
        lines.append(f"{deeper}{encode(str(key))}: {shown}")
    return "{\n" + ",\n".join(lines) + f"\n{step}}}"


def from_result(shown: Mapping[str, Any]) -> Plan:
    """The plan out of its own data. What was masked stays masked, so the checksum is the same."""
    return Plan(
        # They come in their order, which data does not otherwise tell.
        steps=tuple(_step(f"{position:09}", **step) for position, step in enumerate(shown["steps"])),
        existing=shown["counts"]["existing"],
        drift=tuple(Drift(**drift) for drift in shown.get("drift", ())),
        refusals=tuple(Refusal(text) for text in shown.get("refusals", ())),
    )


def _step(order: str, /, changes: list[dict[str, Any]], **others: Any) -> Step:
    found = [Change(change["attribute"], tuple(change["old"]), tuple(change["new"])) for change in changes]
    return Step(changes=tuple(found), order=order, **others)
