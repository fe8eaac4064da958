# SPDX-License-Identifier: GPL-3.0-or-later
"""Mail in, out and around: whole paths through real daemons, on domains that these tests make and remove."""

from __future__ import annotations

import imaplib
import poplib
import shlex
import smtplib
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from mailtools import DOMAIN, IDN, IDN_UTF8, PARTNER, PASSWORD, Directory, Mail, Sieve, message, token

ALICE = f"alice@{DOMAIN}"
BOB = f"bob@{DOMAIN}"
CAROL = f"carol@{DOMAIN}"
DAVE = f"dave@{DOMAIN}"
ERIN = f"erin@{DOMAIN}"
FRANK = f"frank@{DOMAIN}"
GRACE = f"grace@{DOMAIN}"
INFO = f"info@{IDN}"
TEAM = f"team@{DOMAIN}"


@pytest.fixture(scope="module")
def directory(hosts):
    """Two domains with one mailbox for each case. Nothing is reloaded for them."""
    made = Directory(hosts("ldap1"))
    made.delete_domain(IDN)
    made.delete_domain(DOMAIN)
    made.add_domain(DOMAIN)
    made.add_mailbox("alice", also=(f"alice.nickname@{DOMAIN}",))
    made.add_mailbox("bob", delivery=(BOB, "friend@elsewhere.example"))
    made.add_mailbox("carol", delivery=("friend@elsewhere.example",))
    made.add_mailbox("dave", state="disabled")
    made.add_mailbox("erin", services=("imap",))
    made.add_mailbox("frank", quota=1_000_000)
    made.add_mailbox("grace")
    made.add_alias("team", (ALICE, "friend@elsewhere.example"))
    made.add_domain(IDN, IDN_UTF8)
    made.add_mailbox("info", IDN, also=(f"info@{IDN_UTF8}",))
    yield made
    made.delete_domain(IDN)
    made.delete_domain(DOMAIN)


@pytest.fixture(scope="module")
def mail(directory, info, tls, hosts, mail_host, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    wait_for(lambda: ready.dialogue(PARTNER, INFO)[0] == 250, "the replica knows the new domains")
    yield ready
    mail_host.remove_mail(DOMAIN, IDN)


# In


def test_from_a_server_outside_to_the_mailbox(mail, hosts):
    subject = token()
    text = f"From: {PARTNER}\nTo: {ALICE}\nSubject: {subject}\n\nHello\n"
    done = hosts("outside").run(f"printf %s {shlex.quote(text)} | sendmail -f {PARTNER} {ALICE}")
    assert done.rc == 0
    found = mail.read(ALICE, subject)
    assert found["Return-Path"] == f"<{PARTNER}>"
    assert found["Delivered-To"] == ALICE
    assert "TLSv1.3" in "".join(found.get_all("Received"))


@pytest.mark.parametrize("recipient", [f"alice.nickname@{DOMAIN}", f"ALICE@{DOMAIN.upper()}", TEAM])
def test_aliases_and_case(mail, recipient):
    subject = token()
    mail.send(recipient, subject)
    mail.read(ALICE, subject)


def test_plus_address_reaches_the_mailbox_with_its_detail(mail):
    subject = token()
    mail.send(f"alice+shop@{DOMAIN}", subject)
    assert mail.read(ALICE, subject)["Delivered-To"] == f"alice+shop@{DOMAIN}"


def test_forward_with_and_without_copy(mail, mail_host):
    both, only = token("both"), token("only")
    mail.send(BOB, both)
    mail.send(CAROL, only)
    mail.read(BOB, both)
    mail.outside_text(both, "friend")
    mail.outside_text(only, "friend")
    assert mail_host.run(f"doveadm search -u {CAROL} mailbox INBOX subject {only}").stdout == ""


def test_internationalised_domain_in_both_forms(mail):
    plain, utf8 = token("a-label"), token("u-label")
    mail.send(INFO, plain)
    with mail.port25() as smtp:
        made = message(PARTNER, f"info@{IDN_UTF8}", utf8)
        smtp.send_message(made, PARTNER, [f"info@{IDN_UTF8}"], mail_options=["SMTPUTF8"])
    mail.read(INFO, plain)
    mail.read(INFO, utf8)


def test_bounces_have_no_sender_and_come_in(mail):
    subject = token("bounce")
    mail.send(ALICE, subject, sender="")
    assert mail.read(ALICE, subject)["Return-Path"] == "<>"


def test_disabled_mailbox_receives(mail):
    subject = token()
    mail.send(DAVE, subject)
    mail.in_store(DAVE, subject)


def test_postmaster_is_reached_in_every_form(mail):
    for recipient in ("postmaster", f"postmaster@{DOMAIN}", f"abuse@{IDN_UTF8}", "postmaster@mail1.mailroom.example"):
        options = () if recipient.isascii() else ("SMTPUTF8",)
        assert mail.dialogue(PARTNER, recipient, *options)[0] == 250, recipient


def test_ipv6(mail):
    subject = token()
    with mail.port25("2001:db8:80::10") as smtp:
        smtp.send_message(message(PARTNER, ALICE, subject), PARTNER, [ALICE])
    with mail.imap(ALICE, address="fd80:80:1::10") as client:
        assert client.noop()[0] == "OK"
    mail.read(ALICE, subject)


def test_smuggled_message_stays_text(mail):
    """Only CR LF . CR LF ends a message: what follows a bare "\\n.\\n" is part of it (CVE-2023-51764)."""
    subject, smuggled = token("outer"), token("smuggled")
    body = (
        f"From: {PARTNER}\r\nTo: {ALICE}\r\nSubject: {subject}\r\n\r\nfirst\n.\nMAIL FROM:<{PARTNER}>\r\n"
        f"RCPT TO:<{ALICE}>\r\nDATA\r\nSubject: {smuggled}\r\n\r\nsecond\r\n.\r\n"
    )
    with mail.port25() as smtp:
        smtp.mail(PARTNER)
        smtp.rcpt(ALICE)
        assert smtp.docmd("DATA")[0] == 354
        smtp.send(body.encode())
        assert smtp.getreply()[0] == 250
    assert f"Subject: {smuggled}" in mail.read(ALICE, subject).get_payload()


# Out


@pytest.mark.parametrize("service", ["submission", "submissions"])
def test_answer_goes_out_without_the_client_in_it(mail, service):
    subject = token()
    made = message(ALICE, PARTNER, subject, X_Originating_IP="[192.0.2.77]")
    with mail.submission(ALICE, service=service) as smtp:
        here = smtp.sock.getsockname()[0]
        smtp.send_message(made)
    text = mail.outside_text(subject)
    assert f"Return-Path: <{ALICE}>" in text
    for trace in (here, "192.0.2.77", "laptop.private", "Authenticated sender"):
        assert trace not in text


def test_own_addresses_may_be_used(mail):
    with mail.submission(ALICE) as smtp:
        for sender in (ALICE, f"alice.nickname@{DOMAIN}", f"alice+shop@{DOMAIN}", ""):
            smtp.rset()
            assert smtp.mail(sender)[0] == 250
            assert smtp.rcpt(PARTNER)[0] == 250, sender


def test_undeliverable_mail_comes_back_as_a_report(mail):
    subject = token()
    with mail.submission(ALICE) as smtp:
        smtp.send_message(message(ALICE, "nobody@elsewhere.example", subject))

    def report():
        with mail.imap(ALICE) as client:
            client.select("INBOX", readonly=True)
            return client.search(None, "SUBJECT", "Undelivered", "TEXT", f'"{subject}"')[1][0].split()

    mail.wait_for(report, "the delivery status report")


def test_mail_of_the_hosts_own_programs_goes_to_the_administrator(mail, mail_host):
    subject = token("cron")
    assert mail_host.run(f"printf 'Subject: {subject}\\n\\nx\\n' | sendmail root").rc == 0
    mail.in_store("alice.liddell@widget.example", subject)


# Refused, each with its code


@pytest.mark.parametrize(
    ("sender", "recipient", "code", "status"),
    [
        (PARTNER, f"nobody@{DOMAIN}", 550, "5.1.1"),
        # Near misses, patterns, and what might reach a directory filter
        (PARTNER, f"alic@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"alice.@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"alice-shop@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"*@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"alic*@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, '"*)(mail=*"@' + DOMAIN, 550, "5.1.1"),
        (PARTNER, f"info@{DOMAIN}", 550, "5.1.1"),
        (PARTNER, f"alice@{IDN}", 550, "5.1.1"),
        # This host's own name is not a mail domain for others
        (PARTNER, "root@mail1.mailroom.example", 550, "5.1.1"),
        # Relaying
        (PARTNER, "someone@third.example", 554, "5.7.1"),
        (PARTNER, f"alice@sub.{DOMAIN}", 554, "5.7.1"),
        (PARTNER, f"alice@{DOMAIN}.third.example", 554, "5.7.1"),
        (PARTNER, f"alice%third.example@{DOMAIN}", 554, "5.7.1"),
        (PARTNER, f"third.example!alice@{DOMAIN}", 554, "5.7.1"),
        # Our own users' addresses come with a password, existing or not
        (BOB, ALICE, 553, "5.7.1"),
        (f"nobody@{DOMAIN}", ALICE, 553, "5.7.1"),
        (INFO, ALICE, 553, "5.7.1"),
        (TEAM, ALICE, 553, "5.7.1"),
        (BOB, PARTNER, 553, "5.7.1"),
    ],
)
def test_port_25_refuses(mail, sender, recipient, code, status):
    answer, text = mail.dialogue(sender, recipient)
    assert (answer, text.split()[0]) == (code, status), text


def test_forged_sender_with_utf8_domain(mail):
    answer, text = mail.dialogue(f"info@{IDN_UTF8}", ALICE, "SMTPUTF8")
    assert (answer, text.split()[0]) == (553, "5.7.1"), text


@pytest.mark.parametrize(
    ("sender", "recipient", "code"),
    [
        (BOB, PARTNER, 553),
        (TEAM, PARTNER, 553),
        (f"nobody@{DOMAIN}", PARTNER, 553),
        (PARTNER, PARTNER, 553),
        (ALICE, f"nobody@{DOMAIN}", 550),
    ],
)
def test_submission_refuses(mail, sender, recipient, code):
    with mail.submission(ALICE) as smtp:
        smtp.mail(sender)
        assert smtp.rcpt(recipient)[0] == code


def login_code(mail, user, password=PASSWORD):
    try:
        mail.submission(user, password).quit()
    except smtplib.SMTPAuthenticationError as error:
        return error.smtp_code
    return 235


def test_log_in_to_send(mail):
    assert login_code(mail, ALICE) == 235
    assert login_code(mail, ALICE, "wrong") == 535
    assert login_code(mail, f"nobody@{DOMAIN}") == 535
    assert login_code(mail, DAVE) == 535, "a disabled mailbox"
    assert login_code(mail, ERIN) == 535, "a mailbox without the service"
    assert login_code(mail, "*") == 535


def test_oversize_mail_is_refused_before_it_is_sent(mail):
    with mail.port25() as smtp:
        limit = int(smtp.esmtp_features["size"])
        code, text = smtp.docmd(f"MAIL FROM:<{PARTNER}>", f"SIZE={limit + 1}")
        assert (code, text.split()[0]) == (552, b"5.3.4")
        assert smtp.docmd(f"MAIL FROM:<{PARTNER}>", f"SIZE={limit}")[0] == 250


def test_nothing_is_said_in_clear_text(mail, info):
    with mail.port25() as smtp:
        assert "auth" not in smtp.esmtp_features
        assert smtp.docmd("AUTH PLAIN AGEAYg==")[0] == 503
        assert smtp.docmd(f"VRFY {ALICE}")[0] == 502
    with smtplib.SMTP(*info["services"]["submission"], timeout=20) as smtp:
        smtp.ehlo()
        assert "auth" not in smtp.esmtp_features
        assert smtp.docmd("AUTH PLAIN AGEAYg==")[0] == 530
        assert smtp.docmd(f"MAIL FROM:<{ALICE}>")[0] == 530
    address = info["services"]["imap"][0]
    with imaplib.IMAP4(address, 143, timeout=20) as imap:
        assert "LOGINDISABLED" in imap.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            imap.login(ALICE, PASSWORD)
    pop = poplib.POP3(address, 110, timeout=20)
    with pytest.raises(poplib.error_proto):
        pop.user(ALICE)
    pop.close()
    sieve = Sieve(*info["services"]["sieve"], info["name"], None)
    assert "STARTTLS" in sieve.capabilities[1]
    assert sieve.login(ALICE, PASSWORD)[0] == "NO"
    sieve.close()


def test_old_tls_is_refused(mail, hosts):
    for port in (465, 993, 995):
        done = hosts("client").run(f"openssl s_client -tls1_1 -connect 10.80.1.10:{port} </dev/null")
        assert done.rc != 0, port


def test_too_many_connections_at_once(mail, info):
    """The limit per client address (postfix_client_connection_count_limit is 20)."""
    open_ones, banners = [], []
    try:
        for _ in range(25):
            made = socket.create_connection(tuple(info["services"]["smtp"]), timeout=20)
            open_ones.append(made)
            banners.append(made.recv(200)[:3])
            if banners[-1] == b"421":
                break
    finally:
        for made in open_ones:
            made.close()
    assert banners[-1] == b"421"
    assert banners.count(b"220") <= 20


# The directory goes away


def test_directory_down_loses_nothing(mail, hosts, mail_host):
    server, outside = mail_host, hosts("outside")
    subject = token("down")
    text = f"From: {PARTNER}\nTo: {ALICE}\nSubject: {subject}\n\nHello\n"
    assert server.run("systemctl stop slapd").rc == 0
    try:
        for recipient in (ALICE, f"nobody@{DOMAIN}", "someone@third.example"):
            code, answer = mail.dialogue(PARTNER, recipient)
            # 4.3.0 or 4.3.5, by which look-up fails first.
            assert (code, answer[:4]) == (451, "4.3."), f"{recipient}: {answer}"
        assert outside.run(f"printf %s {shlex.quote(text)} | sendmail -f {PARTNER} {ALICE}").rc == 0
        mail.wait_for(lambda: "451 4.3." in outside.run("mailq").stdout, "the mail waits outside")
        # A log-in is neither right nor wrong now. The answers come late, so ask all at once.
        with ThreadPoolExecutor() as pool:
            smtp, imap, pop3 = (pool.submit(ask, mail, ALICE) for ask in (login_code, Mail.imap, Mail.pop3))
            assert smtp.result() == 454
            with pytest.raises(imaplib.IMAP4.error, match="UNAVAILABLE"):
                imap.result()
            with pytest.raises(poplib.error_proto, match="SYS/TEMP"):
                pop3.result()
    finally:
        assert server.run("systemctl start slapd").rc == 0
    mail.wait_for(lambda: login_code(mail, ALICE) == 235, "log-ins work again")
    mail.read(ALICE, subject)
    assert login_code(mail, ALICE, "wrong") == 535


def test_new_mailbox_needs_no_reload(mail, directory, mail_host, wait_for):
    count = "journalctl -u postfix -u dovecot -o cat | grep -ciE 'reload|starting up|daemon started'"
    before = mail_host.run(count).stdout
    address = directory.add_mailbox("latecomer")
    subject = token()
    wait_for(lambda: mail.dialogue(PARTNER, address)[0] == 250, "the new address is known")
    mail.send(address, subject)
    mail.read(address, subject)
    assert mail_host.run(count).stdout == before
