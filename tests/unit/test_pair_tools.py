# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools of the pair print is read as it was recorded."""

from __future__ import annotations

import pytest
from mailroom import pair
from pairviews import CSN, LATER, NOW, recorded


def test_cluster_is_read():
    found = pair.cluster(recorded("crm_mon.xml"))
    assert (found["dc"], found["quorum"], found["fencing"], found["maintenance"]) == ("mail1", True, True, False)
    assert found["nodes"] == {
        "mail1": {"id": "1", "state": "online", "standby": False},
        "mail2": {"id": "2", "state": "online", "standby": False},
    }
    assert found["resources"]["mail-postfix"]["group"] == "mail"
    assert found["resources"]["mail-postfix"]["nodes"] == ["mail1"]
    assert found["resources"]["fence-mail1"] == {
        "agent": "stonith:fence_docker",
        "group": "",
        "role": "Started",
        "wanted": "",
        "nodes": ["mail2"],
        "pending": "",
        "managed": True,
        "failed": False,
        "blocked": False,
    }
    assert found["fencings"][0]["delegate"] == "mail1"
    assert found["failures"] == []
    assert found["bans"][0] == {"id": "fence-mail2-avoids-mail2", "resource": "fence-mail2", "node": "mail2"}


def test_failures_fencings_and_bans_are_read():
    found = pair.cluster(recorded("crm_mon-failures.xml"))
    assert [(one["resource"], one["task"], one["node"], one["reason"]) for one in found["failures"]] == [
        ("mail-postfix", "start", "mail2", "postfix check failed"),
        ("fence-mail1", "monitor", "mail2", "error"),
    ]
    assert found["fencings"][0] == {
        "target": "mail2",
        "action": "off",
        "status": "failed",
        "delegate": "mail1",
        "completed": "2026-11-18 11:12:13.123456Z",
        "reason": "No such device",
    }
    assert found["bans"] == [{"id": "cli-ban-mail-on-mail2", "resource": "mail", "node": "mail2"}]


@pytest.mark.parametrize(
    ("old", "new", "state"),
    [
        ('standby="false"', 'standby="true"', "standby"),
        ('standby_onfail="false"', 'standby_onfail="true"', "standby"),
        (' maintenance="false" pending', ' maintenance="true" pending', "maintenance"),
        ('pending="false"', 'pending="true"', "pending"),
        ('online="true"', 'online="false"', "offline"),
        ('unclean="false"', 'unclean="true"', "unclean"),
    ],
)
def test_state_of_a_node(old, new, state):
    text = recorded("crm_mon.xml")
    line = next(line for line in text.splitlines() if '<node name="mail2"' in line and "online" in line)
    assert old in line
    found = pair.cluster(text.replace(line, line.replace(old, new)))
    assert found["nodes"]["mail2"]["state"] == state
    assert found["nodes"]["mail1"]["state"] == "online"


def test_a_node_in_standby_that_is_down_is_offline_and_known_to_be_in_standby():
    text = recorded("crm_mon.xml").replace(
        'id="2" online="true" standby="false"', 'id="2" online="false" standby="true"'
    )
    assert pair.cluster(text)["nodes"]["mail2"] == {"id": "2", "state": "offline", "standby": True}


def test_the_newer_name_of_fencing_is_known():
    assert pair.cluster(recorded("crm_mon.xml").replace("stonith-enabled", "fencing-enabled"))["fencing"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no xml", "no XML"),
        ("<pacemaker-result/>", "no summary"),
        ('<pacemaker-result><crm-mon-disconnected description="starting"/></pacemaker-result>', "starting"),
        ('<pacemaker-result><crm-mon-disconnected pacemakerd-state="init"/></pacemaker-result>', "init"),
        ("<pacemaker-result><crm-mon-disconnected/></pacemaker-result>", "does not answer"),
    ],
)
def test_what_is_no_answer_of_a_cluster(text, message):
    with pytest.raises(pair.Unreadable, match=message):
        pair.cluster(text)


def test_resources_inside_other_things_are_left_out_and_an_empty_cluster_is_read():
    text = recorded("crm_mon.xml")
    start, end = text.index("  <resources>"), text.index("  <fence_history")
    assert pair.cluster(text[:start] + text[end:])["resources"] == {}
    clone = "<resources><clone id='c'><resource id='x'/></clone></resources>"
    assert pair.cluster(text[:start] + clone + text[end:])["resources"] == {}


def test_links_are_read():
    assert pair.links(recorded("corosync-cfgtool.txt"), {"2": "mail2"}) == [
        {"link": 0, "address": "10.80.1.11", "peers": {"mail2": "connected"}},
        {"link": 1, "address": "10.80.3.11", "peers": {"mail2": "connected"}},
    ]
    assert pair.links("Could not initialize corosync configuration API error 2", {}) == []
    assert pair.links("\taddr = 1.2.3.4\n\tnodeid: 2: connected\n", {}) == []


@pytest.mark.parametrize("agent", ["IPaddr2", "address"])
def test_addresses_are_read(agent):
    cib = f"""<resources><group id="mail">
      <primitive id="mail-lan4" class="ocf" provider="heartbeat" type="{agent}"><instance_attributes id="a">
        <nvpair id="b" name="ip" value="10.80.1.10"/><nvpair id="c" name="cidr_netmask" value="24"/>
      </instance_attributes></primitive>
      <primitive id="mail-dovecot" class="ocf" provider="mailroom" type="service"><instance_attributes id="d">
        <nvpair id="e" name="ip" value="10.80.1.99"/></instance_attributes></primitive></group></resources>"""
    assert pair.addresses(cib) == ["10.80.1.10"]
    assert pair.addresses("") == []


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, "", ""),
        (0, "all is well, no errors here\n", ""),
        (0, "postconf: warning: /etc/postfix/main.cf: unused parameter: foo=bar", "unused parameter"),
        (1, "reading\ndoveconf: Fatal: Error in configuration file", "doveconf: Fatal"),
        (1, "first line\nsecond", "first line"),
        (3, "", "it ended with 3"),
    ],
)
def test_complaints_of_checkers(code, output, expected):
    found = pair.complaint(code, output)
    assert expected in found if expected else not found


def test_queue_counts_and_finds_the_oldest():
    lines = [
        '{"queue_id": "A", "arrival_time": 200}',
        '{"queue_id": "B", "arrival_time": 100}',
        "half a li",
        "[]",
        "{}",
    ]
    assert pair.queue(lines) == {"count": 2, "oldest": 100}
    assert pair.queue([]) == {"count": 0, "oldest": None}


def test_days_of_a_certificate():
    assert pair.certificate_days("notAfter=Nov 18 11:06:40 2026 GMT\n", NOW) == pytest.approx(0, abs=0.05)
    assert pair.certificate_days("notAfter=Nov  8 11:06:40 2026 GMT\n", NOW) < -9
    with pytest.raises(pair.Unreadable, match="nothing"):
        pair.certificate_days("", NOW)


def test_lag_is_the_time_between_changes():
    assert pair.lag(CSN, LATER) == 5
    assert pair.lag(LATER, CSN) == 0
    assert pair.lag("", LATER) is None
    assert pair.lag(CSN, "nothing") is None
    assert pair.csn_time("20261118113320Z#000000#000#000000") == pair.csn_time(CSN)
    assert pair.csn_time("20261118113320.5Z#000000#000#000000") == pair.csn_time(CSN) + 0.5


@pytest.mark.parametrize(
    ("protocol", "line", "good"),
    [
        ("smtp", "220 mail.example.org ESMTP", True),
        ("smtp", "220-mail.example.org waits", True),
        ("smtp", "421 4.7.0 mail.example.org Error: too many connections", True),
        ("smtp", "421 4.3.2 all server ports are busy", False),
        ("smtp", "554 no", False),
        ("imap", "* OK [CAPABILITY IMAP4rev1] ready", True),
        ("imap", "* BYE down", False),
        ("pop3", "+OK", True),
        ("sieve", '"IMPLEMENTATION" "Dovecot"', True),
        ("sieve", "", False),
    ],
)
def test_greetings(protocol, line, good):
    assert pair.greets(protocol, line) is good


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        ([], 0),
        ([(1, True), (2, True)], 0),
        ([(1, True), (2, False), (3, False), (4, True)], 3),
        ([(1, True), (2, False), (3, True), (4, False), (9, True)], 6),
        ([(1, False), (2, True)], 0),
        ([(1, True), (2, False), (7, False)], 6),
        ([(1, False), (7, False)], 0),
    ],
)
def test_outage_is_the_longest_gap_between_good_answers(attempts, expected):
    assert pair.outage(attempts) == expected
