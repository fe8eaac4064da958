# SPDX-License-Identifier: GPL-3.0-or-later
"""Judgements about the mail pair and the directory for playbooks/ops; the logic is in module_utils/mailroom."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

# Modules get module_utils sent along; on the controller the folder has to be named.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom.pair import lag
from mailroom.pair_report import Report
from mailroom.pair_rules import Pair, Rules
from mailroom.promotion import Directories, Record, inventory_lines

Views = Mapping[str, Mapping[str, Any]]


def pair_judge(views: Views, what: str, host: str = "", rules: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return {refused, warnings, needed, ...} for `switch`, `out`, `back` or `fence`."""
    pair = Pair(views, Rules(**(rules or {})))
    return {"switch": pair.switch, "out": pair.out, "back": pair.back, "fence": pair.fence}[what](host).as_dict()


def pair_report(
    views: Views, nodes: Iterable[str], directories: Iterable[str], rules: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return {text, attention, data} of the whole platform."""
    report = Report(views, list(nodes), list(directories), Rules(**(rules or {})))
    return {"text": report.text(), "attention": report.attention, "data": report.as_dict()}


def directory_judge(
    views: Views,
    host: str,
    names: Mapping[str, str],
    named: str = "",
    without: Iterable[str] = (),
    rules: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return {refused, warnings, needed, former, ...} for making `host` the provider."""
    return Directories(views, names, Rules(**(rules or {}))).promote(host, named, list(without)).as_dict()


def directory_record(host: str, since: str, former: Iterable[str]) -> list[str]:
    """Return the values by which the directory remembers who its provider is."""
    return Record(host, since, tuple(former)).lines()


def directory_lag(have: Mapping[str, Any]) -> float:
    """Return the seconds that a directory is behind its provider, 0 where that cannot be asked; much if useless."""
    if have["problem"] or not have["csn"]:
        return 1e9
    return lag(have["csn"], have["provider_csn"]) or 0.0


def fencing_rows(tried: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each fencing device that was tried."""
    return [
        f"{item['device'] or 'no device'} would fence {item['target']}: "
        + (item["problem"] or f"answers after {item['seconds']} s")
        for item in tried
    ]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "pair_judge": pair_judge,
            "pair_report": pair_report,
            "directory_judge": directory_judge,
            "directory_record": directory_record,
            "directory_inventory": inventory_lines,
            "directory_lag": directory_lag,
            "fencing_rows": fencing_rows,
        }
