# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings as text, as JSON, and as annotations that GitHub and GitLab show in a merge request."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from hashlib import sha256

from .findings import ERROR, WARNING, Finding


def text(findings: Iterable[Finding]) -> str:
    """One line for each: file:line: severity: field: message; what to do."""
    return "".join(f"{_place(finding)}: {finding.severity}: {_message(finding)}\n" for finding in findings)


def as_json(findings: Iterable[Finding]) -> str:
    """An object with `errors` and `warnings` (numbers) and `findings`, a list of objects with Finding's fields."""
    found = [
        {name: getattr(finding, name) for name in ("file", "line", "field", "severity", "message", "hint")}
        for finding in findings
    ]
    counts = Counter(item["severity"] for item in found)
    return _dump({"errors": counts[ERROR], "warnings": counts[WARNING], "findings": found})


def github(findings: Iterable[Finding]) -> str:
    """Workflow commands of GitHub Actions (::error file=...,line=...,title=...::message), to print in a job.

    https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions
    """
    lines = []
    for finding in findings:
        properties = {"file": finding.file, "line": str(finding.line), "title": finding.field or "account file"}
        shown = ",".join(f"{name}={_escape_property(value)}" for name, value in properties.items())
        lines.append(f"::{finding.severity} {shown}::{_escape(_remark(finding))}\n")
    return "".join(lines)


def gitlab(findings: Iterable[Finding]) -> str:
    """A code quality report of GitLab (artifacts:reports:codequality).

    A fingerprint does not depend on the line, so a finding that only moved is the same one.
    https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
    """
    seen: Counter[str] = Counter()
    issues = []
    for finding in findings:
        key = "\0".join((finding.file, finding.field, finding.message))
        fingerprint = sha256(f"{key}\0{seen[key]}".encode()).hexdigest()
        seen[key] += 1
        issues.append(
            {
                "description": _message(finding),
                "check_name": "account-files",
                "fingerprint": fingerprint,
                "severity": "critical" if finding.severity == ERROR else "minor",
                "location": {"path": finding.file, "lines": {"begin": finding.line}},
            }
        )
    return _dump(issues)


FORMS: dict[str, Callable[[Iterable[Finding]], str]] = {
    "text": text,
    "json": as_json,
    "github": github,
    "gitlab": gitlab,
}


def _place(finding: Finding) -> str:
    return f"{finding.file}:{finding.line}"


def _message(finding: Finding) -> str:
    return f"{finding.field}: {_remark(finding)}" if finding.field else _remark(finding)


def _remark(finding: Finding) -> str:
    return finding.message + (f"; {finding.hint}" if finding.hint else "")


def _escape(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(value: str) -> str:
    return _escape(value).replace(":", "%3A").replace(",", "%2C")


def _dump(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, indent=2) + "\n"
