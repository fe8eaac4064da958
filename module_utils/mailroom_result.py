# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan as the result of a module, whatever it is about: shown, and refused where a gate says so."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.mailroom.codec import encode

# Ansible takes longer to pass the steps of a large plan around than the server takes to do them.
MOST_STEPS = 500


def described(plan: Any, *, whole: bool = False) -> dict[str, Any]:
    """The part of a module's result that shows the plan; with `whole` the steps of a large one too, as one text."""
    few = len(plan.steps) <= MOST_STEPS
    shown = {"plan": plan.as_dict(steps=few), "summary": plan.summary, "writes": 0}
    return shown | ({"steps_packed": encode(plan.as_dict()["steps"])} if whole and not few else {})


def judge(module: Any, plan: Any, result: dict[str, Any]) -> None:
    """Add the diff to the result. Fail the module if the plan is refused, or is not the one that was reviewed."""
    if module._diff:
        result["diff"] = {"prepared": plan.text()} if plan.changed else {}
    refusals = list(map(str, plan.refusals))
    reviewed = module.params.get("checksum", "").removeprefix("sha256:")
    if reviewed and reviewed != plan.checksum:
        refusals.append(
            f"The plan is not the one that was reviewed (sha256:{reviewed}): it is now sha256:{plan.checksum}. "
            "Look at it again, and give the checksum that it has now."
        )
    if refusals:
        module.fail_json(msg="\n".join(["Refused, nothing was written.", *refusals]), written=False, **result)
