# SPDX-License-Identifier: GPL-3.0-or-later
"""Which replica may become the directory's provider, and who must step down."""

from __future__ import annotations

import pytest
from mailroom.pair_rules import Rules
from mailroom.promotion import Directories, Record, host_of, inventory_lines, may_step_down, read_record
from pairviews import CSN, LATER, NOW, directory, unreachable, view

NAMES = {name: f"{name}.mailroom.example" for name in ("ldap1", "mail1", "mail2")}
MUCH_LATER = "20261118113420.000000Z#000000#000#000000"


def seen(**changed):
    """ldap1 is the provider of mail1 and mail2; `changed` replaces what a host says of its directory."""
    have = {"ldap1": directory("provider"), "mail1": directory(), "mail2": directory()}
    return {
        name: unreachable("No route to host")
        if changed.get(name, 0) is None
        else view(name, time=NOW + 10_000, directory=item | changed.get(name, {}))
        for name, item in have.items()
    }


LOST = {"provider_csn": "", "provider_problem": "cannot connect to ldaps://ldap1: Can't contact LDAP server"}


def lost(**changed):
    """The same with ldap1 gone."""
    return seen(
        ldap1=changed.get("ldap1"),
        mail1=None if changed.get("mail1", 0) is None else LOST | changed.get("mail1", {}),
        mail2=LOST | changed.get("mail2", {}),
    )


def promote(views, host="mail2", named="", without=()):
    return Directories(views, NAMES, Rules()).promote(host, named, without).as_dict()


def test_a_lost_provider_is_replaced():
    found = promote(lost())
    assert found["refused"] == []
    assert found["warnings"] == ["ldap1: cannot be told now; run this again when they are back."]
    assert (found["needed"], found["planned"], found["recorded"]) == (True, False, False)
    assert (found["former"], found["followers"], found["unreachable"]) == (["ldap1"], ["mail1"], ["ldap1"])
    assert found["standings"] == [
        "mail2 replica 20261118113320.000000Z",
        "mail1 replica 20261118113320.000000Z",
        "ldap1 does not answer",
    ]


def test_without_a_name_it_shows_who_has_what():
    found = promote(lost(mail1={"csn": LATER}), "")
    assert found["refused"] == [
        "There is no host named (-e host=NAME). They are: mail1 replica 20261118113325.000000Z; "
        "mail2 replica 20261118113320.000000Z; ldap1 does not answer."
    ]
    assert "no directory server mail9" in promote(lost(), "mail9")["refused"][0]


def test_a_provider_that_answers_is_not_replaced_unless_it_is_named():
    assert promote(seen())["refused"] == [
        "The provider ldap1 still answers (asked by ldap1, mail1, mail2): two providers would part the directory. "
        "If mail2 shall take its place although it is well, name it: -e replaces=ldap1"
    ]
    found = promote(seen(), named="ldap1")
    assert (found["refused"], found["planned"], found["former"]) == ([], True, ["ldap1"])
    assert found["followers"] == ["ldap1", "mail1"]
    # Its host is down for us, and a replica still reaches it.
    assert "(asked by mail1, mail2)" in promote(seen(ldap1=None))["refused"][0]
    # It is there, and does not let this replica in.
    views = lost(mail1={"provider_problem": "answers, but: cannot connect: Invalid credentials"})
    assert "(asked by mail1)" in promote(views)["refused"][0]


def test_a_replica_behind_another_one_is_refused():
    found = promote(lost(mail1={"csn": LATER}))
    assert len(found["refused"]) == 1
    assert f"mail1 is newer than mail2 ({LATER} against {CSN})" in found["refused"][0]
    assert found["refused"][0].endswith("Promote mail1.")
    assert promote(lost(mail1={"csn": LATER}), "mail1")["refused"] == []


def test_what_cannot_be_compared_must_be_named():
    found = promote(lost(mail1=None))
    assert found["refused"] == [
        "mail1 cannot be compared with mail2: No route to host. If it is lost, name it: -e without=mail1"
    ]
    assert promote(lost(mail1=None), without=["mail1"])["refused"] == []
    assert "it hangs" in promote(lost(mail1={"problem": "it hangs"}))["refused"][0]


def test_a_provider_that_steps_down_must_not_be_far_ahead():
    views = seen(ldap1={"csn": LATER}, mail2={"provider_csn": LATER})
    assert promote(views, named="ldap1")["refused"] == []
    views = seen(ldap1={"csn": MUCH_LATER}, mail2={"provider_csn": MUCH_LATER})
    assert "Wait until mail2 has caught up." in promote(views, named="ldap1")["refused"][0]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"problem": "it hangs"}, "The directory on mail2 does not answer: it hangs"),
        ({"csn": ""}, "The copy on mail2 is not complete, so it is no base for others."),
    ],
)
def test_a_replica_that_is_no_use_is_refused(changed, expected):
    assert expected in promote(lost(mail2=changed))["refused"]


def test_a_host_that_cannot_be_asked_is_refused():
    assert "mail2 cannot be asked: No route to host" in promote(seen(mail2=None))["refused"]


def test_a_clock_behind_the_newest_change_is_refused():
    views = lost()
    views["mail2"]["time"] = NOW - 86400
    assert "The clock of mail2 is" in promote(views)["refused"][0]


def test_names_that_are_wrong_are_refused():
    assert promote(lost(), named="mail2")["refused"] == ["mail2 cannot take its own place (-e replaces=mail2)."]
    assert promote(lost(), named="mail9")["refused"] == ["There is no directory server mail9 (-e replaces=mail9)."]
    # mail1 is a replica: naming it does not lift what is said of ldap1.
    assert "The provider ldap1 still answers" in promote(seen(), named="mail1")["refused"][0]


PROMOTED = {
    "role": "provider",
    "provider": "",
    "record": ["provider mail2", "since 2026-11-18T03:00:00Z", "former ldap1"],
    "csn": LATER,
}
FOLLOWS = {"provider": "ldaps://mail2.mailroom.example", "csn": LATER, "provider_csn": LATER}


def test_a_former_provider_that_returns_is_what_the_second_run_is_for():
    found = promote(seen(mail2=PROMOTED, mail1=FOLLOWS))
    assert (found["refused"], found["needed"], found["recorded"]) == ([], True, True)
    assert (found["former"], found["followers"], found["planned"]) == (["ldap1"], ["ldap1", "mail1"], False)
    # Another host may not take it for well either.
    assert "The provider ldap1 still answers" in promote(seen(mail2=PROMOTED, mail1=FOLLOWS), "mail1")["refused"][0]


def test_where_everybody_follows_nothing_is_needed():
    found = promote(seen(mail2=PROMOTED, mail1=FOLLOWS, ldap1={"role": "replica"} | FOLLOWS))
    assert (found["refused"], found["needed"], found["former"]) == ([], False, ["ldap1"])
    # It stopped taking changes for a promotion that came to nothing.
    views = seen(mail2=PROMOTED | {"read_only": True}, mail1=FOLLOWS, ldap1={"role": "replica"} | FOLLOWS)
    assert promote(views)["needed"]
    assert not promote(seen(), "ldap1")["needed"]


def test_the_way_back():
    views = seen(mail2=PROMOTED, mail1=FOLLOWS, ldap1={"role": "replica"} | FOLLOWS)
    assert "-e replaces=mail2" in promote(views, "ldap1")["refused"][0]
    found = promote(views, "ldap1", named="mail2")
    assert (found["refused"], found["planned"], found["former"]) == ([], True, ["mail2"])


def test_the_newest_record_counts():
    older = {"record": ["provider ldap1", "since 2026-11-01T00:00:00Z", "former mail1"]}
    views = seen(mail2=PROMOTED, mail1=FOLLOWS | older, ldap1={"role": "replica"} | FOLLOWS)
    assert Directories(views, NAMES, Rules()).record == Record("mail2", "2026-11-18T03:00:00Z", ("ldap1",))


def test_records_are_written_as_they_are_read():
    record = Record("mail2", "2026-11-18T03:00:00Z", ("ldap1", "mail1"))
    assert read_record(record.lines()) == record
    assert read_record([]) == Record()


def test_who_may_step_down():
    record = read_record(PROMOTED["record"])
    assert may_step_down("ldap1", record)
    assert not may_step_down("mail2", record)
    assert not may_step_down("mail1", record)
    assert not may_step_down("ldap1", Record())


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("ldaps://ldap1.mailroom.example", "ldap1.mailroom.example"),
        ("ldaps://ldap1:636/", "ldap1"),
        ("ldaps://[2001:db8::1]:636", "[2001:db8::1]"),
        ("nothing", "nothing"),
    ],
)
def test_hosts_in_uris(uri, host):
    assert host_of(uri) == host


def test_hosts_are_known_by_both_names():
    servers = Directories(seen(mail1={"provider": "ldaps://ldap1"}), NAMES, Rules())
    assert servers.by_name("ldaps://ldap1") == "ldap1"
    assert servers.by_name("ldaps://other.example") == "other.example"


def test_what_the_inventory_has_to_say():
    assert inventory_lines("mail2", ["ldap1"], ["ldap1"], ["mail1", "mail2"]) == [
        "directory_provider: mail2   (instead of ldap1)",
        "directory_replica: mail1, ldap1   (without mail2)",
    ]
    assert inventory_lines("mail2", ["ldap1"], ["mail2"], ["mail1", "ldap1"]) == []
    assert inventory_lines("mail1", [], [], ["mail1"]) == [
        "directory_provider: mail1",
        "directory_replica: nobody   (without mail1)",
    ]
