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
from types import SimpleNamespace

import pytest
import yaml
from accounttools import AccountFiles, logs_in
from mailroom.hashing import hash_password
from mailtools import PARTNER, PASSWORD, SUFFIX, Directory, Mail, token
from pairtools import stopped

DOMAIN = "life.example"
# Where a mailbox moves to.
OTHER = "livesin.example"
# Beside those that something happens to: names that contain theirs.
NAMES = ("dora", "dor", "dorab", "renate", "renat", "rita", "ritas", "petra", "petrad", "quentin", "nina", "zoe")
NAMES += ("mona", "monah", "sven", "svenja", "uwe")
MONA = f"mona@{OTHER}"


def address(local):
    return local if "@" in local else f"{local}@{DOMAIN}"


class Life:
    """A domain of account files, changed line by line and applied each time."""

    def __init__(self, files, mailboxes):
        self.files, self.mailboxes = files, mailboxes
        # Mailboxes of the other domain.
        self.others = {"oona": mailboxes["zoe"] | {"name": "Oona"}}

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
        leads = {name: [address("zoe")] for name in ("postmaster", "abuse")}
        other = {"domain": OTHER, "mailboxes": self.others, "aliases": leads}
        (self.files.folder / f"{OTHER}.yml").write_text(yaml.safe_dump(other))
        return self.files.apply(*arguments)


def store_of(mail_host):
    """Where the mail of our domain lies."""
    return f"{mail_host.root}/{DOMAIN}"


def files_of(mail_host, local):
    return mail_host.check_output(f"find {store_of(mail_host)}/{local} -path '*/cur/*' -printf '%i %P\\n' | sort")


def files_of_petrad(mail_host):
    maildir = f"{store_of(mail_host)}/petrad/Maildir"
    return mail_host.check_output(f"find {maildir} -path '*/cur/*' -o -path '*/new/*' | sort")


@pytest.fixture(scope="module")
def life(playbook, hosts, mail_host, tmp_path_factory):
    def clean():
        for domain in (DOMAIN, OTHER):
            Directory(hosts("ldap1")).delete_domain(domain)
            mail_host.remove_mail(domain, f".archive/{domain}")

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


def hold(directory, local, verb):
    """Put a legal hold on a removed mailbox, or lift it, as an administrator does by hand."""
    value = "mailroomHold: Case 2026/17\n" if verb == "add" else ""
    dn = f"uid={local},ou={DOMAIN},ou=domains,{SUFFIX}"
    directory.modify(f"dn: {dn}\nchangetype: modify\n{verb}: mailroomHold\n{value}")


def store(mail_host, arguments, ok=True):
    done = mail_host.run(f"mailroom-store {arguments}")
    assert (done.rc == 0) == ok, done.stdout + done.stderr
    return done


def removed(mail_host, local):
    """What mailroom-store lists about a removed mailbox."""
    return {row["address"]: row for row in json.loads(store(mail_host, "list --json").stdout)["quarantined"]}[
        address(local)
    ]


PETRA, KEY = address("petra"), "/run/mailroom-store-test.key"
SETTINGS = "/run/mailroom-store-test.json"


@pytest.fixture(scope="module")
def changed(life, mail, mail_host, wait_for):
    """One apply that disables dora, renames renate, removes rita and petra, and lowers quentin's quota.

    Runs of the play take seconds, so the tests share them. Has what was there before, and sessions open since then.
    """
    before = {}
    for local in ("renate", "rita", "petra", "mona"):
        fill(mail, local)
        before[local] = state(mail, local)
    before["files"], before["mona's files"] = (files_of(mail_host, local) for local in ("renate", "mona"))
    with mail.imap(address("quentin")) as client:
        large = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 45_000
        assert client.append("INBOX", "", None, large)[0] == "OK"
    assert mail.dialogue(PARTNER, address("quentin"))[0] == 250
    arrives(mail, "petrad")
    before["petrad"] = files_of_petrad(mail_host)
    with_sessions = ("dora", "dor", "dorab", "renate", "renat", "rita", "ritas", "mona", "monah")
    sessions = {local: mail.imap(address(local)) for local in with_sessions}
    pop3, sieve, smtp = mail.pop3(address("dora")), mail.sieve(address("dora")), mail.submission(address("dora"))

    lines = copy.deepcopy(life.mailboxes)
    allowed = json.dumps({"mailroom_allow_quota_below_use": [address("quentin")]})
    life.others["mona"] = lines["mona"] | {"renamed_from": address("mona")}
    run = life.change(
        *("--diff", "-e", allowed),
        mona=None,
        dora=lines["dora"] | {"state": "disabled"},
        renate=None,
        renata=lines["renate"] | {"renamed_from": "renate"},
        rita=None,
        petra=None,
        quentin=lines["quentin"] | {"quota": "2M"},
    )
    assert run.recap[mail_host.name]["changed"] == 1
    assert f"> mailbox {address('mona')} -> {MONA}\n" in run.output
    wait_for(lambda: refused(mail, "petra"), "the replica knows")
    yield SimpleNamespace(before=before, sessions=sessions, pop3=pop3, sieve=sieve, smtp=smtp, lines=lines)
    for client in sessions.values():
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            client.logout()


@pytest.fixture(scope="module")
def purged(changed, hosts, mail_host, wait_for):
    """Petra's mail purged on its date, into an encrypted archive, after all that must keep it has kept it."""
    mail_host.check_output(f"umask 077; rm -f {KEY}; age-keygen -o {KEY} 2>/dev/null")
    settings = json.loads(mail_host.check_output("cat /etc/mailroom/store.json"))
    settings["archive_key"] = mail_host.check_output(f"age-keygen -y {KEY}")
    mail_host.check_output(f"printf %s {shlex.quote(json.dumps(settings))} > {SETTINGS}")
    purge = f"--settings {SETTINGS} purge"

    def lines(arguments):
        """What a purge says of our domain; in a lab that was in use others may be due."""
        return [line for line in store(mail_host, arguments).stdout.splitlines() if f"@{DOMAIN}: " in line]

    def gone(arguments):
        found = json.loads(store(mail_host, f"{arguments} --json").stdout)["purged"]
        return {name: archive for name, archive in found.items() if name.endswith(f"@{DOMAIN}")}

    due = removed(mail_host, "petra")["purge"]
    eve = (date.fromisoformat(due) - timedelta(days=1)).isoformat()
    # Others that are due on that day stay out of this test.
    directory = Directory(hosts("ldap1"))
    hold(directory, "rita", "add")
    assert lines(f"{purge} --today {eve}") == []

    # A legal hold that comes later beats the date.
    hold(directory, "petra", "add")
    wait_for(lambda: removed(mail_host, "petra")["hold"], "the hold is on the replica")
    assert lines(f"{purge} --today {due}") == []
    hold(directory, "petra", "delete")
    wait_for(lambda: not removed(mail_host, "petra")["hold"], "the hold is lifted on the replica")

    # Nor does anything go on doubtful evidence, or where the mail is not.
    with stopped(hosts("ldap1"), "slapd"):
        answer = store(mail_host, f"purge --today {due}", ok=False)
        assert (answer.rc, "does not let us in" in answer.stderr) == (3, True)
    with stopped(mail_host, "dovecot"):
        answer = store(mail_host, f"purge --today {due}", ok=False)
        assert (answer.rc, "not the active mail host" in answer.stderr) == (4, True)

    assert lines(f"{purge} --today {due} --dry-run") == [f"{PETRA}: would be purged"]
    assert removed(mail_host, "petra")["mail"]
    done = gone(f"{purge} --today {due}")
    assert gone(f"{purge} --today {due}") == {}
    hold(directory, "rita", "delete")
    yield done
    mail_host.run(f"rm -f {KEY} {SETTINGS}")


@pytest.fixture(scope="module")
def back(life, mail, changed, purged, wait_for):
    """The lines of dora, rita and petra as they were."""
    life.change(**{local: changed.lines[local] for local in ("dora", "rita", "petra")})
    wait_for(lambda: logs_in(mail, PETRA, PASSWORD), "the old password works")


def test_a_new_mailbox_is_ready_before_anybody_logs_in(life, mail_host):
    for folder in ("cur", ".Drafts/cur", ".Sent/cur", ".Junk/cur", ".Trash/cur", ".Archive/cur"):
        place = mail_host.file(f"{store_of(mail_host)}/nina/Maildir/{folder}")
        assert (place.is_directory, place.user, place.mode) == (True, "vmail", 0o700), folder
    again = life.change()
    assert again.changed == 0
    # Nothing to do is not even a connection.
    assert again.recap[mail_host.name]["ok"] == 0


def test_disabling_ends_every_session_at_once(mail, changed):
    # The play is over, and so are they.
    assert has_ended(changed.sessions["dora"])
    with pytest.raises((poplib.error_proto, OSError)):
        changed.pop3.stat()
    assert says_bye(changed.sieve)
    code, text = changed.smtp.docmd(f"MAIL FROM:<{address('dora')}>")
    if code == 250:
        code, text = changed.smtp.docmd(f"RCPT TO:<{PARTNER}>")
    assert (code, text.split()[0]) == (553, b"5.7.1"), text
    changed.smtp.close()
    assert not logs_in(mail, address("dora"), PASSWORD)
    for near in ("dor", "dorab"):
        assert changed.sessions[near].noop()[0] == "OK"
    subject = token()
    mail.send(address("dora"), subject)
    mail.in_store(address("dora"), subject)


def test_a_rename_keeps_all_that_programs_remember(mail, mail_host, changed):
    assert has_ended(changed.sessions["renate"])
    assert changed.sessions["renat"].noop()[0] == "OK"
    assert not logs_in(mail, address("renate"), PASSWORD)
    assert state(mail, "renata") == changed.before["renate"]
    # Not even a copy: the same files in the same place.
    assert files_of(mail_host, "renate") == changed.before["files"]
    assert not mail_host.file(f"{store_of(mail_host)}/renata").exists
    # Nothing of Dovecot's own knows the login name.
    own = f"{store_of(mail_host)}/renate --include='dovecot*' --include='subscriptions'"
    assert mail_host.run(f"grep -rl {address('renate')} {own}").rc == 1
    assert refused(mail, "renate")
    arrives(mail, "renata")
    arrives(mail, "renat")


def test_a_rename_to_another_domain_keeps_it_too(mail, mail_host, changed, wait_for):
    assert has_ended(changed.sessions["mona"])
    assert changed.sessions["monah"].noop()[0] == "OK"
    assert not logs_in(mail, address("mona"), PASSWORD)
    wait_for(lambda: refused(mail, "mona"), "mail for the old address is refused")
    assert state(mail, MONA) == changed.before["mona"]
    assert files_of(mail_host, "mona") == changed.before["mona's files"]
    assert not mail_host.file(f"{mail_host.root}/{OTHER}/mona").exists
    arrives(mail, MONA)
    # Mail lies where it lay before, and those beside her get theirs.
    assert mail_host.check_output(f"ls {store_of(mail_host)}/mona/Maildir/new")
    for near in (address("monah"), f"oona@{OTHER}"):
        arrives(mail, near)


def test_a_removed_mailbox_is_locked_and_kept(mail, mail_host, changed, wait_for):
    assert has_ended(changed.sessions["rita"])
    assert changed.sessions["ritas"].noop()[0] == "OK"
    wait_for(lambda: refused(mail, "rita"), "mail is refused")
    assert not logs_in(mail, address("rita"), PASSWORD)
    assert mail_host.file(f"{store_of(mail_host)}/rita/Maildir/dovecot-uidlist").exists
    assert store(mail_host, "purge").stdout == ""
    arrives(mail, "ritas")


def test_a_lowered_quota_is_effective(mail, changed, wait_for):
    code, text = wait_for(
        lambda: (answer := mail.dialogue(PARTNER, address("quentin")))[0] != 250 and answer, "the mailbox is full"
    )
    assert (code, text.split()[0]) == (452, "4.2.2")
    with mail.imap(address("quentin")) as client:
        assert b" 2048)" in client.getquotaroot("INBOX")[1][1][0]


def test_a_purge_leaves_an_encrypted_archive(mail_host, changed, purged):
    assert list(purged) == [PETRA]
    archive = mail_host.file(purged[PETRA])
    assert (archive.user, archive.mode) == ("root", 0o600)
    assert archive.content.startswith(b"age-encryption.org/v1\n")
    manifest = json.loads(mail_host.file(f"{archive.path}.json").content_string)
    assert (manifest["messages"], manifest["folders"]) == (5, {"INBOX": 3, "Projects": 2})
    assert files_of_petrad(mail_host) == changed.before["petrad"]


def test_a_purged_mailbox_is_restored_from_its_archive(mail, mail_host, changed, back):
    answer = store(mail_host, f"restore {PETRA}", ok=False)
    assert "encrypted: name the private key (--identity FILE, or - for standard input)" in answer.stderr
    store(mail_host, f"restore {PETRA} --identity {KEY}")
    assert state(mail, "petra") == changed.before["petra"]
    arrives(mail, "petra")
    answer = store(mail_host, f"restore {PETRA} --identity {KEY}", ok=False)
    assert "has mail or scripts, which are not overwritten" in answer.stderr


def test_lines_that_are_back_bring_all_back(mail, changed, back):
    assert logs_in(mail, address("dora"), PASSWORD)
    assert state(mail, "rita") == changed.before["rita"]
    arrives(mail, "rita")


def test_what_a_cut_off_run_left_undone_is_done_later(life, mail, mail_host, back, wait_for):
    def of_ours(answer):
        found = json.loads(answer.stdout)
        return {name: [user for user in found[name] if user.endswith(f"@{DOMAIN}")] for name in ("ready", "ended")}

    sessions = {local: mail.imap(address(local)) for local in ("sven", "svenja", "uwe")}
    boxes = life.mailboxes
    # The provider alone, as if the controller had died then.
    life.change(
        *("--limit", "ldap1"),
        sven=boxes["sven"] | {"state": "disabled"},
        uwen=boxes["uwe"] | {"renamed_from": "uwe"},
        uwe=None,
        tilda=boxes["svenja"] | {"name": "Tilda"},
    )
    wait_for(lambda: mail.dialogue(PARTNER, address("tilda"))[0] == 250, "the replica knows")
    # It may still be under way, so the timer leaves it alone. Of an old name nobody can say how old it is.
    assert mail_host.run("systemctl start mailroom-reconcile.service").rc == 0
    assert mail_host.check_output("systemctl show -P Result mailroom-reconcile.service") == "success"
    assert mail_host.file("/run/mailroom-reconcile/mark").content_string.endswith("000000\n")
    assert sessions["sven"].noop()[0] == "OK"
    assert has_ended(sessions["uwe"])
    expected = {"ready": [address("tilda")], "ended": [address("sven")]}
    for arguments in ("reconcile --check --json", "reconcile --json"):
        assert of_ours(store(mail_host, arguments)) == expected
    assert has_ended(sessions["sven"])
    assert sessions["svenja"].noop()[0] == "OK"
    assert mail_host.file(f"{store_of(mail_host)}/tilda/Maildir/.Sent/cur").is_directory
    assert of_ours(store(mail_host, "reconcile --json")) == {"ready": [], "ended": []}
    # Where the mail is not, nothing is wrong.
    with stopped(mail_host, "dovecot"):
        assert store(mail_host, "reconcile", ok=False).rc == 4
        assert mail_host.run("systemctl start mailroom-reconcile.service").rc == 0


def test_an_archive_needs_no_mailroom_to_be_read(life, mail, mail_host):
    arrives(mail, "zoe")
    archive = json.loads(store(mail_host, f"archive {address('zoe')} --json").stdout)["archive"]
    listed = mail_host.check_output(f"zstd -d < {archive} | tar -t").splitlines()
    assert "Maildir/dovecot-uidlist" in listed
    assert [name for name in listed if name.startswith("Maildir/new/1") or name.startswith("Maildir/cur/1")]
    assert mail_host.check_output(f"stat -c %a {archive}") == "600"


def test_the_timers_are_there(mail_host):
    for timer in ("mailroom-purge.timer", "mailroom-reconcile.timer"):
        assert mail_host.check_output(f"systemctl is-enabled {timer}") == "enabled"
        assert mail_host.check_output(f"systemctl is-active {timer}") == "active"
    assert mail_host.check_output("systemctl show -P Persistent mailroom-purge.timer") == "yes"
    units = " ".join(f"mailroom-{name}.{kind}" for name in ("purge", "reconcile") for kind in ("timer", "service"))
    assert mail_host.run(f"systemd-analyze verify {units} mailroom-locks.service").rc == 0
    # In its sandbox, as it runs at night.
    assert mail_host.run("systemctl start mailroom-purge.service").rc == 0
    assert mail_host.check_output("systemctl show -P Result mailroom-purge.service") == "success"
