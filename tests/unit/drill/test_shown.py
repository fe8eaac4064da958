# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables, pictures and figures."""

import xml.etree.ElementTree as Tree

import pytest
from mailroom_drill.logic import goals, report, timeline
from mailroom_drill.logic.verdict import Verdict


def case(name="kill-active", **verdict):
    made = Verdict(sent=10, acknowledged=9, **verdict)
    out = {"last": 0.0, "ended": 3.5, "gap": 3.6, "after_fault": 3.5}
    return {
        "name": name,
        "verdict": made.as_dict(),
        "seconds": {"detection": 1.0, "mount": 0.25},
        "outages": {"outside": out, "inside": {**out, "after_fault": 3.7}, "imap": {**out, "gap": 0.2}},
        "phases": [
            {"name": "detection", "start": 100.0, "end": 101.0},
            {"name": "mount", "start": 101.0, "end": 101.25},
        ],
        "good": {"outside": [-2.0, -1.5, 3.5, 4.0], "inside": [-99.0, 99.0], "imap": []},
        "notes": ["a note"],
    }


def test_the_table():
    table = report.text([case(), case("kill-both", lost=["a"])])
    head, first, second = table.splitlines()
    assert head.split()[:2] == ["fault", "verdict"]
    assert first.split()[:2] == ["kill-active", "ok"]
    assert "3.70" in first.split()
    assert "-" in first.split(), "a pause between two clients is no outage"
    assert second.split()[1] == "FAILED"
    assert report.markdown([case()]).count("\n") == 2


def test_a_service_that_did_not_come_back():
    broken = case()
    broken["outages"]["imap"] = {"last": 0.0, "ended": None, "gap": 0.1, "after_fault": 50.0}
    assert "no end" in report.row(broken)


def test_findings_are_told_but_not_all():
    found = report.findings(case(lost=[f"m{number}" for number in range(9)], disk=["both"]))
    assert found[0] == "lost: m0"
    assert "lost: and 4 more" in found
    assert "disk: both" in found
    assert found[-1] == "note: a note"


def test_the_picture_is_svg_and_keeps_within_its_bounds():
    text = timeline.chart("A <title>", [case(), {**case(lost=["a"]), "phases": []}])
    root = Tree.fromstring(text)  # noqa: S314
    assert "A &lt;title&gt;" in text
    assert "kill-active  FAILED" in text
    for rect in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(rect.get("x", 0)) + float(rect.get("width")) <= timeline.WIDTH
    assert "mount 0.25 s" in text


def test_stretches_of_service():
    assert timeline.stretches([0, 0.5, 1.2, 4.0]) == [(0, 1.2), (4.0, 4.0)]
    assert timeline.stretches([]) == []


def test_goals():
    found = goals.kills([3.0, 3.5, 9.0], 0, "lab", goals=True)
    assert [(figure.value, figure.met) for figure in found] == [(3.5, True), (9.0, False), (0, True)]
    assert "MISSED" in found[1].line()
    assert "met" in found[0].line()
    assert all(figure.met for figure in goals.kills([30.0], 0, "defaults", goals=False))
    switched = goals.switches([1.0, 2.0, 3.1], "lab", goals=True)
    assert [figure.met for figure in switched] == [True, False]
    assert "goal" not in switched[0].line()


def test_a_lost_message_misses_the_goal_in_any_profile():
    assert not goals.kills([3.0], 1, "defaults", goals=False)[2].met


def test_medians_of_phases():
    found = goals.spent([{"detection": 1.0, "mount": 0.1}, {"detection": 3.0}], "lab")
    assert [(figure.what.split()[-2].strip(","), figure.value) for figure in found] == [
        ("detection", 2.0),
        ("mount", 0.1),
    ]


@pytest.mark.parametrize("share", [0, 100])
def test_a_figure_without_goal_is_met(share):
    assert goals.Figure("x", share).met
