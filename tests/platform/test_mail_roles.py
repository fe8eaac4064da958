# SPDX-License-Identifier: GPL-3.0-or-later
"""What the mail roles do to a host: faults are refused before anything changes, and nothing is left over."""

from __future__ import annotations

import json
import smtplib

import pytest

CONFIGURATION = (
    "cat /etc/postfix/main.cf /etc/postfix/master.cf /etc/postfix/ldap/* /etc/mailroom/group-posters.conf "
    "/etc/dovecot/dovecot.conf | sha256sum"
)


def test_misspelt_postfix_parameter_is_refused(playbook, mail_host):
    before = mail_host.run(CONFIGURATION).stdout
    wrong = json.dumps({"postfix_extra_settings": {"smtpd_recipient_limitt": "1"}})
    run = playbook("playbooks/mail.yml", "-e", wrong, ok=False)
    assert "nothing was changed" in run.output
    assert "smtpd_recipient_limitt" in run.output
    assert mail_host.run(CONFIGURATION).stdout == before


def test_silent_dovecot_mistake_is_refused(playbook, mail_host):
    before = mail_host.run(CONFIGURATION).stdout
    wrong = json.dumps({"dovecot_extra_config": "mail_home = /srv/mail/%d/%n"})
    run = playbook("playbooks/mail.yml", "--tags", "dovecot", "-e", wrong, ok=False)
    assert "one-letter variables are gone" in run.output
    assert mail_host.run(CONFIGURATION).stdout == before


@pytest.mark.thorough
def test_a_change_and_its_way_back_leave_nothing(playbook, mail_host, info):
    host = mail_host
    before = host.run(CONFIGURATION).stdout
    host.run("install -m 0640 /dev/null /etc/postfix/ldap/old.cf")
    started = "systemctl show -p MainPID --value postfix dovecot"
    pids = host.run(started).stdout
    changes = {
        "postfix_message_size_limit": 10240000,
        "dovecot_sieve_before": {"10-all": 'require "fileinto";\nif header :is "X-Test" "yes" { fileinto "Junk"; }\n'},
    }
    playbook("playbooks/mail.yml", "-e", json.dumps(changes))
    assert not host.file("/etc/postfix/ldap/old.cf").exists
    assert host.run("postconf -h message_size_limit").stdout.strip() == "10240000"
    assert host.file("/etc/dovecot/sieve/before/10-all.svbin").exists
    with smtplib.SMTP(*info["services"]["smtp"], timeout=20) as smtp:
        smtp.ehlo("mx.elsewhere.example")
        assert smtp.esmtp_features["size"] == "10240000"
    playbook("playbooks/mail.yml")
    assert host.run("ls -A /etc/dovecot/sieve/before").stdout == ""
    assert host.run(CONFIGURATION).stdout == before
    assert host.run(started).stdout == pids, "daemons are reloaded, never restarted"


def test_secrets_are_readable_by_their_daemon_only(mail_host):
    host = mail_host
    for name in host.file("/etc/postfix/ldap").listdir():
        file = host.file(f"/etc/postfix/ldap/{name}")
        assert (file.user, file.group, file.mode) == ("root", "postfix", 0o640)
    file = host.file("/etc/dovecot/ldap-secret.conf")
    assert (file.user, file.group, file.mode) == ("root", "dovecot", 0o640)
    file = host.file("/etc/mailroom/group-posters.conf")
    assert (file.user, file.group, file.mode) == ("root", "mailroom-policy", 0o640)
