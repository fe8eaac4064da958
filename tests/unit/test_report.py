# SPDX-License-Identifier: GPL-3.0-or-later
"""Findings in the forms that people, programs, GitHub and GitLab read."""

from __future__ import annotations

import json

from mailroom.findings import ERROR, WARNING, Finding
from mailroom.report import FORMS

FINDINGS = [
    Finding("accounts/a,b:c.yml", 3, "mailboxes.a\nb", "100% wrong\nreally", "do: this, now", ERROR),
    Finding("accounts/widget.example.yml", 7, "", "cannot be read", "", WARNING),
    Finding("accounts/widget.example.yml", 9, "", "cannot be read", "", WARNING),
]


def test_text():
    assert FORMS["text"](FINDINGS[1:]) == (
        "accounts/widget.example.yml:7: warning: cannot be read\n"
        "accounts/widget.example.yml:9: warning: cannot be read\n"
    )
    plain = Finding("a.yml", 3, "mailboxes.bob.quota", "is not a size", "write 5G")
    assert FORMS["text"]([plain]) == "a.yml:3: error: mailboxes.bob.quota: is not a size; write 5G\n"


def test_json():
    data = json.loads(FORMS["json"](FINDINGS))
    assert (data["errors"], data["warnings"], len(data["findings"])) == (1, 2, 3)
    assert data["findings"][0] == {
        "file": "accounts/a,b:c.yml",
        "line": 3,
        "field": "mailboxes.a\nb",
        "severity": "error",
        "message": "100% wrong\nreally",
        "hint": "do: this, now",
    }
    assert json.loads(FORMS["json"]([])) == {"errors": 0, "warnings": 0, "findings": []}


def test_github_gets_one_escaped_line_for_each():
    assert FORMS["github"](FINDINGS[:2]) == (
        "::error file=accounts/a%2Cb%3Ac.yml,line=3,title=mailboxes.a%0Ab::100%25 wrong%0Areally; do: this, now\n"
        "::warning file=accounts/widget.example.yml,line=7,title=account file::cannot be read\n"
    )


def test_gitlab_gets_a_code_quality_report():
    first, second, third = json.loads(FORMS["gitlab"](FINDINGS))
    fingerprint = first.pop("fingerprint")
    assert len(fingerprint) == 64
    assert first == {
        "description": "mailboxes.a\nb: 100% wrong\nreally; do: this, now",
        "check_name": "account-files",
        "severity": "critical",
        "location": {"path": "accounts/a,b:c.yml", "lines": {"begin": 3}},
    }
    assert second["severity"] == "minor"
    assert len({fingerprint, second["fingerprint"], third["fingerprint"]}) == 3


def test_a_finding_that_moved_keeps_its_fingerprint():
    moved = Finding("accounts/a,b:c.yml", 30, "mailboxes.a\nb", "100% wrong\nreally", "do: this, now", ERROR)
    before, after = (json.loads(FORMS["gitlab"]([finding]))[0] for finding in (FINDINGS[0], moved))
    assert before["fingerprint"] == after["fingerprint"]
