# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks for the pair: each does what it says, refuses what would break the service, and has a dry run."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest
from conftest import ROOT
from directorytools import root
from pairtools import Pair

OPS = "playbooks/ops"
CONSTRAINTS = "cibadmin --query --scope constraints"
# What counts as the state of the pair here: who has what, standby, and constraints that somebody left.
STANDBY = "crm_attribute --type nodes --node {} --name standby --query --quiet --default off"


@pytest.fixture(scope="module")
def pair(hosts, info, wait_for):
    """The pair with the mail on its first node. Whatever a test does with it, that is so when all are done."""
    made = Pair(hosts, info, wait_for)
    made.move(made.names[0])
    try:
        yield made
    finally:
        first = hosts(made.names[0])
        for name in made.names:
            first.run(f"crm_attribute --type nodes --node {name} --name standby --delete")
        first.run("crm_attribute --name maintenance-mode --delete; crm_resource --cleanup")
        made.move(made.names[0])


@pytest.fixture
def state(pair, hosts):
    """`state()`: the active node, who is in standby, what constraints there are."""

    def read():
        first = hosts(pair.names[0])
        standby = {name: first.run(STANDBY.format(name)).stdout.strip() for name in pair.names}
        return pair.active, standby, re.sub(r"\s+", " ", first.check_output(CONSTRAINTS))

    return read


def said(run) -> str:
    """A run's output with its line breaks taken out, as Ansible breaks long messages."""
    return " ".join(run.output.replace("\\n", " ").split())


@contextmanager
def undone(host, change: str, back: str):
    host.check_output(change)
    try:
        yield
    finally:
        host.check_output(back)


def status(*flags: str):
    """`make status` as a person types it."""
    return subprocess.run(
        ["make", "-s", "status", f"FLAGS={' '.join(flags)}"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


def well(wait_for, seconds: float = 60):
    """Wait until nothing needs attention."""

    def look():
        done = status()
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return wait_for(look, "nothing needs attention", seconds, 1)


# --- status ----------------------------------------------------------------------------------------------------------


def test_status_is_one_screen_and_quick(pair, wait_for, hosts):
    screen = well(wait_for)
    lines = screen.splitlines()
    assert len(lines) < 24
    assert "all is well" in lines[0]
    assert re.search(r"active +mail1 \(.*10\.80\.1\.10 smtp imap.*198\.51\.100\.10 smtp imap", screen)
    assert "mail1 online, mail2 online; quorum" in screen
    assert "7 of 7 started" in screen
    assert "fence-mail1 works (watched by mail2)" in screen
    assert "links        0 connected, 1 connected" in screen
    for name in pair.names:
        assert f"{name}: replica of ldap1.mailroom.example, up to date" in screen
    assert re.search(r"disk +\d+ % used, .* free of .*; inodes \d+ % used", screen)
    assert re.search(r"certificates ldap1 \d+ days, mail1 \d+ days, mail2 \d+ days", screen)
    before = hosts("mail1").check_output("cibadmin --query")
    start = time.monotonic()
    status()
    assert time.monotonic() - start < 30, "5 s on a machine with nothing else to do"
    assert hosts("mail1").check_output("cibadmin --query") == before


def test_status_as_data(pair):
    done = status("-e", "format=json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["well"], found["active"]) == (0, True, ["mail1"])
    assert found["hosts"]["mail2"]["directory"]["role"] == "replica"
    assert "credentials" not in done.stdout


def test_status_shows_what_is_wrong_and_ends_with_2(pair, hosts):
    ldap1 = hosts("ldap1")
    with undone(ldap1, "systemctl stop slapd", "systemctl start slapd"):
        done = status()
        assert done.returncode == 2
        assert "! ldap1: its directory does not answer:" in done.stdout
        assert "! mail1 does not reach its directory's provider ldaps://ldap1.mailroom.example:" in done.stdout
        assert status("-e", "attention=ignore").returncode == 0
    with undone(hosts("mail2"), "systemctl stop slapd", "systemctl start slapd"):
        assert "! mail2: its directory does not answer:" in status().stdout


# --- planned switch --------------------------------------------------------------------------------------------------


def test_failover_in_a_dry_run_changes_nothing(pair, playbook, state):
    before = state()
    run = playbook(f"{OPS}/failover.yml", "--check")
    assert "mail2 would take the service over from mail1." in said(run)
    assert state() == before


def test_failover_and_back(pair, playbook, state, info):
    before = state()
    run = playbook(f"{OPS}/failover.yml")
    times = re.search(r"mail2 has the mail and serves. Out of service: smtp ([\d.]+) s, imap ([\d.]+) s", said(run))
    assert times, run.output
    assert all(0 < float(one) < 30 for one in times.groups())
    assert (pair.active, run.changed) == ("mail2", 1)
    # As everybody sees it, and not only the node itself.
    with socket.create_connection(tuple(info["services"]["smtp"]), 5) as smtp:
        assert smtp.recv(100).startswith(b"220 ")
    again = playbook(f"{OPS}/failover.yml", "-e", "to=mail2")
    assert "mail2 has the mail already." in said(again)
    assert again.changed == 0
    playbook(f"{OPS}/failover.yml", "-e", "to=mail1")
    assert state() == before


REFUSALS = {
    "standby": (
        "mail1",
        "crm_attribute --type nodes --node mail2 --name standby --update on && crm_resource --wait",
        "crm_attribute --type nodes --node mail2 --name standby --delete && crm_resource --wait",
        "mail2 is standby, says mail1.",
    ),
    "maintenance mode": (
        "mail1",
        "crm_attribute --name maintenance-mode --update true",
        "crm_attribute --name maintenance-mode --delete && crm_resource --wait",
        "The cluster is in maintenance mode, so it moves nothing (property maintenance-mode).",
    ),
    "dead replica": (
        "mail2",
        "systemctl stop slapd",
        "systemctl start slapd",
        "mail2: its directory does not answer:",
    ),
    "offline": (
        "mail2",
        "systemctl stop pacemaker",
        "systemctl start pacemaker && for i in $(seq 100); do crm_mon -1 >/dev/null 2>&1 && break; sleep 0.2; done",
        "mail2: the cluster does not run there:",
    ),
    "wrong configuration": (
        "mail2",
        "cp -p /etc/postfix/main.cf /root/main.cf.kept && echo smtpd_recipient_limitt = 1 >>/etc/postfix/main.cf",
        "mv /root/main.cf.kept /etc/postfix/main.cf",
        "mail2: the configuration of Postfix is not good:",
    ),
    "ban": (
        "mail1",
        "crm_resource --ban --resource mail --node mail2",
        "crm_resource --clear --resource mail --node mail2",
        "mail2: the constraint cli-ban-mail-on-mail2 keeps mail away from it.",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_failover_refuses(pair, playbook, hosts, state, wait_for, case):
    where, change, back, message = REFUSALS[case]
    before = state()
    with undone(hosts(where), change, back):
        changed = state()
        for arguments in ([], ["--check"]):
            run = playbook(f"{OPS}/failover.yml", *arguments, ok=False)
            assert "Refused, nothing was changed." in said(run)
            assert message in said(run)
            assert "Move the service" not in re.findall(r"PLAY \[(.*?)\]", run.output)[3:]
        assert state() == changed
    wait_for(lambda: state() == before, "the pair is as before", 60)


def test_failover_refuses_a_replica_that_is_behind(pair, playbook, hosts, wait_for):
    """mail2 does not reach the provider any more, and then there is a change."""
    mail1, mail2, ldap1 = hosts("mail1"), hosts("mail2"), hosts("ldap1")
    entry = "cn=behind,ou=domains,dc=mailroom,dc=example"
    away = "ip route {0} blackhole 10.80.1.21 && ip -6 route {0} blackhole fd80:80:1::21"
    # What is on its way over a connection that there is would still come in, so there must be none.
    with undone(mail2, f"{away.format('add')} && systemctl restart slapd", away.format("del")):
        try:
            root(ldap1, "ldapadd", f"dn: {entry}\nobjectClass: organizationalRole\ncn: behind\n")
            wait_for(lambda: root(mail1, f"ldapsearch -LLL -s base -b {entry}").rc == 0, "mail1 has it")
            run = playbook(f"{OPS}/failover.yml", "--check", "-e", "ops_max_lag=0", ok=False)
            assert re.search(r"mail2: its directory is \d+ s behind that of mail1", said(run))
        finally:
            root(ldap1, f"ldapdelete {entry}")
    gone = [lambda host=host: root(host, f"ldapsearch -LLL -s base -b {entry}").rc != 0 for host in (mail1, mail2)]
    for check in gone:
        wait_for(check, "both follow the provider again", 120)
    playbook(f"{OPS}/failover.yml", "--check", "-e", "ops_max_lag=0")


def test_failover_refuses_without_working_fencing(pair, playbook, hosts, wait_for):
    """The device of the node that has the mail is asked for a monitor that fails."""
    mail1 = hosts("mail1")
    change = "crm_resource --resource fence-mail1 --set-parameter ip --parameter-value 10.80.3.99"
    before = mail1.check_output("crm_resource --resource fence-mail1 --get-parameter ip")
    with undone(mail1, change, f"crm_resource --resource fence-mail1 --set-parameter ip --parameter-value {before}"):
        wait_for(
            lambda: "fence-mail1" in mail1.run("crm_mon -1 -rf --include=failures | sed -n '/Failed/,$p'").stdout,
            "the device is seen to fail",
            90,
            1,
        )
        run = playbook(f"{OPS}/failover.yml", ok=False)
        assert "The fencing device fence-mail1 does not work" in said(run)
        assert pair.active == "mail1"
    mail1.check_output("crm_resource --cleanup --resource fence-mail1 && crm_resource --wait")
    well(wait_for)


def test_failed_switch_brings_the_service_back_and_leaves_no_constraint(pair, playbook, hosts, state, wait_for):
    """Dovecot cannot start on the other node, which no checker could see."""
    before, mail2 = state(), hosts("mail2")
    change = (
        "mkdir -p /run/systemd/system/dovecot.service.d && printf '[Service]\\nExecStart=\\nExecStart=/bin/false\\n' "
        ">/run/systemd/system/dovecot.service.d/99-test.conf && systemctl daemon-reload"
    )
    back = "rm -r /run/systemd/system/dovecot.service.d; systemctl daemon-reload; crm_resource --cleanup"
    with undone(mail2, change, back):
        run = playbook(f"{OPS}/failover.yml", "-e", "ops_timeout=20", ok=False)
        assert "mail2 does not serve. Failed: mail-dovecot" in said(run)
        assert "The mail is at mail1 now, and it serves." in said(run)
        assert state() == before
    well(wait_for)


# --- maintenance -----------------------------------------------------------------------------------------------------


def test_maintenance_out_and_in(pair, playbook, state, hosts, wait_for):
    before = state()
    out, back = ("-e", "host=mail1", "-e", "state=out"), ("-e", "host=mail1", "-e", "state=in")
    run = playbook(f"{OPS}/maintenance.yml", *out, "--check")
    assert "mail2 would take the service over from mail1." in said(run)
    assert state() == before

    playbook(f"{OPS}/maintenance.yml", *out, "-e", "stop_cluster=true")
    assert pair.active == "mail2"
    assert not hosts("mail1").service("corosync").is_running
    assert "mail1 is out already." in said(playbook(f"{OPS}/maintenance.yml", *out))
    # Nobody would be left.
    run = playbook(f"{OPS}/maintenance.yml", "-e", "host=mail2", "-e", "state=out", ok=False)
    assert "mail1 is offline: both nodes would be out, and nobody would have the mail." in said(run)
    assert pair.active == "mail2"
    assert status().returncode == 2

    run = playbook(f"{OPS}/maintenance.yml", *back)
    assert "fence-mail1 would fence mail1: answers after" in said(run)
    assert "mail1 is in already." in said(playbook(f"{OPS}/maintenance.yml", *back))
    assert pair.active == "mail2", "the service does not move back by itself"
    well(wait_for)
    playbook(f"{OPS}/failover.yml", "-e", "to=mail1")
    assert state()[0] == before[0]


def test_maintenance_wants_to_be_told_what_to_do(pair, playbook):
    run = playbook(f"{OPS}/maintenance.yml", ok=False)
    assert "Say which node and what: -e host=mail1 -e state=out (or in)." in said(run)
    run = playbook(f"{OPS}/maintenance.yml", "-e", "host=mail3", "-e", "state=out", ok=False)
    assert "There is no node mail3: the pair is mail1 and mail2." in said(run)


# --- fencing ---------------------------------------------------------------------------------------------------------


def test_fencing_devices_answer(pair, playbook):
    run = playbook(f"{OPS}/fence-test.yml")
    assert "fence-mail1 would fence mail1: answers after" in said(run)
    assert "fence-mail2 would fence mail2: answers after" in said(run)
    assert run.changed == 0


def test_fencing_refuses_the_node_with_the_mail(pair, playbook, hosts):
    booted = hosts("mail1").check_output("stat -c %Y /proc/1")
    run = playbook(f"{OPS}/fence-test.yml", "-e", "really=true", "-e", "host=mail1", ok=False)
    assert "mail1 has the mail: fencing it would cut the service off. Fence mail2 instead" in said(run)
    assert hosts("mail1").check_output("stat -c %Y /proc/1") == booted


def test_fencing_for_real(pair, playbook, hosts, wait_for):
    started = hosts("mail2").check_output("ps -o lstart= -p 1")
    run = playbook(f"{OPS}/fence-test.yml", "-e", "really=true", "-e", "host=mail2")
    assert re.search(r"mail2 was fenced in [\d.]+ s and was back in the cluster after [\d.]+ s more.", said(run))
    assert hosts("mail2").check_output("ps -o lstart= -p 1") != started
    assert pair.active == "mail1"
    well(wait_for, 120)
    assert "last reboot of mail2: success" in status().stdout


# --- upgrade ---------------------------------------------------------------------------------------------------------

REPOSITORY = "/var/tmp/mailroom-upgrade"  # noqa: S108 - on the hosts of the lab
PACKAGE = """Package: mailroom-upgrade-test
Version: {version}
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: to be upgraded by a test
"""


def offered(host, version: str) -> str:
    """Shell that puts a package of that version into a package source of the host's own."""
    control = PACKAGE.format(version=version).replace("\n", "\\n")
    return (
        f"mkdir -p {REPOSITORY}/p/DEBIAN && printf '{control}' >{REPOSITORY}/p/DEBIAN/control && cd {REPOSITORY} && "
        "dpkg-deb --build p . >/dev/null && "
        "for f in *.deb; do dpkg-deb -f $f; printf 'Filename: ./%s\\nSize: %s\\nSHA256: %s\\n\\n' $f $(stat -c %s $f) "
        "$(sha256sum <$f | cut -d' ' -f1); done >Packages && "
        f"echo 'deb [trusted=yes] file:{REPOSITORY} ./' >/etc/apt/sources.list.d/mailroom-upgrade-test.list"
    )


@pytest.fixture
def upgradable(pair, hosts):
    """A package that is installed in version 1 on every host and offered in version 2."""
    names = ["ldap1", *pair.names]
    for name in names:
        host = hosts(name)
        host.check_output(offered(host, "1"))
        host.check_output(f"dpkg -i {REPOSITORY}/mailroom-upgrade-test_1_all.deb")
        host.check_output(offered(host, "2"))
    try:
        yield names
    finally:
        for name in names:
            hosts(name).run("dpkg --purge mailroom-upgrade-test")
            hosts(name).run(f"rm -rf {REPOSITORY} /etc/apt/sources.list.d/mailroom-upgrade-test.list; apt-get update")


ONLY = ("-e", json.dumps({"only": ["mailroom-upgrade-test"]}))


def version(host) -> str:
    return host.check_output("dpkg-query --show --showformat='${Version}' mailroom-upgrade-test")


@pytest.mark.thorough
def test_upgrade_goes_through_all_hosts_and_the_service_with_it(pair, playbook, hosts, upgradable, state, wait_for):
    before = state()
    playbook(f"{OPS}/upgrade.yml", *ONLY, "--check")
    assert {version(hosts(name)) for name in upgradable} == {"1"}
    assert state() == before
    run = playbook(f"{OPS}/upgrade.yml", *ONLY, "-e", "back=true")
    assert {version(hosts(name)) for name in upgradable} == {"2"}
    places = [run.output.index(f"{name}: upgraded, every checker is content.") for name in ("mail2", "mail1", "ldap1")]
    assert places == sorted(places)
    assert said(run).count("has the mail and serves.") == 2
    well(wait_for)
    assert state()[0] == before[0]


@pytest.mark.thorough
def test_upgrade_stops_at_the_first_fault_with_the_service_running(pair, playbook, hosts, upgradable, wait_for):
    mail2 = hosts("mail2")
    change = "printf '#!/bin/sh\\nexit 1\\n' >/etc/apt/fail && chmod +x /etc/apt/fail && "
    change += "echo 'DPkg::Pre-Invoke {\"/etc/apt/fail\";};' >/etc/apt/apt.conf.d/99fail"
    with undone(mail2, change, "rm -f /etc/apt/fail /etc/apt/apt.conf.d/99fail"):
        run = playbook(f"{OPS}/upgrade.yml", *ONLY, ok=False)
    assert run.recap["mail2"]["failed"] == 1
    assert version(hosts("mail1")) == version(hosts("ldap1")) == "1"
    assert pair.active == "mail1"
    playbook(f"{OPS}/maintenance.yml", "-e", "host=mail2", "-e", "state=in")
    well(wait_for)


@pytest.mark.thorough
def test_upgrade_refuses_what_a_switch_refuses(pair, playbook, hosts):
    with undone(hosts("mail2"), "systemctl stop slapd", "systemctl start slapd"):
        run = playbook(f"{OPS}/upgrade.yml", *ONLY, ok=False)
    assert "mail2: its directory does not answer:" in said(run)
    assert "Upgrade packages" not in run.output
