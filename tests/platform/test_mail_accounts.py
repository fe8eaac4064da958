# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind, state, groups, identities and catch-alls of accounts mean for mail: whole paths through real daemons."""

from __future__ import annotations

import base64
import imaplib
import poplib
import re
import shlex
import smtplib
from concurrent.futures import ThreadPoolExecutor

import pytest
from mailtools import PARTNER, PASSWORD, Directory, Mail, message, token

HOME, HOME_ALIAS = "kinds.example", "kinds.test"
CATCH = "catch.example"
OTHER = "friend@elsewhere.example"


def at(local, domain=HOME):
    return f"{local}@{domain}"


ALICE, BOB, SERVICE, AGENT = at("alice"), at("bob"), at("service"), at("agent")
PRINTER, INBOX, GONE = at("printer"), at("inbox"), at("gone")
SATO, STREET = at("佐藤"), at("grüße.straße")


def fill(made):
    made.add_domain(HOME, HOME_ALIAS)
    made.add_mailbox("alice", HOME, also=(at("alice", HOME_ALIAS), at("al")), senders=(SERVICE, at("help")))
    made.add_mailbox("bob", HOME, also=(at("bob", HOME_ALIAS),))
    made.add_mailbox("printer", HOME, kind="send_only", also=(at("scanner"),))
    made.add_mailbox("inbox", HOME, kind="receive_only")
    made.add_mailbox("service", HOME, kind="shared", also=(at("help"),), quota=10_240_000)
    made.add_mailbox("gone", HOME, state="quarantined", also=(at("gone.nickname"),))
    made.add_mailbox("moved", HOME, store=f"{HOME}/before~2")
    made.add_mailbox("agent", HOME, also=(at("agent", HOME_ALIAS), at("ag")), senders=(SERVICE,), identity=SERVICE)
    made.add_mailbox("agent2", HOME)
    made.add_mailbox("佐藤", HOME)
    made.add_mailbox("grüße.straße", HOME, also=(at("grüsse.strasse"),))
    made.add_alias("both", (BOB, GONE), HOME)
    made.add_group("open", (BOB,), HOME)
    made.add_group("staff", (BOB,), HOME, ("internal",))
    made.add_group("team", (BOB, at("inner")), HOME, (ALICE, PARTNER))
    made.add_group("inner", (INBOX,), HOME, (BOB,))
    made.add_domain(CATCH)
    made.add_alias("", (BOB,), CATCH)
    made.add_mailbox("ann", CATCH)
    made.add_mailbox("gone", CATCH, state="quarantined")
    made.add_mailbox("off", CATCH, state="disabled")
    made.add_mailbox("printer", CATCH, kind="send_only")
    made.add_mailbox("straße", CATCH, also=(at("strasse", CATCH),))
    made.add_alias("sales", (at("ann", CATCH),), CATCH)
    made.add_alias("closed", (at("ann", CATCH),), CATCH, state="disabled")
    made.add_group("list", (at("ann", CATCH),), CATCH)


@pytest.fixture(scope="module")
def directory(hosts):
    """Two domains with one object for each case, as the account code writes them."""
    made = Directory(hosts("ldap1"))
    for domain in (HOME, CATCH):
        made.delete_domain(domain)
    with made.together():
        fill(made)
    yield made
    for domain in (HOME, CATCH):
        made.delete_domain(domain)


@pytest.fixture(scope="module")
def mail(directory, info, tls, hosts, mail_host, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    wait_for(lambda: ready.dialogue(PARTNER, at("list", CATCH))[0] == 250, "the replica knows the new domains")
    yield ready
    mail_host.remove_mail(HOME, CATCH)


def submitted(mail, user, recipient, sender=""):
    """The answer to RCPT TO after a log-in."""
    with mail.submission(user) as smtp:
        smtp.command_encoding = "utf-8"
        smtp.docmd(f"MAIL FROM:<{sender or user}>")
        code, text = smtp.docmd(f"RCPT TO:<{recipient}>")
    return code, text.decode()


REFUSED_LOG_IN = "535|AUTHENTICATIONFAILED|\\[AUTH\\]"


def can(mail, user, service):
    """Whether a log-in works. Anything but a plain refusal of the password is an error."""
    log_in, log_out = {"imap": (mail.imap, "logout"), "pop3": (mail.pop3, "quit")}.get(
        service, (mail.submission, "quit")
    )
    try:
        getattr(log_in(user), log_out)()
    except (smtplib.SMTPAuthenticationError, imaplib.IMAP4.error, poplib.error_proto) as error:
        if re.search(REFUSED_LOG_IN, str(error)):
            return False
        raise
    return True


# Kinds and states


def test_who_can_log_in_to_what(mail):
    wanted = {
        (ALICE, "imap"): True,
        (PRINTER, "submission"): True,
        (PRINTER, "imap"): False,
        (PRINTER, "pop3"): False,
        (INBOX, "imap"): True,
        (INBOX, "pop3"): True,
        (INBOX, "submission"): False,
        (SERVICE, "imap"): False,
        (SERVICE, "submission"): False,
        (GONE, "imap"): False,
        (GONE, "pop3"): False,
        (GONE, "submission"): False,
    }
    # A refusal comes late, so ask all at once.
    with ThreadPoolExecutor(len(wanted)) as pool:
        found = dict(zip(wanted, pool.map(lambda case: can(mail, *case), wanted), strict=True))
    assert found == wanted


def test_who_only_sends_is_refused_as_recipient_and_heard_as_sender(mail):
    for recipient in (PRINTER, at("scanner"), at("printer+x")):
        refusal = f"5.7.1 <{recipient}>: Recipient address rejected: This address only sends and takes no mail"
        assert mail.dialogue(PARTNER, recipient) == (550, refusal)
        assert submitted(mail, ALICE, recipient) == (550, refusal)
    subject = token("scan")
    with mail.submission(PRINTER) as smtp:
        smtp.send_message(message(PRINTER, BOB, subject))
    assert mail.read(BOB, subject)["Return-Path"] == f"<{PRINTER}>"


def test_who_only_receives_reads_by_imap_and_pop3(mail):
    subject = token("invoice")
    mail.send(INBOX, subject)
    mail.read(INBOX, subject)
    client = mail.pop3(INBOX)
    count = len(client.list()[1])
    assert subject.encode() in b"".join(b"\n".join(client.retr(number + 1)[1]) for number in range(count))
    client.quit()


def test_shared_mailbox_receives_with_its_quota(mail, mail_host):
    for recipient in (SERVICE, at("help")):
        subject = token("question")
        mail.send(recipient, subject)
        mail.in_store(SERVICE, subject)
    assert " 10000 " in mail_host.run(f"doveadm quota get -u {SERVICE}").stdout


def test_quarantined_mailbox_is_closed_under_every_address(mail):
    for recipient in (GONE, at("gone.nickname"), at("gone+x")):
        refusal = f"5.2.1 <{recipient}>: Recipient address rejected: This mailbox is closed"
        assert mail.dialogue(PARTNER, recipient) == (550, refusal)
        assert submitted(mail, ALICE, recipient) == (550, refusal)


def test_nothing_is_delivered_to_a_quarantined_member_and_the_sender_learns_it(mail, mail_host):
    subject = token("both")
    with mail.submission(ALICE) as smtp:
        smtp.send_message(message(ALICE, at("both"), subject))
    mail.read(BOB, subject)

    def report():
        with mail.imap(ALICE) as client:
            client.select("INBOX", readonly=True)
            return client.search(None, "SUBJECT", "Undelivered", "TEXT", f'"{subject}"')[1][0].split()

    mail.wait_for(report, "the delivery status report")
    assert not mail_host.file(f"{mail_host.root}/{HOME}/gone").exists


def test_mail_lies_where_the_store_says(mail, mail_host):
    subject = token("moved")
    mail.send(at("moved"), subject)
    mail.read(at("moved"), subject)
    home = f"{mail_host.root}/{HOME}"
    found = mail_host.run(f"grep -rlF {subject} {home}").stdout.split()
    assert {path.split("/Maildir/")[0] for path in found} == {f"{home}/before~2"}


# Catch-all and further names of a domain


@pytest.mark.parametrize(
    ("recipient", "reader"),
    [
        (at("anybody", CATCH), BOB),
        (at("anybody+shop", CATCH), BOB),
        (at("an", CATCH), BOB),
        # Each of these exists, so the catch-all is not asked.
        (at("ann", CATCH), at("ann", CATCH)),
        (at("ann+shop", CATCH), at("ann", CATCH)),
        (at("sales", CATCH), at("ann", CATCH)),
        (at("list", CATCH), at("ann", CATCH)),
        (at("alice", HOME_ALIAS), ALICE),
        (at("alice+shop", HOME_ALIAS), ALICE),
    ],
)
def test_catch_all_and_alias_domain(mail, recipient, reader):
    subject = token("catch")
    mail.send(recipient, subject)
    mail.read(reader, subject)


def test_catch_all_gets_no_mail_of_those_who_have_an_address(mail):
    off, street = token("off"), token("street")
    mail.send(at("off", CATCH), off)
    mail.in_store(at("off", CATCH), off)
    with mail.port25() as smtp:
        made = message(PARTNER, at("straße", CATCH), street)
        smtp.send_message(made, PARTNER, [at("straße", CATCH)], mail_options=["SMTPUTF8"])
    mail.read(at("straße", CATCH), street)
    for recipient, status in (
        (at("gone", CATCH), "5.2.1"),
        (at("gone+x", CATCH), "5.2.1"),
        (at("printer", CATCH), "5.7.1"),
        (at("closed", CATCH), "5.1.1"),
        # No catch-all in this domain, nor for names below the other one
        (at("anybody"), "5.1.1"),
        (at("anybody", HOME_ALIAS), "5.1.1"),
        (at("open", HOME_ALIAS), "5.1.1"),
    ):
        code, text = mail.dialogue(PARTNER, recipient)
        assert (code, text.split()[0]) == (550, status), (recipient, text)
    assert mail.dialogue(PARTNER, at("anybody", f"sub.{CATCH}"))[0] == 554


# Senders and identities


@pytest.mark.parametrize(
    ("user", "sender", "code"),
    [
        (ALICE, at("al"), 250),
        (ALICE, at("alice", HOME_ALIAS), 250),
        (ALICE, SERVICE, 250),
        (ALICE, at("help"), 250),
        (PRINTER, at("scanner"), 250),
        (BOB, SERVICE, 553),
        (BOB, at("help"), 553),
        (ALICE, at("service", HOME_ALIAS), 553),
        (ALICE, at("servic"), 553),
        (ALICE, GONE, 553),
        (AGENT, at("agent2"), 553),
        (at("agent2"), AGENT, 553),
    ],
)
def test_who_may_send_as_whom(mail, user, sender, code):
    assert submitted(mail, user, PARTNER, sender)[0] == code


def test_mail_of_a_shared_mailbox(mail):
    subject = token("as-service")
    with mail.submission(ALICE) as smtp:
        smtp.send_message(message(SERVICE, PARTNER, subject))
    text = mail.outside_text(subject)
    assert f"Return-Path: <{SERVICE}>" in text
    assert ALICE not in text


@pytest.mark.parametrize("sender", [AGENT, at("agent", HOME_ALIAS), at("ag"), at("agent+x")])
def test_outgoing_identity_hides_the_agent_outside_and_only_there(mail, sender):
    subject = token("identity")
    made = message(
        f"Customer Service <{sender}>",
        f"{PARTNER}, {BOB}",
        subject,
        Sender=AGENT,
        Cc=AGENT,
        Reply_To="answers@elsewhere.example",
        X_Sender=AGENT,
        X_Authenticated_Sender=AGENT,
        Disposition_Notification_To=AGENT,
    )
    with mail.submission(AGENT) as smtp:
        smtp.send_message(made, sender, [PARTNER, BOB])
    text = mail.outside_text(subject)
    assert f"Return-Path: <{SERVICE}>" in text
    assert f"From: Customer Service <{SERVICE}>" in text
    assert "Reply-To: answers@elsewhere.example" in text
    assert f"Message-ID: {made['Message-ID']}" in text
    assert BOB in text
    for own in ("agent@", "ag@", "agent+x@"):
        assert own not in text
    inside = mail.read(BOB, subject)
    assert inside["From"] == f"Customer Service <{sender}>"
    assert inside["Return-Path"] == f"<{sender}>"


def test_near_namesake_of_the_agent_keeps_the_own_address(mail):
    subject = token("own")
    with mail.submission(at("agent2")) as smtp:
        smtp.send_message(message(at("agent2"), PARTNER, subject))
    assert f"Return-Path: <{at('agent2')}>" in mail.outside_text(subject)


# Who may post to a group


def refused(recipient):
    return 550, f"5.7.2 <{recipient}>: Recipient address rejected: You may not post to this list"


def test_posting_from_outside(mail):
    team = at("team")
    assert mail.dialogue(OTHER, at("open"))[0] == 250
    assert mail.dialogue(PARTNER, team)[0] == 250
    assert mail.dialogue("Partner+list@elsewhere.example", at("Team+x"))[0] == 250
    for sender in (OTHER, "artner@elsewhere.example", "partner@elsewhere.example.third.example", ""):
        assert mail.dialogue(sender, team) == refused(team), sender
    for recipient in (at("staff"), at("inner")):
        assert mail.dialogue(PARTNER, recipient) == refused(recipient)
    # The one refused group does not stand in the way of others in the same mail.
    with mail.port25() as smtp:
        smtp.mail(PARTNER)
        assert [smtp.rcpt(who)[0] for who in (at("staff"), BOB, team)] == [550, 250, 250]


@pytest.mark.parametrize(
    ("user", "sender", "group", "allowed"),
    [
        (ALICE, ALICE, "team", True),
        (ALICE, at("alice", HOME_ALIAS), "team", True),
        (ALICE, SERVICE, "team", True),
        (BOB, BOB, "team", False),
        (BOB, BOB, "inner", True),
        (ALICE, ALICE, "inner", False),
        (PRINTER, PRINTER, "staff", True),
        (BOB, BOB, "open", True),
    ],
)
def test_posting_after_a_log_in(mail, user, sender, group, allowed):
    answer = submitted(mail, user, at(group), sender)
    assert answer[0] == 250 if allowed else answer == refused(at(group))


def test_mail_to_the_outer_group_reaches_the_inner_one(mail):
    subject = token("nested")
    mail.send(at("team"), subject)
    mail.read(BOB, subject)
    mail.read(INBOX, subject)


def ask_service(host, **question):
    """What the policy service on a mail host says, asked as smtpd asks it."""
    lines = "".join(f"{name}={value}\n" for name, value in question.items()) + "\n"
    program = (
        "import base64, socket; s = socket.socket(socket.AF_UNIX); s.settimeout(60); "
        f"s.connect('{host.queue}/private/group-posters'); "
        f"s.sendall(base64.b64decode('{base64.b64encode(lines.encode()).decode()}')); print(s.recv(999).decode())"
    )
    done = host.run(f"python3 -c {shlex.quote(program)}")
    assert done.rc == 0, done.stderr
    return done.stdout.strip()


def test_own_addresses_without_a_log_in_do_not_count(mail, mail_host):
    """Port 25 refuses such senders anyway; this is for platforms that have exceptions."""
    server, team = mail_host, at("team")
    assert ask_service(server, recipient=team, sender=ALICE, sasl_username="") == (
        "action=550 5.7.2 You may not post to this list"
    )
    assert ask_service(server, recipient=team, sender=ALICE, sasl_username=ALICE) == "action=DUNNO"
    assert ask_service(server, recipient=team, sender=PARTNER, sasl_username="") == "action=DUNNO"
    assert ask_service(server, recipient=at("*"), sender=OTHER, sasl_username="") == "action=DUNNO"


def test_directory_down_refuses_nobody_for_good(mail, mail_host):
    server = mail_host
    assert server.run("systemctl stop slapd").rc == 0
    try:
        answer = ask_service(server, recipient=at("team"), sender=PARTNER, sasl_username="")
        assert answer == "action=451 4.3.0 Cannot ask who may post to this list"
        for recipient in (at("team"), PRINTER, GONE, at("gone", CATCH), at("anybody", CATCH)):
            assert mail.dialogue(PARTNER, recipient)[0] == 451, recipient
    finally:
        assert server.run("systemctl start slapd").rc == 0
    mail.wait_for(lambda: mail.dialogue(PARTNER, at("team"))[0] == 250, "the directory answers")


# Addresses in all scripts (RFC 6531)


@pytest.mark.parametrize("address", [SATO, STREET])
def test_international_address_from_outside_to_every_protocol(mail, hosts, address):
    subject = token("eai")
    text = f"From: {PARTNER}\nTo: {address}\nSubject: {subject}\n\nこんにちは\n"
    done = hosts("outside").run(f"printf %s {shlex.quote(text)} | sendmail -f {PARTNER} {address}")
    assert done.rc == 0
    found = mail.read(address, subject)
    assert found["Delivered-To"] == address
    client = mail.pop3(address)
    assert subject.encode() in b"\n".join(client.retr(len(client.list()[1]))[1])
    client.quit()
    mail.sieve(address).close()


@pytest.mark.parametrize("address", [SATO, STREET])
def test_international_sender_inside_and_outside(mail, address):
    subject = token("eai-out")
    with mail.submission(address) as smtp:
        smtp.send_message(message(address, f"{BOB}, {PARTNER}", subject), mail_options=["SMTPUTF8"])
    assert mail.read(BOB, subject)["Return-Path"] == f"<{address}>"
    assert f"Return-Path: <{address}>" in mail.outside_text(subject)


def test_international_address_in_other_case_and_near_misses(mail):
    def answer(recipient, *options):
        return mail.dialogue(PARTNER, recipient, *options)[0]

    assert answer(at("GRÜẞE.Straße"), "SMTPUTF8") == 250
    assert answer(at("grüße.straße+shop"), "SMTPUTF8") == 250
    # Composed and decomposed forms are one address.
    assert answer(at("gru\u0308ße.straße"), "SMTPUTF8") == 250
    for near in ("佐", "佐藤藤", "grusse.strasse", "grüße"):
        assert answer(at(near), "SMTPUTF8") == 550, near
    code, text = submitted(mail, SATO, PARTNER, STREET)
    assert code == 553, text
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(lambda user: can(mail, user, "imap"), [at("佐"), at("grüße.strasse")])) == [False, False]


def test_password_of_an_international_user_is_checked(mail):
    with pytest.raises(smtplib.SMTPAuthenticationError):
        mail.submission(SATO, PASSWORD + "x")
