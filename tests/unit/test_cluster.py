# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused about a cluster's data, with the exact words, and what is taken beside it."""

from __future__ import annotations

import pytest
from clustertools import MONITOR, NODES, data, device, resource
from mailroom.cluster import boot_units, fence_packages, mount_unit, problems
from mailroom.cluster_values import is_name, milliseconds, score, shown


def changed(name: str, **fields):
    """The usual resources, one of them with other fields."""
    return [{**item, **fields} if item["name"] == name else item for item in data()["resources"]]


def location(**fields):
    return [{"name": "prefers", "type": "location", "resource": "mail", "node": "mail1", **fields}]


THREE = [*NODES, {"name": "mail3", "addresses": ["10.80.1.13", "10.80.3.13"]}]
FENCED3 = [device("mail1"), device("mail2"), device("mail3")]
REFUSED = {
    "duplicate name": (
        {"groups": [{"name": "disk", "resources": ["disk", "address", "daemon"]}], "constraints": []},
        ["disk: the name is used for 2 objects"],
    ),
    "name": (
        {"constraints": location(name="a:b", score=5)},
        ["'a:b' cannot be a name in the cluster: letters, digits, and . _ - inside"],
    ),
    "one node": (
        {"nodes": NODES[:1], "two_node": False, "fence_devices": [device("mail1")]},
        ["cluster_nodes: a cluster needs at least two nodes"],
    ),
    "node twice": (
        {"nodes": [NODES[0], {**NODES[1], "name": "mail1"}], "fence_devices": [device("mail1")]},
        ["cluster_nodes: mail1 is there 2 times"],
    ),
    "not this host": (
        {"node_name": "mail3"},
        ["cluster_nodes: this host, mail3, is not among them (mail1, mail2)"],
    ),
    "links": (
        {"nodes": [NODES[0], {**NODES[1], "addresses": ["10.80.1.12"]}]},
        ["cluster_nodes: every node needs the same number of addresses, one or two, one for each link"],
    ),
    "three links": (
        {"nodes": [{"name": f"mail{n}", "addresses": [f"10.80.{link}.1{n}" for link in (1, 2, 3)]} for n in (1, 2)]},
        ["cluster_nodes: every node needs the same number of addresses, one or two, one for each link"],
    ),
    "no address": (
        {"nodes": [NODES[0], {**NODES[1], "addresses": ["mail2.example", "10.80.3.12"]}]},
        ["cluster_nodes: mail2: 'mail2.example' is no IP address"],
    ),
    "same address": (
        {"nodes": [NODES[0], {**NODES[1], "addresses": ["10.80.1.12", "10.80.3.11"]}]},
        ["cluster_nodes: 10.80.3.11 belongs to both mail1 and mail2"],
    ),
    "families": (
        {"nodes": [NODES[0], {**NODES[1], "addresses": ["10.80.1.12", "fd80::12"]}]},
        ["cluster_nodes: link 1 mixes IPv4 and IPv6"],
    ),
    "priorities": (
        {"link_priorities": [1]},
        ["cluster_link_priorities: one number for each link, or none at all"],
    ),
    "own address moves": (
        {"resources": changed("address", parameters={"ip": "10.80.1.12"})},
        ["address: 10.80.1.12 is mail2's own address and cannot move"],
    ),
    "short token": (
        {"token_ms": 600, "sched_rr": False},
        [
            "cluster_token_ms: 600 ms is shorter than a busy node may be silent: at least 1000, or 500 with "
            "cluster_sched_rr"
        ],
    ),
    "very short token": (
        {"token_ms": 400},
        [
            "cluster_token_ms: 400 ms is shorter than a busy node may be silent: at least 1000, or 500 with "
            "cluster_sched_rr"
        ],
    ),
    "long token": (
        {"token_ms": 60000},
        ["cluster_token_ms: 60000 ms: nobody would notice a dead node for so long; at most 30000"],
    ),
    "consensus of three": (
        {"nodes": THREE, "fence_devices": FENCED3, "two_node": False, "consensus_ms": 3599},
        ["cluster_consensus_ms: 3599 ms is less than 1.2 times the token (3000 ms)"],
    ),
    "consensus of two": (
        {"consensus_ms": 199},
        ["cluster_consensus_ms: 199 ms: at least 200, as nodes wait 50 ms for each other"],
    ),
    "short key": (
        {"authkey": "k" * 127},
        ["cluster_authkey: 127 bytes long; 128 to 4096 random characters are needed"],
    ),
    "two ways of quorum": (
        {"quorum_device": {"host": "192.0.2.1"}},
        ["cluster_two_node and cluster_quorum_device exclude each other: a third vote decides, or nobody does"],
    ),
    "two_node of three": (
        {"nodes": THREE, "fence_devices": FENCED3},
        ["cluster_two_node: there are 3 nodes"],
    ),
    "no way of quorum": (
        {"two_node": False},
        ["two nodes need cluster_two_node or a cluster_quorum_device, else the survivor of a failure stops as well"],
    ),
    "fencing in turns": (
        {"wait_for_all": False},
        ["cluster_wait_for_all: without it, two nodes that start at boot and do not see each other fence in turns"],
    ),
    "vote on a node": (
        {"two_node": False, "quorum_device": {"host": "10.80.3.12"}},
        ["cluster_quorum_device: 10.80.3.12 is a node of the cluster; the third vote must be somewhere else"],
    ),
    "vote of nobody": (
        {"two_node": False, "quorum_device": {"port": 5403}},
        ["cluster_quorum_device: it needs the address of its host"],
    ),
    "vote on a node by name": (
        {"two_node": False, "quorum_device": {"host": "mail2"}},
        ["cluster_quorum_device: mail2 is a node of the cluster; the third vote must be somewhere else"],
    ),
    "unfenced": (
        {"fence_devices": [device("mail1")]},
        [
            "mail2 has no fencing device. Without fencing a node that fell silent may still write to the shared disk "
            "when the other mounts it, and the mail store is lost. Describe one in cluster_fence_devices; only for a "
            "test without real mail: cluster_unfenced_test: true"
        ],
    ),
    "device of nobody": (
        {"fence_devices": [*data()["fence_devices"], device("mail11")]},
        ["fence-mail11: its host mail11 is no node of the cluster (mail1, mail2)"],
    ),
    "no agent": (
        {"fence_devices": [device("mail1", agent="ipmilan"), device("mail2", delay="1s")]},
        ["fence-mail1: 'ipmilan' is no fence agent; their names are like fence_ipmilan"],
    ),
    "secret twice": (
        {"fence_devices": [device("mail1", secret_parameters={"ip": "x"}), device("mail2", delay="1s")]},
        ["fence-mail1: ip is both a parameter and a secret parameter"],
    ),
    "levels": (
        {"fence_levels": [{"name": "l1", "target": "mail9", "level": 1, "devices": ["fence-mail1", "fence-mail9"]}]},
        ["cluster_fence_levels: mail9 is no node of the cluster", "l1: there is no fencing device fence-mail9"],
    ),
    "race": (
        {"fence_devices": [device("mail1", delay="2s"), device("mail2", parameters={"pcmk_delay_base": "2s"})]},
        [
            "cluster_fence_devices: both nodes would be fenced after the same delay, so a cut between them can kill "
            "both. Set the property priority-fencing-delay and give the group of the service a priority below 0, or "
            "give one device a `delay` of some seconds"
        ],
    ),
    "delay by a priority that nothing has": (
        {"fence_devices": FENCED3[:2], "properties": {"priority-fencing-delay": "5s"}},
        [
            "cluster_properties: priority-fencing-delay does nothing, as no resource or group has a `priority` in its "
            "meta"
        ],
    ),
    "watchdog": (
        {"properties": {"stonith-watchdog-timeout": "10s"}},
        ["stonith-watchdog-timeout: sbd needs a watchdog: name it in cluster_watchdog_device (such as /dev/watchdog)"],
    ),
    "agent": (
        {"resources": changed("address", agent="IPaddr2")},
        ["address: 'IPaddr2' is no agent; write ocf:PROVIDER:NAME or systemd:UNIT"],
    ),
    "empty group": (
        {"groups": [{"name": "mail", "resources": []}], "constraints": []},
        ["mail: a group needs resources"],
    ),
    "unknown member": (
        {"groups": [{"name": "mail", "resources": ["disk", "addres"]}]},
        ["mail: there is no resource addres"],
    ),
    "member twice": (
        {"groups": [{"name": "mail", "resources": ["disk"]}, {"name": "other", "resources": ["disk"]}]},
        ["other: disk is a member of mail already"],
    ),
    "clone of a member": (
        {"clones": [{"name": "both", "resource": "disk"}]},
        ["both: disk is a member of mail already"],
    ),
    "order": (
        {"groups": [{"name": "mail", "resources": ["daemon", "address", "disk"]}]},
        ["mail: daemon comes before disk, its file system"],
    ),
    "operations": (
        {
            "resources": changed(
                "address",
                operations=[
                    MONITOR,
                    {"name": "monitor", "interval": "10", "timeout": "9 minutes"},
                    {"name": "start", "interval": "x"},
                    {"name": "stop", "interval": "x"},
                ],
            )
        },
        [
            "address: 2 operations monitor with the same interval",
            "address: monitor: timeout is '9 minutes', which is no duration",
            "address: start: interval is 'x', which is no duration",
            "address: stop: interval is 'x', which is no duration",
        ],
    ),
    "no monitor": (
        {"resources": changed("address", operations=[{"name": "start", "timeout": "9s"}])},
        ["address: no monitor with an interval, so a failure would never be seen"],
    ),
    "impatient monitor": (
        {"resources": changed("daemon", operations=[{**MONITOR, "timeout": "5s"}])},
        ["daemon: the monitor's timeout (5 s) must exceed the agent's own (5 s) by a second"],
    ),
    "incomplete constraint": (
        {"constraints": [{"name": "c", "type": "order", "first": "mail"}]},
        ["c: a order constraint needs first and then"],
    ),
    "constraint about nothing": (
        {
            "constraints": [
                {"name": "c", "type": "colocation", "resource": "mail", "with": "nothing"},
                {"name": "d", "type": "location", "resource": "mail", "node": "mail3", "score": "-INFINITY"},
                {"name": "e", "type": "location", "resource": "mai", "node": "mail2", "score": "1"},
            ]
        },
        ["c: there is no resource nothing", "d: there is no node mail3", "e: there is no resource mai"],
    ),
    "member placed": (
        {"constraints": location(resource="disk", score=-5)},
        ["prefers: disk is a member of mail: place the group instead"],
    ),
    "score": (
        {"constraints": location(score="high")},
        ["prefers: score is 'high': a number, or INFINITY, or -INFINITY"],
    ),
    "failback": (
        {"constraints": location(score="3000")},
        [
            "prefers: with score 3000 and a stickiness of 3000, mail would move back by itself when mail1 returns. "
            "Lower the score, or say that it is meant: cluster_failback: true"
        ],
    ),
    "failback by default": (
        {"constraints": location()},
        [
            "prefers: with score INFINITY and a stickiness of 3000, mail would move back by itself when mail1 returns. "
            "Lower the score, or say that it is meant: cluster_failback: true"
        ],
    ),
    "Pacemaker's": (
        {"properties": {"dc-version": "4", "stonith-enabled": False}},
        [
            "cluster_properties: dc-version is written by Pacemaker itself",
            "cluster_properties: stonith-enabled follows from cluster_unfenced_test",
        ],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), REFUSED.values(), ids=REFUSED.keys())
def test_refused(changes, expected):
    assert problems(data(**changes)) == expected


TAKEN = {
    "as it is": {},
    "one link": {"nodes": [{**node, "addresses": node["addresses"][:1]} for node in NODES], "link_priorities": [3]},
    "short token with real-time priority": {"token_ms": 500},
    "short token of a container": {"token_ms": 1000, "consensus_ms": 600, "sched_rr": False},
    "three nodes": {"nodes": THREE, "fence_devices": FENCED3, "two_node": False},
    "a third vote": {"two_node": False, "quorum_device": {"host": "192.0.2.1"}, "fence_devices": FENCED3[:2]},
    "a fenced node that waits for a person": {"wait_for_all": False, "start_at_boot": False},
    "a test": {"unfenced_test": True, "fence_devices": []},
    "delay by priority": {
        "fence_devices": FENCED3[:2],
        "properties": {"priority-fencing-delay": "5s"},
        "groups": [{**data()["groups"][0], "meta": {"priority": -1}}],
    },
    "two devices of a node": {"fence_devices": [*data()["fence_devices"], device("mail1", name="pdu")]},
    "levels": {"fence_levels": [{"name": "l1", "target": "mail1", "level": 1, "devices": ["fence-mail1"]}]},
    "a watchdog": {"properties": {"stonith-watchdog-timeout": "10s"}, "watchdog_device": "/dev/watchdog"},
    "no operations said": {"resources": [{"name": n, "agent": "systemd:x"} for n in ("disk", "address", "daemon")]},
    "no constraints": {"constraints": [], "groups": []},
    "failback": {"constraints": location(score="INFINITY"), "failback": True},
    "a ban": {"constraints": location(node="mail2", score="-INFINITY")},
    "alone": {
        "resources": [*data()["resources"], resource("extra")],
        "constraints": [
            {"name": "l", "type": "location", "resource": "extra", "node": "mail1", "score": 999},
            {"name": "o", "type": "order", "first": "mail", "then": "extra"},
        ],
    },
    "a monitor of its own timing": {
        "resources": changed("daemon", operations=[{"name": "monitor", "interval": "2s"}, {"name": "start"}])
    },
}


@pytest.mark.parametrize("changes", TAKEN.values(), ids=TAKEN.keys())
def test_taken(changes):
    assert problems(data(**changes)) == []


def test_own_agent_with_a_strange_timeout_is_left_to_the_agent():
    changes = {"resources": changed("daemon", parameters={"unit": "postfix", "timeout": "long"})}
    assert problems(data(**changes)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10", 10000), (10, 10000), ("10s", 10000), ("500ms", 500), ("2 min", 120000), ("1h", 3600000), ("3000us", 3)]
    + [(text, None) for text in ("", "soon", "-1s", True, "1.5s")],
)
def test_durations(text, expected):
    assert milliseconds(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5", 5), (-7, -7), ("INFINITY", 1000000), ("-INFINITY", -1000000), ("+3", 3), ("9999999", 1000000)]
    + [(text, None) for text in ("", "much", True, "1.5")],
)
def test_scores(text, expected):
    assert score(text) == expected


def test_words():
    assert [is_name(text) for text in ("mail-1", "_x", "1x", "a:b", "", 7)] == [True, True, False, False, False, False]
    assert [shown(value) for value in (True, False, 3, "x")] == ["true", "false", "3", "x"]


def test_units_that_the_cluster_runs():
    resources = [*data()["resources"], resource("other", "ocf:mailroom:service", unit="a@b.service")]
    assert boot_units(resources) == ["srv-mailroom.mount", "postfix.service", "a@b.service"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/", "-.mount"), ("/srv/mail room/", "srv-mail\\x20room.mount"), ("/a-b", "a\\x2db.mount")],
)
def test_mount_units(path, expected):
    assert mount_unit(path) == expected


def test_packages_of_fence_agents():
    agents = ("fence_vmware_rest", "fence_ilo4", "fence_ipmilan", "fence_watchdog", "fence_xvm")
    assert fence_packages([{"agent": agent} for agent in agents]) == [
        "fence-agents-ipmilan",
        "fence-agents-vmware-rest",
        "fence-virt",
    ]
