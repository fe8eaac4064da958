# SPDX-License-Identifier: GPL-3.0-or-later
"""The screen about the pair, and what on it needs attention."""

from __future__ import annotations

import pytest
from mailroom.pair_report import Report, age
from mailroom.pair_rules import Rules
from pairviews import CSN, NOW, directory, state, unreachable, view, views

NODES, DIRECTORIES = ["mail1", "mail2"], ["ldap1", "mail1", "mail2"]


def platform(cluster: str = "crm_mon.xml"):
    provider = view("ldap1", cluster=cluster, directory=directory("provider"))
    provider["cluster"], provider["links"], provider["greetings"] = {"problem": "crm_mon is not installed"}, [], {}
    return views(cluster) | {"ldap1": provider}


def report(seen, nodes=NODES, **rules):
    return Report(seen, nodes, DIRECTORIES, Rules(**rules))


def attention(seen, **rules) -> list[str]:
    return report(seen, **rules).attention


def test_a_healthy_platform_needs_no_attention_and_fits_on_a_screen():
    text = report(platform()).text()
    assert report(platform()).attention == []
    assert text.splitlines()[0] == "2026-11-18 11:06:40 UTC  all is well"
    for line in (
        "  active       mail1 (10.80.1.10 smtp imap)",
        "  nodes        mail1 online, mail2 online; quorum, coordinator mail1",
        "  links        0 connected",
        "  resources    7 of 7 started",
        "  fencing      fence-mail1 works (watched by mail2)",
        "               fence-mail2 works (watched by mail1)",
        "               last reboot of mail1: success 2026-11-27 08:15:37.774217Z",
        "               last reboot of mail2: success 2026-11-27 08:16:46.174221Z",
        "  queue        2 messages, the oldest 90 seconds",
        "  disk         40 % used, 600.0 B free of 1000.0 B; inodes 10 % used",
        "  directory    ldap1: provider, newest change 20261118113320.000000Z",
        "               mail1: replica of ldap1.mailroom.example, up to date",
        "  certificates ldap1 90 days, mail1 90 days, mail2 90 days",
    ):
        assert line in text.splitlines()
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 100


def test_it_works_while_a_node_is_down():
    seen = platform() | {"mail1": unreachable("No route to host")}
    for item in seen.values():
        if "cluster" in item and "nodes" in item["cluster"]:
            item["cluster"]["nodes"]["mail1"]["state"] = "offline"
            for resource in item["cluster"]["resources"].values():
                resource["nodes"] = ["mail2"] if resource["group"] else []
    seen["mail2"]["storage"] = views()["mail1"]["storage"]
    found = report(seen)
    assert found.attention == [
        "mail1 cannot be asked: No route to host",
        "mail1 is offline.",
    ]
    assert "  active       mail2" in found.text()
    assert "mail1: cannot be asked" in found.text()
    assert "2 things need attention" in found.text()
    assert found.as_dict()["hosts"]["mail1"] == {"unreachable": "No route to host"}


def test_it_works_while_nobody_can_be_asked():
    seen = {name: unreachable() for name in DIRECTORIES}
    found = report(seen)
    assert "nobody" in found.text()
    assert "no node that can be asked runs it" in found.text()
    assert "none could be read" in found.text()
    assert "The cluster runs on neither node that can be asked." in found.attention
    assert not found.as_dict()["well"]


def test_it_works_while_the_provider_is_down():
    seen = platform() | {"ldap1": unreachable("No route to host")}
    for name in NODES:
        seen[name]["directory"] |= {"provider_csn": "", "provider_problem": "cannot connect"}
    found = report(seen)
    assert found.attention == [
        "ldap1 cannot be asked: No route to host",
        "mail1 does not reach its directory's provider ldaps://ldap1.mailroom.example: cannot connect",
        "mail2 does not reach its directory's provider ldaps://ldap1.mailroom.example: cannot connect",
    ]
    assert "mail1: replica of ldap1.mailroom.example, up to date, does not reach it" in found.text()
    seen["mail1"]["directory"]["csn"] = "20261118113420.000000Z#000000#000#000000"
    assert "mail2: its directory is 60 s behind." in attention(seen)


def test_a_platform_without_a_pair_has_a_screen_too():
    found = report(platform(), nodes=[])
    assert found.attention == []
    assert "none in this inventory" in found.text()


@pytest.mark.parametrize(
    ("part", "changed", "expected"),
    [
        ("greetings", {"smtp 10.80.1.10": "timed out"}, "smtp 10.80.1.10 does not serve: timed out"),
        ("storage", {"writable": False}, "mail1: the shared file system is mounted read-only."),
        ("storage", {"problem": "the file system does not answer"}, "mail1: the file system does not answer"),
        ("storage", {"free": 150}, "The shared file system has used 85 % of its space."),
        ("storage", {"inodes_free": 5}, "The shared file system has used 95 % of its inodes."),
        ("queue", {"problem": "postqueue hangs"}, "mail1: the queue cannot be read: postqueue hangs"),
        ("queue", {"count": 1001}, "The queue has 1001 messages."),
        ("queue", {"oldest": NOW - 5 * 3600}, "The oldest message in the queue is 5 hours old."),
        ("directory", {"problem": "it hangs"}, "mail1: its directory does not answer: it hangs"),
        ("directory", {"csn": ""}, "mail1: its copy of the directory is not complete."),
        ("directory", {"read_only": True}, "mail1: its directory takes no changes at the moment (olcReadOnly)."),
        ("directory", {"role": "provider"}, "ldap1 and mail1 both take changes to the directory: there must be one"),
    ],
)
def test_what_needs_attention_on_the_node_with_the_mail(part, changed, expected):
    seen = platform()
    seen["mail1"][part] |= changed
    assert [text for text in attention(seen) if text.startswith(expected)] != []
    assert report(seen).text().count("\n! ") == len(attention(seen))


def test_the_same_next_to_its_limit_needs_no_attention():
    seen = platform()
    seen["mail1"]["storage"] |= {"free": 160, "inodes_free": 16}
    seen["mail1"]["queue"] |= {"count": 1000, "oldest": NOW - 3 * 3600}
    seen["mail1"]["certificates"][0]["days"] = 14.1
    assert attention(seen) == []


def test_certificates_that_end_or_cannot_be_read_need_attention():
    seen = platform()
    seen["mail2"]["certificates"] = [
        {"path": "a.crt", "days": 3.2, "problem": ""},
        {"path": "b.crt", "days": None, "problem": "No such file"},
    ]
    assert attention(seen) == ["mail2: a.crt ends in 3 days.", "mail2: b.crt cannot be read: No such file"]
    assert "mail2 3 days" in report(seen).text()


def test_a_replica_behind_its_provider_needs_attention():
    seen = platform()
    seen["mail2"]["directory"]["provider_csn"] = "20261118113420.000000Z#000000#000#000000"
    assert attention(seen) == ["mail2: its directory is 60 s behind."]
    assert "mail2: replica of ldap1.mailroom.example, 60 s behind" in report(seen).text()
    seen["mail2"]["directory"]["csn"] = ""
    assert "mail2: replica of ldap1.mailroom.example, not complete" in report(seen).text()


def test_a_provider_is_behind_nobody():
    seen = platform()
    seen["ldap1"]["directory"]["csn"] = "20261118110000.000000Z#000000#000#000000"
    assert attention(seen) == []


def test_who_was_promoted_is_shown():
    seen = platform()
    seen["ldap1"]["directory"]["record"] = ["provider ldap1", "since 2026-11-18T01:00:00Z", "former mail2"]
    assert "provider, newest change 20261118113320.000000Z, provider since 2026-11-18T01:00:00Z" in report(seen).text()


def test_a_cluster_in_trouble_needs_attention():
    found = report(platform("crm_mon-failures.xml"))
    assert "The last fencing of mail2 failed (No such device)." in found.attention
    assert "fence-mail1 DOES NOT WORK (stopped)" in found.text()
    seen = platform()
    state(seen, "mail2", "standby")
    assert "mail2 is standby" in attention(seen)[0]
    seen["mail1"]["links"] = []
    seen["mail2"]["links"] = [{"link": 0, "address": "", "peers": {}}]
    assert "  links        0 alone" in report(seen).text()
    seen["mail2"]["links"] = []
    assert "  links        none" in report(seen).text()


def test_nobody_with_the_mail_needs_attention():
    seen = platform()
    seen["mail1"]["storage"] = {"mounted": False}
    for name in NODES:
        for resource in seen[name]["cluster"]["resources"].values():
            resource |= {"nodes": [], "role": "Stopped"} if resource["group"] else {}
    found = report(seen)
    assert "Nobody has the mail: neither node that can be asked has the shared file system mounted." in found.attention
    assert "mail-postfix is stopped." in found.attention
    assert "  active       nobody\n" in found.text()
    assert "0 of 7 started; not: mail-filesystem mail-lan4" in found.text()


def test_a_cluster_that_never_fenced_and_one_without_devices():
    seen = platform()
    for name in NODES:
        cluster = seen[name]["cluster"]
        cluster["fencings"] = []
        cluster["resources"] = {key: item for key, item in cluster["resources"].items() if item["group"]}
    assert "nobody was fenced as far as the cluster remembers" in report(seen).text()
    assert attention(seen) == ["The cluster has no fencing device."]
    assert attention(seen, unfenced=True) == []


def test_a_disk_that_does_not_answer_has_no_line():
    seen = platform()
    seen["mail1"]["storage"] = {"mounted": True, "writable": True, "problem": "the file system does not answer"}
    seen["mail1"]["queue"] = {"problem": "no answer"}
    text = report(seen).text()
    assert "disk" not in text.partition("!")[0]
    assert "  queue        ? messages" in text


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(-3, "0 seconds"), (90, "90 seconds"), (180, "3 minutes"), (3 * 3600, "3 hours"), (3 * 86400, "3 days")],
)
def test_ages(seconds, expected):
    assert age(seconds) == expected


def test_sizes_and_data():
    seen = platform()
    seen["mail1"]["storage"] |= {"size": 5 * 2**40, "free": 3 * 2**40}
    assert "3.0 TiB free of 5.0 TiB" in report(seen).text()
    found = report(seen).as_dict()
    assert (found["well"], found["active"], found["hosts"]["mail2"]["directory"]["csn"]) == (True, ["mail1"], CSN)
