# SPDX-License-Identifier: GPL-3.0-or-later
"""`make production-check`: hosts built from the filled-in copy of inventories/production, with containers of their own.

Not part of `make test`, as it builds a second platform; by its name pytest does not collect it by itself.
"""

from __future__ import annotations

import json
import os
import smtplib
import ssl
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import PlaybookRun
from mail_client import NamedImap, message
from productiontools import ROOT, Production

MAIL1 = "10.80.4.11"
NAME = "imap.example.org"
ADA = "ada.lovelace@example.com"


@pytest.fixture(scope="module")
def built():
    """The copy and its hosts, as they are after docs/production.md; `runs` has what the playbooks printed."""
    with tempfile.TemporaryDirectory(prefix="mailroom-") as folder:
        production = Production(Path(folder))
        production.choose_files()
        lab = {
            "lab_state_dir": f"{folder}/lab",
            "lab_prefix": "mailroom-prod-",
            "lab_label": "org.mailroom.lab.production",
        }
        layer = ROOT / "tests/inventories/production_in_lab.yml"
        both = ("-i", str(production.inventory / "hosts.yml"), "-i", str(layer), "-e", json.dumps(lab))

        def play(name, *arguments, **env):
            return PlaybookRun(0, production.done("ansible-playbook", name, *both, *arguments, env=env))

        # The lab's packages are in the cache of the real user.
        home = {"HOME": os.environ["HOME"]}
        play("lab/destroy.yml", **home)
        try:
            play("lab/create.yml", **home)
            play("lab/prepare.yml", **home)
            runs = {"check": play("playbooks/base.yml", "--check", "--diff", "-vvv")}
            runs["first"] = play("playbooks/site.yml", "--diff", "-vvv")
            # The other strategy prints other things.
            runs["second"] = play("playbooks/site.yml", "--diff", "-vvv", MAILROOM_STRATEGY="linear")
            ssh = (
                "ssh",
                "-i",
                f"{folder}/lab/ssh/id_ed25519",
                "-o",
                f"UserKnownHostsFile={folder}/lab/ssh/known_hosts",
            )
            yield SimpleNamespace(production=production, runs=runs, on_mail1=(*ssh, f"root@{MAIL1}"))
        finally:
            play("lab/destroy.yml", **home)


@pytest.fixture(scope="module")
def public(built):
    """TLS as strangers and mail programs have it: they know the public CA and not the platform's own."""
    return ssl.create_default_context(cafile=str(built.production.ca))


@pytest.fixture(scope="module")
def password(built):
    file = built.production.home / "mailroom-passwords.json"
    assert file.stat().st_mode & 0o777 == 0o600
    return json.loads(file.read_text())[ADA]


def test_second_run_changes_nothing(built):
    assert set(built.runs["first"].recap) == {"ldap1", "mail1"}
    assert built.runs["first"].changed > 0
    assert built.runs["second"].changed == 0


def test_mail_from_outside_is_delivered_and_read(public, password, wait_for):
    # No name of a sender resolves on a machine without DNS; bounces have none.
    hello = message("mailer-daemon@elsewhere.example", ADA, "From outside")
    with smtplib.SMTP(MAIL1, 25, local_hostname="mx.elsewhere.example", timeout=10) as smtp:
        # smtplib checks the certificate for the name that it thinks it connected to.
        smtp._host = NAME
        smtp.starttls(context=public)
        smtp.ehlo()
        smtp.mail("")
        assert smtp.rcpt("ada.lovelac@example.com")[0] == 550
        assert smtp.rcpt(ADA)[0] == 250
        assert smtp.data(hello.as_bytes())[0] == 250

    def arrived():
        imap = NamedImap(MAIL1, 993, NAME, public)
        imap.login(ADA, password)
        imap.select(readonly=True)
        found = imap.search(None, "HEADER", "Message-ID", hello["Message-ID"])[1][0]
        imap.logout()
        return found

    wait_for(arrived, "the mail in the mailbox")


def test_user_sends_after_log_in_only(public, password):
    with smtplib.SMTP(MAIL1, 587, timeout=10) as smtp:
        smtp._host = NAME
        smtp.starttls(context=public)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login(ADA, f"{password}x")
        smtp.login(ADA, password)
        assert smtp.send_message(message(ADA, "postmaster@example.com", "To myself")) == {}


def test_secrets_of_the_vault_are_used_and_show_nowhere(built):
    secrets = built.production.secrets
    used = built.production.done(*built.on_mail1, "cat", "/etc/dovecot/ldap-secret.conf", "/etc/mailroom/tls/host.key")
    assert len([secret for secret in secrets if secret in used]) > 1
    shown = {name: [secret for secret in secrets if secret in run.output] for name, run in built.runs.items()}
    assert shown == {"check": [], "first": [], "second": []}
    # Inventory, internal CA, Ansible's temporary files: everything that the runs left on the controller.
    assert built.production.clear_secrets() == {}
    assert "ENCRYPTED" in (built.production.home / "mailroom-ca/1/ca.key").read_text()
