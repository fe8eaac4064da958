# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a mailbox on the mail host, from its lines to its archive, as clients and strangers see it."""

from __future__ import annotations

import contextlib
import copy
import imaplib
import json
import poplib
import shlex
from datetime import date, timedelta

import pytest
from accounttools import AccountFiles, logs_in
from mailroom.hashing import hash_password
from mailtools import PARTNER, PASSWORD, SUFFIX, Directory, Mail, token

DOMAIN = "life.example"
STORE = f"/srv/mail/{DOMAIN}"
# Each test has its own, and beside it names that contain it.
NAMES = ("dora", "dor", "dorab", "renate", "renat", "rita", "ritas", "petra", "petrad", "quentin", "zoe")


def address(local):
    return f"{local}@{DOMAIN}"


class Life:
    """A domain of account files, changed line by line and applied each time."""

    def __init__(self, files, mailboxes):
        self.files, self.mailboxes = files, mailboxes

    def change(self, *arguments, **lines):
        """Apply changed lines of mailboxes (None: the lines go) and return the run."""
        for local, box in lines.items():
            if box is None:
                del self.mailboxes[local]
            else:
                self.mailboxes[local] = box
        self.files.write(
            {
                "domain": DOMAIN,
                "mailboxes": self.mailboxes,
                "aliases": {"postmaster": ["zoe"], "abuse": ["zoe"]},
            }
        )
        return self.files.apply(*arguments)

    def lines(self, local):
        return copy.deepcopy(self.mailboxes[local])


@pytest.fixture(scope="module")
def mail1(hosts):
    return hosts("mail1")


@pytest.fixture(scope="module")
def life(playbook, hosts, mail1, tmp_path_factory):
    def clean():
        Directory(hosts("ldap1")).delete_domain(DOMAIN)
        mail1.run(f"rm -rf {STORE} /srv/mail/.archive/{DOMAIN}")

    clean()
    hashed = hash_password(PASSWORD)
    made = Life(
        AccountFiles(playbook, tmp_path_factory.mktemp("accounts"), DOMAIN),
        {name: {"name": name.title(), "password": hashed} for name in NAMES},
    )
    made.mailboxes["quentin"]["quota"] = "20M"
    try:
        made.change()
        yield made
    finally:
        clean()


@pytest.fixture(scope="module")
def mail(life, info, tls, hosts, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    wait_for(lambda: ready.dialogue(PARTNER, address("zoe"))[0] == 250, "mail for the new domain is accepted")
    return ready


def fill(mail, local):
    """Give a mailbox mail with flags and keywords in two folders, a gap in its UIDs, and a filter."""
    with mail.imap(address(local)) as client:
        for number in range(4):
            client.append(
                "INBOX", "(\\Seen Important)" if number % 2 else "", None, f"Subject: {number}\r\n\r\nx\r\n".encode()
            )
        client.create("Projects")
        client.subscribe("Projects")
        client.select("INBOX")
        client.copy("2:3", "Projects")
        client.store("1", "+FLAGS", "\\Deleted")
        client.expunge()
        # Opened once, so that nothing is \Recent any more.
        client.select("Projects")
    sieve = mail.sieve(address(local))
    assert sieve.put("main", 'require "fileinto"; if header :is "X-Never" "so" { fileinto "Junk"; }\n')[0] == "OK"
    assert sieve.command(b'SETACTIVE "main"')[0] == "OK"
    sieve.close()


def state(mail, local):
    """All that a user's programs remember about a mailbox."""
    seen = {}
    with mail.imap(address(local)) as client:
        for folder in ("INBOX", "Projects"):
            client.select(folder, readonly=True)
            messages = client.uid("FETCH", "1:*", "(UID FLAGS INTERNALDATE BODY.PEEK[])")[1]
            seen[folder] = (client.response("UIDVALIDITY")[1], messages)
        seen["subscribed"] = sorted(client.lsub()[1])
    client = mail.pop3(address(local))
    seen["uidl"] = client.uidl()[1]
    client.quit()
    sieve = mail.sieve(address(local))
    seen["filters"] = sieve.command(b"LISTSCRIPTS"), sieve.command(b'GETSCRIPT "main"')
    sieve.close()
    assert len(seen["uidl"]) == 3
    return seen


def has_ended(client):
    """Whether the server closed an IMAP session; it says BYE, or the connection is gone."""
    try:
        return client.noop()[0] != "OK"
    except (imaplib.IMAP4.error, OSError):
        return True


def says_bye(sieve):
    """The same of ManageSieve."""
    try:
        return sieve.command(b"NOOP")[0] == "BYE"
    except (AssertionError, OSError):
        return True


def refused(mail, local):
    code, text = mail.dialogue(PARTNER, address(local))
    return code == 550 and text


def arrives(mail, local):
    subject = token()
    mail.send(address(local), subject)
    mail.read(address(local), subject)


def store(mail1, arguments, ok=True):
    done = mail1.run(f"mailroom-store {arguments}")
    assert (done.rc == 0) == ok, done.stdout + done.stderr
    return done


def removed(mail1, local):
    """What mailroom-store lists about a removed mailbox."""
    return {row["address"]: row for row in json.loads(store(mail1, "list --json").stdout)["quarantined"]}[
        address(local)
    ]


def test_a_new_mailbox_is_ready_before_anybody_logs_in(life, mail1):
    run = life.change(nina={"name": "Nina"})
    assert run.recap["mail1"]["changed"] == 1
    for folder in ("cur", ".Drafts/cur", ".Sent/cur", ".Junk/cur", ".Trash/cur", ".Archive/cur"):
        place = mail1.file(f"{STORE}/nina/Maildir/{folder}")
        assert (place.is_directory, place.user, place.mode) == (True, "vmail", 0o700), folder
    again = life.change()
    assert again.changed == 0
    # Nothing to do is not even a connection.
    assert again.recap["mail1"]["ok"] == 0


def test_disabling_ends_every_session_at_once(life, mail, wait_for):
    open_imap, open_pop3 = mail.imap(address("dora")), mail.pop3(address("dora"))
    open_sieve, open_smtp = mail.sieve(address("dora")), mail.submission(address("dora"))
    near = [mail.imap(address(name)) for name in ("dor", "dorab")]
    life.change(dora=life.lines("dora") | {"state": "disabled"})
    # The play is over, and so are they.
    assert has_ended(open_imap)
    with pytest.raises((poplib.error_proto, OSError)):
        open_pop3.stat()
    assert says_bye(open_sieve)
    code, text = open_smtp.docmd(f"MAIL FROM:<{address('dora')}>")
    if code == 250:
        code, text = open_smtp.docmd(f"RCPT TO:<{PARTNER}>")
    assert (code, text.split()[0]) == (553, b"5.7.1"), text
    open_smtp.close()
    assert not logs_in(mail, address("dora"), PASSWORD)
    for client in near:
        assert client.noop()[0] == "OK"
        client.logout()
    subject = token()
    mail.send(address("dora"), subject)
    mail.in_store(address("dora"), subject)
    life.change(dora={name: value for name, value in life.lines("dora").items() if name != "state"})
    wait_for(lambda: logs_in(mail, address("dora"), PASSWORD), "dora may log in again")


def test_a_rename_keeps_all_that_programs_remember(life, mail, mail1):
    fill(mail, "renate")
    before = state(mail, "renate")
    places = mail1.check_output(f"find {STORE}/renate -path '*/cur/*' -printf '%i %P\\n' | sort")
    session = mail.imap(address("renate"))
    box = life.lines("renate")
    life.change(renate=None, renata=box | {"renamed_from": "renate"})
    assert has_ended(session)
    assert not logs_in(mail, address("renate"), PASSWORD)
    assert state(mail, "renata") == before
    # Not even a copy: the same files in the same place.
    assert mail1.check_output(f"find {STORE}/renate -path '*/cur/*' -printf '%i %P\\n' | sort") == places
    assert not mail1.file(f"{STORE}/renata").exists
    # Nothing of Dovecot's own knows the login name.
    assert (
        mail1.run(f"grep -rl {address('renate')} {STORE}/renate --include='dovecot*' --include='subscriptions'").rc == 1
    )
    assert refused(mail, "renate")
    arrives(mail, "renata")
    arrives(mail, "renat")


def test_removed_and_brought_back(life, mail, wait_for, mail1):
    fill(mail, "rita")
    before, session, box = state(mail, "rita"), mail.imap(address("rita")), life.lines("rita")
    run = life.change("--diff", rita=None)
    assert address("rita") in run.output
    assert has_ended(session)
    wait_for(lambda: refused(mail, "rita"), "mail is refused")
    assert not logs_in(mail, address("rita"), PASSWORD)
    assert removed(mail1, "rita")["mail"]
    assert store(mail1, "purge").stdout == ""
    arrives(mail, "ritas")
    life.change(rita=box)
    wait_for(lambda: logs_in(mail, address("rita"), PASSWORD), "the old password works")
    assert state(mail, "rita") == before
    arrives(mail, "rita")


@pytest.fixture
def settings(mail1):
    """A file with the host's settings and other ones."""
    made = "/run/mailroom-store-test.json"

    def write(**change):
        data = json.loads(mail1.check_output("cat /etc/mailroom/store.json")) | change
        mail1.check_output(f"printf %s {shlex.quote(json.dumps(data))} > {made}")
        return f"--settings {made}"

    yield write
    mail1.run(f"rm -f {made}")


@contextlib.contextmanager
def stopped(host, service):
    host.check_output(f"systemctl stop {service}")
    try:
        yield
    finally:
        host.check_output(f"systemctl start {service}")


@pytest.fixture
def key(mail1):
    """Where a private key lies for the time of a test; its public half is what archives are encrypted for."""
    path = "/run/mailroom-store-test.key"
    mail1.check_output(f"umask 077; age-keygen -o {path} 2>/dev/null")
    yield path
    mail1.run(f"rm -f {path}")


def test_purged_on_its_date_and_restored(life, mail, hosts, mail1, settings, key, wait_for):
    petra, directory = address("petra"), Directory(hosts("ldap1"))
    fill(mail, "petra")
    before, box = state(mail, "petra"), life.lines("petra")
    arrives(mail, "petrad")
    near = f"find {STORE}/petrad/Maildir -path '*/cur/*' -o -path '*/new/*' | sort"
    near_before = mail1.check_output(near)
    encrypting = settings(archive_key=mail1.check_output(f"age-keygen -y {key}"))
    life.change(petra=None)
    wait_for(lambda: refused(mail, "petra"), "the replica knows")
    due = removed(mail1, "petra")["purge"]
    eve = (date.fromisoformat(due) - timedelta(days=1)).isoformat()
    assert store(mail1, f"{encrypting} purge --today {eve}").stdout == ""

    # A legal hold that comes later beats the date.
    dn = f"uid=petra,ou={DOMAIN},ou=domains,{SUFFIX}"
    directory.modify(f"dn: {dn}\nchangetype: modify\nadd: mailroomHold\nmailroomHold: Case 2026/17\n")
    wait_for(lambda: removed(mail1, "petra")["hold"], "the hold is on the replica")
    assert store(mail1, f"{encrypting} purge --today {due}").stdout == ""
    directory.modify(f"dn: {dn}\nchangetype: modify\ndelete: mailroomHold\n")
    wait_for(lambda: not removed(mail1, "petra")["hold"], "the hold is lifted on the replica")

    # Nor does anything go on doubtful evidence, or where the mail is not.
    with stopped(hosts("ldap1"), "slapd"):
        answer = store(mail1, f"purge --today {due}", ok=False)
        assert (answer.rc, "does not let us in" in answer.stderr) == (3, True)
    with stopped(mail1, "dovecot"):
        answer = store(mail1, f"purge --today {due}", ok=False)
        assert (answer.rc, "not the active mail host" in answer.stderr) == (4, True)

    assert store(mail1, f"{encrypting} purge --today {due} --dry-run").stdout == f"{petra}: would be purged\n"
    assert removed(mail1, "petra")["mail"]
    purged = json.loads(store(mail1, f"{encrypting} purge --today {due} --json").stdout)["purged"]
    assert list(purged) == [petra]
    archive = mail1.file(purged[petra])
    assert (archive.user, archive.mode) == ("root", 0o600)
    assert archive.content.startswith(b"age-encryption.org/v1\n")
    manifest = json.loads(mail1.file(f"{archive.path}.json").content_string)
    assert (manifest["messages"], manifest["folders"]) == (5, {"INBOX": 3, "Projects": 2})
    row = removed(mail1, "petra")
    assert (row["mail"], row["archives"]) == (False, [archive.path.rpartition("/")[2]])
    assert mail1.check_output(near) == near_before
    assert json.loads(store(mail1, f"{encrypting} purge --today {due} --json").stdout)["purged"] == {}

    assert "bring its lines back and apply them first" in store(mail1, f"restore {petra}", ok=False).stderr
    life.change(petra=box)
    wait_for(lambda: logs_in(mail, petra, PASSWORD), "the old password works")
    answer = store(mail1, f"restore {petra}", ok=False)
    assert "encrypted: name the private key (--identity FILE, or - for standard input)" in answer.stderr
    store(mail1, f"restore {petra} --identity {key}")
    assert state(mail, "petra") == before
    arrives(mail, "petra")
    answer = store(mail1, f"restore {petra} --identity {key}", ok=False)
    assert "has mail or scripts, which are not overwritten" in answer.stderr


def test_an_archive_needs_no_mailroom_to_be_read(life, mail, mail1):
    arrives(mail, "zoe")
    archive = json.loads(store(mail1, f"archive {address('zoe')} --json").stdout)["archive"]
    listed = mail1.check_output(f"zstd -d < {archive} | tar -t").splitlines()
    assert "Maildir/dovecot-uidlist" in listed
    assert [name for name in listed if name.startswith("Maildir/new/1") or name.startswith("Maildir/cur/1")]
    assert mail1.check_output(f"stat -c %a {archive}") == "600"


def test_a_lowered_quota_is_effective(life, mail, wait_for):
    with mail.imap(address("quentin")) as client:
        text = b"Subject: large\r\n\r\n" + b"x" * 70 + b"\r\n"
        assert client.append("INBOX", "", None, text + (b"x" * 70 + b"\r\n") * 45_000)[0] == "OK"
    assert mail.dialogue(PARTNER, address("quentin"))[0] == 250
    allowed = json.dumps({"mailroom_allow_quota_below_use": [address("quentin")]})
    run = life.change("-e", allowed, quentin=life.lines("quentin") | {"quota": "2M"})
    assert run.recap["mail1"]["ok"] > 0
    code, text = wait_for(
        lambda: (answer := mail.dialogue(PARTNER, address("quentin")))[0] != 250 and answer, "the mailbox is full"
    )
    assert (code, text.split()[0]) == (452, "4.2.2")
    with mail.imap(address("quentin")) as client:
        assert b" 2048)" in client.getquotaroot("INBOX")[1][1][0]


def test_the_timer_is_there(mail1):
    assert mail1.check_output("systemctl is-enabled mailroom-purge.timer") == "enabled"
    assert mail1.check_output("systemctl is-active mailroom-purge.timer") == "active"
    assert mail1.check_output("systemctl show -P Persistent mailroom-purge.timer") == "yes"
    assert mail1.run("systemd-analyze verify mailroom-purge.timer mailroom-purge.service").rc == 0
    # In its sandbox, as it runs at night.
    assert mail1.run("systemctl start mailroom-purge.service").rc == 0
    assert mail1.check_output("systemctl show -P Result mailroom-purge.service") == "success"
