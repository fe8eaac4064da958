# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom dns: what it asks the playbooks for, and what it makes of their results."""

from __future__ import annotations

import json

import pytest
from mailroom.codec import encode
from mailroom.plan import CREATE, Change, Plan, Step
from mailroom_cli import main as program
from mailroom_cli import play, project, rendering

STEP = Step(
    CREATE,
    "external www.widget.example. A",
    (Change("value", (), ("192.0.2.80",)),),
    group="widget.example (external)",
    kind="A",
    label="www.widget.example.",
    order="example\0widget\0www\0A",
)


@pytest.fixture
def runs(monkeypatch):
    """What a run is asked for; `answer` is what comes of it."""
    asked = {}

    def run(_context, wishes, **how):
        asked.update(how, variables=dict(wishes.variables), rest=list(wishes.rest))
        return play.Outcome(asked["code"], "", [asked["line"]] if asked["line"] else [], how["module"])

    monkeypatch.setattr(play, "run", run)

    def answer(module, result, status="ok"):
        asked.update(
            code=int(status != "ok"),
            line={"task": "t", "module": module, "host": "ns1", "status": status, "result": result},
        )
        return asked

    return answer


def planned(**more):
    plan = Plan(steps=(STEP,))
    return {"changed": True, "plan": plan.as_dict(), "summary": plan.summary, "diff": {"prepared": plan.text()}, **more}


def test_a_plan_runs_only_what_is_about_zones(runs, capsys):
    asked = runs("dns_zones", planned())
    assert program.main(["dns", "plan"]) == 2
    assert asked["playbook"] == project.DNS_PLAYBOOK
    assert asked["check"]
    assert asked["rest"] == ["--tags", "dns_zones"]
    assert "www.widget.example" in capsys.readouterr().out


def test_gates_are_lifted_by_name(runs):
    asked = runs("dns_zones", planned())
    program.main(["dns", "plan", "--allow-zone-removals", "a.example", "--allow-record-removals", "b.example=12"])
    assert asked["variables"] == {
        "mailroom_allow_zone_removals": ["a.example"],
        "mailroom_allow_record_removals": {"b.example": 12},
    }
    assert program.main(["dns", "plan", "--allow-record-removals", "b.example"]) == 64


def test_what_follows_goes_to_the_playbook(runs):
    asked = runs("dns_zones", planned())
    program.main(["dns", "plan", "--", "--ask-vault-pass"])
    assert asked["rest"] == ["--tags", "dns_zones", "--ask-vault-pass"]


@pytest.mark.parametrize("packed", [False, True])
def test_markdown_has_the_checksum_of_the_server(runs, capsys, packed):
    result = planned()
    if packed:
        result["steps_packed"] = encode(result["plan"].pop("steps"))
    runs("dns_zones", result)
    assert program.main(["dns", "plan", "--format", "markdown"]) == 2
    assert result["summary"] in capsys.readouterr().out


def test_a_refused_plan_is_shown_and_refused(runs, capsys):
    runs("dns_zones", planned(msg="Refused, nothing was written.\nwidget.example: too much"), "failed")
    assert program.main(["dns", "plan"]) == 3
    told = capsys.readouterr()
    assert "www.widget.example" in told.out
    assert "too much" in told.err


def test_errors_in_data_are_told_with_their_place(runs, capsys):
    runs("dns_zones", {"msg": "Errors in the data of DNS (1)\nzones/a.yml:3: bad", "findings": ["x"]}, "failed")
    assert program.main(["dns", "plan"]) == 4
    assert "zones/a.yml:3: bad" in capsys.readouterr().err


def test_without_a_name_server_there_is_no_plan(runs, capsys):
    runs("dns_zones", {})["line"] = None
    assert program.main(["dns", "plan"]) == 1
    assert "no name server" in capsys.readouterr().err


def test_records_of_a_domain(runs, capsys):
    answer = {"zone": "www.widget.example. 300 IN A 192.0.2.80\n", "table": "name  type\n", "records": [{"name": "w"}]}
    asked = runs("dns_records", answer)
    assert program.main(["dns", "records", "widget.example"]) == 0
    assert capsys.readouterr().out == answer["zone"]
    assert asked["variables"] == {"mailroom_dns_domain": "widget.example", "mailroom_dns_view": "external"}
    assert program.main(["dns", "records", "widget.example", "--format", "table"]) == 0
    assert capsys.readouterr().out == answer["table"]
    assert program.main(["--json", "dns", "records", "widget.example"]) == 0
    assert json.loads(capsys.readouterr().out)["records"] == [{"name": "w"}]


def test_records_of_nothing_are_unknown(runs, capsys):
    runs("dns_records", {"msg": "nothing is known of x.example", "unknown": True}, "failed")
    assert program.main(["dns", "records", "x.example"]) == 5
    assert "nothing is known" in capsys.readouterr().err


def test_a_plan_keeps_the_order_that_it_came_in():
    steps = [Step(CREATE, name, (), group="g", kind="A", label=name, order=order) for name, order in ("b1", "a2")]
    plan = Plan(steps=tuple(steps))
    assert [step.name for step in plan.steps] == ["b", "a"]
    assert rendering.from_result(plan.as_dict()).markdown() == plan.markdown()
