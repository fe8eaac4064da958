# SPDX-License-Identifier: GPL-3.0-or-later
"""The platform as a whole: unchanged runs, strategies, secrets, rotation, and the lab itself."""

from __future__ import annotations

import re
import secrets
import subprocess
from pathlib import Path

import pytest
from mail_client import Platform, message

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
ALICE = "alice.liddell@widget.example"
PARTNER = "partner@elsewhere.example"
# Plays whose hosts have passwords of services.
USERS = ("playbooks/directory.yml", "playbooks/mail.yml")


@pytest.fixture(scope="module")
def lab(info):
    """The platform as a mail program and an outside server see it."""
    return Platform(info)


@pytest.mark.thorough
def test_plain_strategy_finds_nothing_to_change(playbook):
    run = playbook("playbooks/site.yml", env={"MAILROOM_STRATEGY": "linear"})
    assert {host: row["changed"] for host, row in run.recap.items()} == dict.fromkeys(run.recap, 0)
    assert set(run.recap) >= {"ldap1", "mail1", "mail2"}


def test_check_mode_finds_nothing_to_change(playbook):
    run = playbook("playbooks/site.yml", "--check", "--diff")
    assert run.changed == 0, run.output


@pytest.mark.parametrize(("setting", "used"), [("mitogen", True), ("linear", False), ("auto", True)])
def test_strategy_setting_is_the_one_in_use(playbook, setting, used):
    # Mitogen's connections say so in a -vvv log; plain SSH shows its command line instead.
    run = playbook("lab/prepare.yml", "-vvv", env={"MAILROOM_STRATEGY": setting})
    assert ("SSH: EXEC ssh" not in run.output) == used


def test_unknown_strategy_is_named(playbook):
    run = playbook("lab/info.yml", ok=False, env={"MAILROOM_STRATEGY": "mitogn"})
    assert "MAILROOM_STRATEGY='mitogn' is unknown: use auto, linear or mitogen" in run.output


def test_rotated_secrets_take_effect_and_show_nowhere(playbook, lab, hosts, info):
    """Every service password is replaced in one run; neither the old nor the new one is printed, and nothing breaks."""
    # The cluster's key is no password of a service, and changing it is work of its own (docs/cluster.md).
    files = sorted((STATE / "secrets").glob("ldap_*"))
    assert len(files) == 3
    key = (STATE / "secrets/cluster_authkey").read_text().split()[0]
    old = {file: file.read_text().strip() for file in files}
    planted = {file: f"planted{secrets.token_hex(14)}" for file in files}
    try:
        for file, value in planted.items():
            file.write_text(f"{value}\n")
        foreseen = playbook("playbooks/site.yml", "--check", "--diff", "-vvv")
        run = playbook(*USERS, "--diff", "-vvv")
        assert foreseen.changed > 0
        assert run.changed > 0
        for file in files:
            for value in (old[file], planted[file]):
                assert value not in foreseen.output, f"{file.name} shows in check mode"
                assert value not in run.output, f"{file.name} shows"
        assert lab.passwords[ALICE] not in run.output
        assert key not in foreseen.output + run.output
        assert not re.search(r"\{(ARGON2|SSHA\d*)\}[^*\s\"']{8}", run.output), "a hash shows"
        lab.imap(ALICE).logout()
        again = playbook(*USERS)
        assert again.changed == 0, again.output
        # The old ones are nowhere on the hosts.
        for name in ("ldap1", *info["pair"]):
            for file in files:
                found = hosts(name).run(f"grep -rlsF {old[file]} /etc /var/lib /root /tmp")
                assert found.stdout == "", f"{name}: the old {file.name} is left over"
    finally:
        for file, value in old.items():
            file.write_text(f"{value}\n")
        playbook(*USERS)


def reply_to_recipient(lab, recipient):
    """The code that a server outside gets for a recipient on port 25."""
    with lab.outside_smtp() as smtp:
        smtp.mail(PARTNER)
        return smtp.rcpt(recipient)[0]


def test_mail_and_logins_go_on_without_the_provider(lab, hosts):
    hosts("ldap1").check_output("systemctl stop slapd")
    try:
        subject = f"While it is away {secrets.token_hex(8)}"
        with lab.outside_smtp() as smtp:
            smtp.send_message(message(PARTNER, ALICE, subject))
        assert lab.read(ALICE, subject)
        assert reply_to_recipient(lab, "alice.lidell@widget.example") == 550
    finally:
        hosts("ldap1").check_output("systemctl start slapd")


def test_wiped_replica_refuses_nobody_for_good_while_it_fills(lab, mail_host, wait_for):
    """Mail that comes while the copy is empty or half there is put off (4xx), never refused (5xx)."""
    mail_host.check_output("systemctl stop slapd && rm -f /var/lib/ldap/*.mdb && systemctl start --no-block slapd")
    codes = []

    def served():
        codes.append(reply_to_recipient(lab, ALICE))
        return codes[-1] == 250

    wait_for(served, "mail for a mailbox is taken again", seconds=60)
    assert set(codes) <= {250, 451}, codes


def test_lab_is_complete(playbook):
    assert playbook("lab/create.yml").changed == 0
    assert playbook("lab/prepare.yml").changed == 0


def test_lab_of_another_checkout_is_not_touched(playbook):
    run = playbook("lab/create.yml", "-e", "lab_owner=/elsewhere/.lab", ok=False)
    text = " ".join(run.output.split())
    assert "The lab on this machine belongs to another checkout" in text
    assert "`make lab-down` removes it." in text


def test_lab_shell_names_the_hosts_that_there_are():
    done = subprocess.run([ROOT / "lab/shell", "mail9"], text=True, capture_output=True)
    assert done.returncode == 2
    assert done.stderr.strip() == "no lab host mail9; there are: client ldap1 mail1 mail2 ns1 ns2 outside"


def test_lab_hosts_use_every_processor(hosts):
    ldap1 = hosts("ldap1")
    allowed = ldap1.check_output("sed -n 's/^Cpus_allowed_list:[[:space:]]*//p' /proc/1/status")
    assert allowed == ldap1.check_output("cat /sys/devices/system/cpu/online")
