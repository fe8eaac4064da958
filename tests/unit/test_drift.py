# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries that others made or changed are listed apart, with who and when."""

from __future__ import annotations

import json

import pytest
from conftest import applied, domain_with, mailbox_dn, plan
from mailroom.plan import Drift

WIDGET = "widget.example"
ROOT = "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth"
BY_ROOT = {"modifiersName": [ROOT], "creatorsName": [ROOT], "modifyTimestamp": ["20261120101530Z"]}


@pytest.fixture
def live():
    return {dn: {**entry, **BY_ROOT} for dn, entry in applied(domain_with(3)).items()}


def found(result):
    return [(drift.label, drift.what, drift.owner, drift.time) for drift in result.drift]


def test_nothing_drifts_by_itself(live):
    assert plan(domain_with(3), live).drift == ()


def test_a_change_by_hand_is_an_update_and_a_drift(live):
    live[mailbox_dn("box0")]["mailroomQuota"] = ["5"]
    result = plan(domain_with(3), live)
    assert [step.label for step in result.steps] == ["box0@widget.example"]
    drift = Drift(
        mailbox_dn("box0"),
        "box0@widget.example",
        WIDGET,
        "changed by hand",
        "root on the directory's host",
        "2026-11-20T10:15:30Z",
    )
    assert result.drift == (drift,)
    assert (
        "changed by hand: box0@widget.example (by root on the directory's host 2026-11-20T10:15:30Z)\n" in result.text()
    )
    assert "### Changed by hand" in result.markdown().splitlines()
    assert json.loads(result.json())["drift"] == [vars(drift)]
    live[mailbox_dn("box0")]["modifyTimestamp"] = ["20261121000000Z"]
    assert plan(domain_with(3), live).checksum == result.checksum
    assert plan(domain_with(3), applied(domain_with(3), live)).drift == ()


def test_what_belongs_to_users_is_no_drift(live):
    live[mailbox_dn("box0")] |= {
        "userPassword": ["{ARGON2}new"],
        "jpegPhoto": ["x"],
        "modifiersName": [mailbox_dn("box0")],
    }
    live[mailbox_dn("box1")]["mailroomService"].reverse()
    assert not plan(domain_with(3), live).changed
    assert plan(domain_with(3), live).drift == ()


def test_a_change_in_the_files_alone_is_no_drift(live):
    desired = domain_with(3)
    desired[mailbox_dn("box0")] |= {"cn": ["New Name"]}
    result = plan(desired, live)
    assert (len(result.steps), result.drift) == (1, ())


def test_an_entry_that_has_no_digest_yet_is_no_drift(live):
    live[mailbox_dn("box0")].pop("mailroomDigest")
    live[mailbox_dn("box0")]["cn"] = ["Old Name"]
    result = plan(domain_with(3), live)
    assert (len(result.steps), result.drift) == (1, ())
    assert "mailroomDigest" in applied(domain_with(3), live)[mailbox_dn("box0")]


def test_a_change_by_hand_that_the_files_followed_is_noted_once(live):
    live[mailbox_dn("box0")]["title"] = ["Boss"]
    desired = domain_with(3)
    desired[mailbox_dn("box0")] |= {"title": ["Boss"]}
    del desired[mailbox_dn("box0")]["mailroomDigest"]
    assert [drift.what for drift in plan(desired, live).drift] == ["changed by hand"]
    after = applied(desired, live)
    assert (plan(desired, after).drift, plan(desired, after).steps) == ((), ())


def test_a_removed_mailbox_that_somebody_changed(live):
    live = applied(domain_with(2), live)
    assert plan(domain_with(2), live).drift == ()
    live[mailbox_dn("box2")] |= {"mailroomState": ["active"], **BY_ROOT}
    assert [drift.label for drift in plan(domain_with(2), live).drift] == ["box2@widget.example"]


@pytest.mark.parametrize(
    ("attributes", "owner", "time"),
    [
        ({"modifiersName": [mailbox_dn("ann")]}, "ann@widget.example", ""),
        ({"creatorsName": ["cn=admin,dc=mailroom,dc=example"]}, "cn=admin,dc=mailroom,dc=example", ""),
        (
            {"modifiersName": ["no name"], "modifyTimestamp": ["20261120101530.123456Z"]},
            "no name",
            "2026-11-20T10:15:30Z",
        ),
        ({"modifyTimestamp": ["yesterday"]}, "", "yesterday"),
        ({}, "", ""),
    ],
)
def test_who_made_a_foreign_entry_and_when(live, attributes, owner, time):
    live[mailbox_dn("guest")] = attributes
    assert found(plan(domain_with(3), live)) == [("guest@widget.example", "foreign", owner, time)]


def test_markdown_shows_a_foreign_entry_as_it_is(live):
    live[mailbox_dn("a`b")] = {}
    assert "- `a'b@widget.example`\n" in plan(domain_with(3), live).markdown()
