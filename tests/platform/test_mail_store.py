# SPDX-License-Identifier: GPL-3.0-or-later
"""Mailboxes: log-ins and services, folders, quota, filters."""

from __future__ import annotations

import imaplib
import poplib
import shlex

import pytest
from mailtools import PARTNER, PASSWORD, SUFFIX, Directory, Mail, Sieve, message, token

# A domain of its own, so that this file does not depend on the other.
DOMAIN = "storetest.example"
ALICE = f"alice@{DOMAIN}"
DAVE = f"dave@{DOMAIN}"
ERIN = f"erin@{DOMAIN}"
FRANK = f"frank@{DOMAIN}"
GRACE = f"grace@{DOMAIN}"


@pytest.fixture(scope="module")
def directory(hosts):
    made = Directory(hosts("ldap1"))
    made.delete_domain(DOMAIN)
    made.add_domain(DOMAIN)
    made.add_mailbox("alice", DOMAIN)
    made.add_mailbox("dave", DOMAIN, state="disabled")
    made.add_mailbox("erin", DOMAIN, services=("imap",))
    made.add_mailbox("frank", DOMAIN, quota=1_000_000)
    made.add_mailbox("grace", DOMAIN)
    yield made
    made.delete_domain(DOMAIN)


@pytest.fixture(scope="module")
def mail(directory, info, tls, hosts, mail_host, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    mail_host.remove_mail(DOMAIN)
    wait_for(lambda: ready.dialogue(PARTNER, GRACE)[0] == 250, "the replica knows the new domain")
    yield ready
    mail_host.remove_mail(DOMAIN)


def test_folders_are_there_subscribed_and_known_by_use(mail):
    with mail.imap(ALICE) as client:
        listed = b"\n".join(client._simple_command("LIST", "(SPECIAL-USE)", '""', '"*"') and client.response("LIST")[1])
        subscribed = {line.rsplit(b" ", 1)[1].strip(b'"') for line in client.lsub()[1]}
    for folder in ("Drafts", "Sent", "Junk", "Trash", "Archive"):
        assert f"\\{folder}".encode() in listed
        assert folder.encode() in subscribed


def test_store_layout_and_owner(mail, mail_host):
    subject = token()
    mail.send(ALICE, subject)
    mail.read(ALICE, subject)
    store = mail_host.file(f"{mail_host.root}/{DOMAIN}/alice/Maildir")
    assert store.is_directory
    assert (store.user, store.uid, store.mode) == ("vmail", 5000, 0o700)


def test_folder_names_may_hold_dots_and_other_scripts(mail):
    with mail.imap(ALICE) as client:
        for name in ('"Projects 2.0/Phase 1"', '"&BB8EQAQ4BDIENQRC-"'):
            assert client.create(name)[0] == "OK"
            assert client.select(name)[0] == "OK"


def test_pop3_numbers_stay(mail):
    subject = token()
    mail.send(ALICE, subject)
    mail.read(ALICE, subject)
    seen = []
    for _ in range(2):
        client = mail.pop3(ALICE)
        seen.append(client.uidl()[1])
        client.quit()
    assert seen[0] == seen[1] != []


def test_wrong_password_everywhere(mail):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        mail.imap(ALICE, "wrong")
    with pytest.raises(poplib.error_proto, match="AUTH"):
        mail.pop3(ALICE, "wrong")


def test_disabled_mailbox_cannot_log_in(mail):
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        mail.imap(DAVE)


def test_service_flags(mail, info, tls):
    with mail.imap(ERIN) as client:
        assert client.noop()[0] == "OK"
    with pytest.raises(poplib.error_proto, match="AUTH"):
        mail.pop3(ERIN)
    sieve = Sieve(*info["services"]["sieve"], info["name"], tls)
    assert sieve.login(ERIN, PASSWORD)[0] == "NO"
    sieve.close()


def test_log_ins_are_in_the_log_and_passwords_are_not(mail, mail_host):
    log = mail_host.run("journalctl -u dovecot --since -10min -o cat").stdout
    assert f"imap-login: Logged in: user=<{ALICE}>" in log
    assert "Password mismatch" in log
    assert PASSWORD not in log


def test_doveadm_works_for_root_and_for_the_mail_user(mail, mail_host):
    host = mail_host
    assert FRANK in host.run("doveadm user '*'").stdout
    assert "INBOX" in host.run(f"runuser -u vmail -- doveadm mailbox list -u {ALICE}").stdout
    assert host.run("runuser -u vmail -- cat /etc/dovecot/ldap-secret.conf").rc != 0


# Quota


def warnings(mail):
    with mail.imap(FRANK) as client:
        client.select("INBOX", readonly=True)
        found = client.search(None, "SUBJECT", '"Your mailbox is"')[1][0].split()
        return [client.fetch(n.decode(), "(BODY.PEEK[])")[1][0][1].decode() for n in found]


def test_quota_warning_then_full(mail, hosts):
    block = "x" * 70 + "\n"

    def append(size):
        made = message(PARTNER, FRANK, token("fill"), block * (size // len(block)))
        with mail.imap(FRANK) as client:
            return client.append("INBOX", "", None, made.as_bytes())[0]

    def usage():
        with mail.imap(FRANK) as client:
            quota = client.getquotaroot("INBOX")[1][1][0].decode()
            return int(quota.split("STORAGE ")[1].split()[0])

    assert append(700_000) == "OK"
    assert warnings(mail) == []
    assert append(120_000) == "OK"
    mail.wait_for(lambda: len(warnings(mail)) == 1, "the first warning")
    first = warnings(mail)[0]
    assert "Your mailbox is 80 % full" in first
    assert "Auto-Submitted: auto-generated" in first
    assert f"From: postmaster@{DOMAIN}" in first
    # Still between two thresholds: no further warning. The next mail in is proof that one would have come.
    assert append(30_000) == "OK"
    assert append(110_000) == "OK"
    mail.wait_for(lambda: len(warnings(mail)) == 2, "the second warning")
    assert "Your mailbox is 95 % full" in warnings(mail)[1]
    # The last mail may go over the limit by the grace; after that it is full.
    subject = token("last")
    mail.send(FRANK, subject, body=block * 2000)
    mail.read(FRANK, subject)
    assert usage() > 976
    code, text = mail.dialogue(PARTNER, FRANK, "SIZE=1000")
    assert (code, text.split()[0]) == (452, "4.2.2"), text
    # A user's own client is told as well.
    assert append(100_000) == "NO"
    # Mail to an address that leads there is taken, waits, and arrives when there is room.
    waiting = token("waiting")
    text = f"From: {PARTNER}\nTo: {FRANK}\nSubject: {waiting}\n\nHello\n"
    assert hosts("outside").run(f"printf %s {shlex.quote(text)} | sendmail -f {PARTNER} {FRANK}").rc == 0
    mail.wait_for(lambda: "452 4.2.2" in hosts("outside").run("mailq").stdout, "the mail waits outside")
    with mail.imap(FRANK) as client:
        client.select("INBOX")
        client.store("1:*", "+FLAGS", "\\Deleted")
        client.expunge()
    mail.read(FRANK, waiting)


def test_quota_change_counts_at_once(mail, directory, wait_for):
    def limit():
        with mail.imap(GRACE) as client:
            return client.getquotaroot("INBOX")[1][1]

    assert b"STORAGE" not in (limit()[0] or b""), "no quota in the directory means none"
    dn = f"uid=grace,ou={DOMAIN},ou=domains,{SUFFIX}"
    directory.modify(f"dn: {dn}\nchangetype: modify\nadd: mailroomQuota\nmailroomQuota: 5242880\n")
    wait_for(lambda: b"5120" in (limit()[0] or b""), "the new limit")


# Sieve


def test_bad_script_is_refused_with_its_line(mail):
    client = mail.sieve(GRACE)
    state, text = client.put("bad", 'require "fileinto";\nfileinto 5;\n')
    client.close()
    assert state == "NO"
    assert "line 2" in text


def activate(mail, script):
    client = mail.sieve(GRACE)
    state, text = client.put("main", script)
    assert state == "OK", text
    assert client.command(b'SETACTIVE "main"')[0] == "OK"
    client.close()


def test_filing_by_detail(mail):
    activate(
        mail,
        'require ["fileinto", "mailbox", "envelope", "subaddress"];\n'
        'if envelope :detail "to" "shop" { fileinto :create "Shopping"; }\n',
    )
    subject = token()
    mail.send(f"grace+shop@{DOMAIN}", subject)

    def filed():
        with mail.imap(GRACE) as client:
            if client.select("Shopping", readonly=True)[0] != "OK":
                return False
            return client.search(None, "SUBJECT", subject)[1][0].split()

    mail.wait_for(filed, "the mail in its folder")


def test_vacation_answers_once_and_never_to_machines(mail, hosts):
    reply = token("away")
    activate(mail, f'require "vacation";\nvacation :days 1 :subject "{reply}" "I am away.";\n')
    for number in range(2):
        subject = token(f"question{number}")
        mail.send(GRACE, subject)
        mail.read(GRACE, subject)
    machine = token("machine")
    mail.send(GRACE, machine, sender="friend@elsewhere.example", Auto_Submitted="auto-generated")
    mail.read(GRACE, machine)
    # outside_text fails if there is more than one.
    text = mail.outside_text(reply)
    assert "Auto-Submitted: auto-replied" in text
    assert "Return-Path: <>" in text
    assert hosts("outside").run(f"grep -rlF {reply} /srv/mail/friend").stdout == ""


def test_redirect_with_copy(mail):
    activate(mail, 'require "copy";\nredirect :copy "colleague@elsewhere.example";\n')
    subject = token()
    mail.send(GRACE, subject)
    mail.read(GRACE, subject)
    mail.outside_text(subject, "colleague")
