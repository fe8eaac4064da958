# SPDX-License-Identifier: GPL-3.0-or-later
"""What the seconds were spent on."""

import pytest
from mailroom_drill.logic.phases import Line, Phase, journal, meaning, phases, seconds

KILL = """\
-- Boot 1 --
99.0 mail2 corosync[9]:   [TOTEM ] A processor failed, forming new configuration: token timed out (1000ms), waiting 200ms for consensus.
101.0 mail2 corosync[9]:   [TOTEM ] A processor failed, forming new configuration: token timed out (1000ms), waiting 200ms for consensus.
101.3 mail2 corosync[9]:   [TOTEM ] A new membership (2.18) was formed. Members left: 1
101.4 mail2 pacemaker-fenced[11]: notice: Requesting that mail2 perform 'reboot' action targeting mail1
102.0 mail2 pacemaker-fenced[11]: notice: Operation 'reboot' targeting mail1 by mail2 for pacemaker-controld.11@mail2: OK (complete)
102.0 mail2 pacemaker-controld[12]: notice: Peer mail1 was terminated (reboot) by mail2 on behalf of pacemaker-controld.11: OK
102.3 mail2 pacemaker-controld[12]: notice: Result of start operation for mail-filesystem on mail2: OK
102.5 mail2 pacemaker-controld[12]: notice: Result of start operation for mail-wan4 on mail2: OK
102.6 mail2 pacemaker-controld[12]: notice: Result of start operation for fence-mail1 on mail2: OK
102.9 mail2 pacemaker-controld[12]: notice: Result of start operation for mail-dovecot on mail2: OK
103.2 mail2 pacemaker-controld[12]: notice: Result of start operation for mail-postfix on mail2: OK
103.3 mail2 pacemaker-controld[12]: notice: Result of monitor operation for mail-postfix on mail2: OK
109.0 mail2 pacemaker-controld[12]: notice: Result of start operation for mail-postfix on mail2: OK
"""  # noqa: E501


def test_a_kill():
    found = phases(journal(KILL, "mail2"), 100.0, 103.4)
    assert [phase.name for phase in found] == [
        "detection", "membership", "fencing", "mount", "addresses", "daemons", "answer",
    ]  # fmt: skip
    spent = seconds(found)
    assert spent["detection"] == pytest.approx(1.0)
    assert spent["fencing"] == pytest.approx(0.7)
    assert spent["mount"] == pytest.approx(0.3)
    assert spent["daemons"] == pytest.approx(0.7)
    assert sum(spent.values()) == pytest.approx(3.4)


def test_a_planned_switch_detects_nothing():
    lines = [
        Line(10.5, "mail1", "Result of stop operation for mail-postfix on mail1: ok"),
        Line(10.9, "mail1", "Result of stop operation for mail-filesystem on mail1: ok"),
        Line(11.0, "mail2", "Result of start operation for mail-filesystem on mail2: ok"),
        Line(11.6, "mail2", "Result of start operation for mail-postfix on mail2: ok"),
    ]
    found = phases(lines, 10.0, 12.0)
    assert [phase.name for phase in found] == ["stop", "mount", "daemons", "answer"]
    assert found[0] == Phase("stop", 10.0, 10.9)


def test_only_the_first_loss_of_the_token_counts():
    lines = [Line(moment, "mail2", "corosync[1]: [TOTEM ] Token: token timed out") for moment in (101.0, 103.0)]
    assert phases(lines, 100.0, 104.0)[0] == Phase("detection", 100.0, 101.0)


def test_nothing_known_is_one_phase():
    assert phases([], 1.0, 2.0) == [Phase("answer", 1.0, 2.0)]


@pytest.mark.parametrize(
    ("text", "phase"),
    [
        ("Result of start operation for mail-filesystem on mail2: OK", "mount"),
        ("Result of start operation for mail-lan6 on mail2: ok", "addresses"),
        ("Result of start operation for service-ip on mail2: ok", "addresses"),
        ("Result of start operation for mail-dovecot on mail2: ok", "daemons"),
        ("Result of stop operation for mail-dovecot on mail2: ok", "stop"),
        ("Result of start operation for mail-dovecot on mail2: error", None),
        ("Result of start operation for fence-mail1 on mail2: OK", None),
        ("something else", None),
    ],
)
def test_meanings(text, phase):
    assert meaning(Line(0, "mail2", text)) == phase
