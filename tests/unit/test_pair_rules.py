# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done with the pair: each thing that stands in the way, and beside it the same without."""

from __future__ import annotations

import pytest
from mailroom.pair_rules import Pair, Rules, blind
from pairviews import LATER, state, unreachable, view, views


def refused(what: str, seen, host: str = "", **rules) -> list[str]:
    return getattr(Pair(seen, Rules(**rules)), what)(host).as_dict()["refused"]


def one(texts: list[str]) -> str:
    assert len(texts) == 1, texts
    return texts[0]


# --- switch ----------------------------------------------------------------------------------------------------------


def test_a_healthy_pair_may_switch_to_the_other_node():
    verdict = Pair(views()).switch().as_dict()
    assert verdict == {"refused": [], "warnings": [], "needed": True, "target": "mail2", "source": "mail1"}


def test_nothing_is_needed_where_the_service_is():
    assert not Pair(views()).switch("mail1").needed


def test_an_unknown_node_is_refused():
    assert "no node mail3" in one(refused("switch", views(), "mail3"))
    assert "This is no pair" in one(refused("switch", {"mail1": view(active=True)}))


@pytest.mark.parametrize("word", ["offline", "standby", "maintenance", "pending", "unclean"])
def test_a_node_that_is_not_online_is_refused(word):
    seen = views()
    state(seen, "mail2", word)
    assert f"mail2 is {word}, says mail1." in refused("switch", seen)[0]
    assert not refused("switch", views())


def test_a_node_that_only_the_other_one_calls_offline_is_refused():
    seen = views()
    seen["mail1"]["cluster"]["nodes"]["mail2"]["state"] = "offline"
    assert one(refused("switch", seen)) == "mail2 is offline, says mail1."


def test_a_node_that_cannot_be_asked_is_refused():
    seen = views() | {"mail2": unreachable()}
    assert one(refused("switch", seen)).startswith("mail2 cannot be asked: Failed to connect")


def test_a_node_without_a_cluster_is_refused():
    seen = views()
    seen["mail2"]["cluster"] = {"problem": "crm_mon: connection refused"}
    assert one(refused("switch", seen)) == "mail2: the cluster does not run there: crm_mon: connection refused"
    seen["mail1"]["cluster"] = {"problem": "crm_mon: connection refused"}
    assert "The cluster runs on neither node that can be asked." in refused("switch", seen)


def test_the_service_leaves_a_node_that_only_the_cluster_reaches():
    seen = views() | {"mail1": unreachable()}
    verdict = Pair(seen).switch()
    assert (verdict.refused, verdict.facts["target"]) == ([], "mail2")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"problem": "cannot connect to ldapi:///"}, "mail2: its directory does not answer: cannot connect"),
        ({"csn": ""}, "mail2: its copy of the directory is not complete yet."),
        ({"provider_csn": "20261118113340.000000Z#000000#000#000000"}, "20 s behind its provider ldaps://ldap1"),
    ],
)
def test_a_replica_that_is_no_use_is_refused(changed, expected):
    seen = views()
    seen["mail2"]["directory"] |= changed
    assert expected in one(refused("switch", seen))
    # On the node that has the service it is no reason to keep the service there.
    seen = views()
    seen["mail1"]["directory"] |= changed
    assert not refused("switch", seen)


def test_a_replica_that_is_a_little_behind_is_no_reason():
    seen = views()
    seen["mail2"]["directory"]["provider_csn"] = LATER
    assert not refused("switch", seen)
    assert "5 s behind" in one(refused("switch", seen, max_lag=4))


def test_without_a_provider_the_copies_are_compared_with_each_other():
    seen = views()
    for item in seen.values():
        item["directory"] |= {"provider_csn": "", "provider_problem": "cannot connect"}
    verdict = Pair(seen).switch()
    assert verdict.refused == []
    assert "does not answer mail1: accounts cannot be changed." in verdict.warnings[0]
    seen["mail1"]["directory"]["csn"] = "20261118113340.000000Z#000000#000#000000"
    assert "20 s behind that of mail1" in one(refused("switch", seen))
    # Nobody is left to compare with.
    assert not refused("switch", seen | {"mail1": unreachable()})


def test_a_configuration_that_its_checker_refuses_is_refused():
    seen = views()
    seen["mail2"]["checks"][0]["problem"] = "unused parameter: foo"
    assert one(refused("switch", seen)) == "mail2: the configuration of Postfix is not good: unused parameter: foo"


def test_failures_and_bans_are_refused():
    found = refused("switch", views("crm_mon-failures.xml"))
    assert any("mail-postfix failed there (start: postfix check failed)" in text for text in found)
    assert any("crm_resource --clear --resource mail --node mail2" in text for text in found)
    assert any("The fencing device fence-mail1 does not work (error), says mail1." in text for text in found)
    # Failures on one node do not keep the other from taking over.
    seen = views("crm_mon-failures.xml")
    seen["mail1"]["storage"], seen["mail2"]["storage"] = seen["mail2"]["storage"], seen["mail1"]["storage"]
    assert not any("mail-postfix" in text or "cli-ban" in text for text in refused("switch", seen))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("quorum", False, "has no quorum"),
        ("maintenance", True, "maintenance mode"),
        ("stopped", True, "told to run nothing"),
        ("dc", "", "no coordinator"),
        ("fencing", False, "Fencing is switched off"),
    ],
)
def test_a_disturbed_cluster_is_refused(key, value, expected):
    seen = views()
    seen["mail1"]["cluster"][key] = value
    assert expected in one(refused("switch", seen))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"blocked": True}, "mail-dovecot has failed on mail1, says mail1."),
        ({"failed": True}, "mail-dovecot has failed on mail1, says mail1."),
        ({"managed": False}, "mail-dovecot is not managed by the cluster at the moment."),
        ({"wanted": "Stopped"}, "mail-dovecot is told to be stopped (target-role)."),
        ({"blocked": True, "nodes": []}, "mail-dovecot has failed on no node, says mail1."),
    ],
)
def test_a_disturbed_resource_is_refused(changed, expected):
    seen = views()
    seen["mail1"]["cluster"]["resources"]["mail-dovecot"] |= changed
    assert one(refused("switch", seen)) == expected


def test_two_nodes_with_the_mail_are_refused():
    seen = views()
    seen["mail2"]["storage"] = seen["mail1"]["storage"]
    assert "Both mail1 and mail2 say that they have the mail" in refused("switch", seen, "mail2")[0]


def test_nobody_with_the_mail_is_refused():
    seen = views()
    seen["mail1"]["storage"] = {"mounted": False}
    assert "Neither node" in one(refused("switch", seen))
    assert "Neither node" in refused("switch", seen, "mail2")[0]


def test_fencing_must_work_unless_the_cluster_is_a_test():
    seen = views()
    for item in seen.values():
        resources = item["cluster"]["resources"]
        item["cluster"]["resources"] = {key: value for key, value in resources.items() if not key.startswith("fence")}
        item["cluster"]["fencing"] = False
    assert refused("switch", seen) == [
        "Fencing is switched off (property stonith-enabled).",
        "The cluster has no fencing device.",
    ]
    assert not refused("switch", seen, unfenced=True)


def test_warnings_do_not_stand_in_the_way():
    seen = views("crm_mon-failures.xml")
    for item in seen.values():
        item["cluster"]["resources"]["fence-mail1"]["role"] = "Started"
        item["cluster"]["resources"]["fence-mail1"]["failed"] = False
    seen["mail1"]["links"][0]["peers"]["mail2"] = "disconnected"
    warnings = Pair(seen).switch().as_dict()["warnings"]
    assert warnings == [
        "Corosync's link 0 (10.80.3.11) of mail1 to mail2 is disconnected.",
        "fence-mail1 works, but failed at 2026-11-18 10:05:00Z (error).",
    ]


def test_long_words_of_ansible_are_cut():
    assert len(blind(unreachable("x" * 500))) == 160
    assert blind({}) == "it was not asked"
    assert blind({"failed": True, "msg": "two\nlines"}) == "two lines"


# --- maintenance -----------------------------------------------------------------------------------------------------


def test_the_node_with_the_mail_may_go_if_the_other_one_takes_over():
    verdict = Pair(views()).out("mail1").as_dict()
    assert (verdict["refused"], verdict["switch"], verdict["target"]) == ([], True, "mail2")
    seen = views()
    seen["mail2"]["directory"]["csn"] = ""
    assert "not complete" in one(refused("out", seen, "mail1"))


def test_the_node_without_the_mail_may_go_without_a_switch():
    verdict = Pair(views()).out("mail2").as_dict()
    assert (verdict["refused"], verdict["switch"], verdict["needed"]) == ([], False, True)


def test_fencing_matters_only_if_the_service_moves():
    seen = views()
    for item in seen.values():
        item["cluster"]["fencing"] = False
    assert not refused("out", seen, "mail2")
    assert one(refused("out", seen, "mail1")) == "Fencing is switched off (property stonith-enabled)."


def test_both_nodes_must_not_be_out():
    seen = views()
    state(seen, "mail2", "standby")
    assert "mail2 is standby: both nodes would be out" in one(refused("out", seen, "mail1"))
    state(seen, "mail2", "offline")
    assert "mail2 is offline: both nodes would be out" in refused("out", seen, "mail1")[0]


def test_a_node_that_is_out_stays_out():
    seen = views()
    state(seen, "mail2", "standby")
    assert not Pair(seen).out("mail2").needed


def test_a_node_must_not_go_while_nobody_has_the_mail():
    seen = views()
    seen["mail1"]["storage"] = {"mounted": False}
    for item in seen.values():
        for resource in item["cluster"]["resources"].values():
            resource["nodes"] = []
    assert "mail1 does not have the mail, so mail2 must not go." in refused("out", seen, "mail2")


def test_maintenance_wants_a_node_of_the_pair():
    assert "no node mail9" in one(refused("out", views(), "mail9"))
    assert "no node mail9" in one(refused("back", views(), "mail9"))
    assert "(no name given)" in one(refused("back", views(), ""))


def test_a_node_comes_back_also_with_its_cluster_stopped():
    seen = views()
    seen["mail2"]["cluster"] = {"problem": "not running"}
    seen["mail1"]["cluster"]["nodes"]["mail2"] |= {"state": "offline", "standby": True}
    verdict = Pair(seen).back("mail2")
    assert (verdict.refused, verdict.needed) == ([], True)
    assert not Pair(views()).back("mail2").needed


def test_a_node_does_not_come_back_with_a_configuration_that_is_not_good():
    seen = views()
    state(seen, "mail2", "standby")
    assert not refused("back", seen, "mail2")
    seen["mail2"]["checks"][0]["problem"] = "unknown setting"
    assert "unknown setting" in one(refused("back", seen, "mail2"))
    assert "cannot be asked" in one(refused("back", views() | {"mail2": unreachable()}, "mail2"))


# --- fencing ---------------------------------------------------------------------------------------------------------


def test_the_node_without_the_mail_may_be_fenced():
    verdict = Pair(views()).fence("mail2").as_dict()
    assert (verdict["refused"], verdict["source"]) == ([], "mail1")


def test_the_node_with_the_mail_is_never_fenced_on_purpose():
    assert "mail1 has the mail: fencing it would cut the service off. Fence mail2 instead" in one(
        refused("fence", views(), "mail1")
    )
    # Also when only the cluster knows.
    assert any("has the mail" in text for text in refused("fence", views() | {"mail1": unreachable()}, "mail1"))


def test_fencing_is_refused_where_it_would_not_work_or_nobody_could_do_it():
    assert "no node" in one(refused("fence", views(), ""))
    assert any("does not work" in text for text in refused("fence", views("crm_mon-failures.xml"), "mail2"))
    seen = views()
    seen["mail1"]["cluster"] = {"problem": "not running"}
    assert one(refused("fence", seen, "mail2")) == "The cluster does not run on mail1, which would do the fencing."
    seen = views()
    seen["mail1"]["storage"] = {"mounted": False}
    assert one(refused("fence", seen, "mail2")) == "mail1 does not have the mail: without mail2 nobody might."
