# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that are set because a mailbox was named, and one-time passwords that two runs made."""

from __future__ import annotations

import json

import pytest
from conftest import BASE, mailbox_dn
from mailroom import password_file
from mailroom.passwords import PENDING
from mailroom.plan import CREATE, DELETE, UPDATE, Change, Plan, Step
from mailroom.resets import setting, with_resets

DESIRED = {
    mailbox_dn("ann"): {"mailroomUser": ["ann@widget.example"], "userPassword": [PENDING]},
    mailbox_dn("anna"): {"mailroomUser": ["anna@widget.example"], "userPassword": ["{ARGON2}hash"]},
}
TITLE = Change("title", (), ("Chief",))


def reset(plan, *addresses):
    return with_resets(plan, DESIRED, BASE, addresses)


def test_without_a_name_nothing_is_reset():
    plan = Plan()
    assert reset(plan) is plan


def test_a_named_mailbox_gets_its_password_and_its_neighbour_none():
    plan = reset(Plan(secrets=frozenset({"userPassword"})), "ANN@Widget.Example")
    assert [(step.action, step.name, step.label) for step in plan.steps] == [
        (UPDATE, mailbox_dn("ann"), "ann@widget.example")
    ]
    assert plan.steps[0].changes == (Change("userPassword", (), (PENDING,)),)
    assert setting(plan, DESIRED) == {"ann@widget.example": True}
    assert "userPassword: +********" in plan.text()


def test_it_joins_other_changes_of_the_mailbox():
    plan = reset(Plan((Step(UPDATE, mailbox_dn("anna"), (TITLE,)),)), "anna@widget.example")
    assert plan.steps[0].changes == (TITLE, Change("userPassword", (), ("{ARGON2}hash",)))
    assert setting(plan, DESIRED) == {"anna@widget.example": False}
    assert reset(plan, "anna@widget.example") == plan


def test_a_new_mailbox_gets_its_password_anyway():
    step = Step(CREATE, mailbox_dn("ann"), (Change("userPassword", (), (PENDING,)),))
    plan = Plan((step, Step(DELETE, mailbox_dn("old"))))
    assert reset(plan, "ann@widget.example") == plan


@pytest.mark.parametrize("name", ["an@widget.example", "ann", "ann@other.test"])
def test_a_name_that_is_no_mailbox_is_refused(name):
    plan = reset(Plan(), name)
    assert [str(refusal) for refusal in plan.refusals] == [
        f"{name} of reset_passwords is no mailbox of the account files. Correct it."
    ]
    assert plan.steps == ()


def test_of_two_runs_the_one_that_wrote_leaves_its_passwords(tmp_path):
    file = str(tmp_path / "passwords.json")
    password_file.add(file, {"other@a.test": "kept"})
    first, second = {"ann@a.test": "first"}, {"ann@a.test": "second", "new@a.test": "second too"}
    before_first = password_file.add(file, first)
    before_second = password_file.add(file, second)
    password_file.settle(file, first, ["ann@a.test"], before_first)
    password_file.settle(file, second, [], before_second)
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"ann@a.test": "first", "other@a.test": "kept"}


def test_a_run_that_lost_puts_back_what_it_replaced(tmp_path):
    file = str(tmp_path / "passwords.json")
    password_file.add(file, {"ann@a.test": "first"})
    replaced = password_file.add(file, {"ann@a.test": "second"})
    password_file.settle(file, {"ann@a.test": "second"}, [], replaced)
    assert json.loads((tmp_path / "passwords.json").read_text()) == {"ann@a.test": "first"}
