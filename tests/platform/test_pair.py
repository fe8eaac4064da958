# SPDX-License-Identifier: GPL-3.0-or-later
"""What lives on the two nodes of the mail pair: the same on both, and daemons, mail and work on one of them only."""

from __future__ import annotations

import json
import re
import threading
import time

import pytest
from accounttools import BASE, AccountFiles, content, logs_in
from directorytools import content as tree
from mailroom.hashing import hash_password
from mailtools import PARTNER, PASSWORD, Directory, Mail, token
from pairtools import Pair, serving

DOMAIN = "pair.example"
ALICE = "alice.liddell@widget.example"
MOUNT = "/srv/mailroom"
DAEMONS = ("postfix", "dovecot")
# All that the mail roles write on a host, by its checksum. What is a node's own is its name.
CONFIGURATION = (
    "find /etc/postfix /etc/dovecot /etc/mailroom/*.json /etc/mailroom/*.conf /usr/local/lib/mailroom /usr/local/sbin "
    "/etc/systemd/system/mailroom-* /etc/systemd/system/{postfix,dovecot}.service.d -type f ! -name '*.svbin' | sort | "
    'while read -r file; do echo "$(sed s/$(hostname)/NODE/g $file | sha256sum) $file"; done'
)


def address(local):
    return f"{local}@{DOMAIN}"


@pytest.fixture(scope="module")
def pair(hosts, info, wait_for):
    """The pair. Whatever a test does with it, the mail is where it was when all are done."""
    made = Pair(hosts, info, wait_for)
    before = made.active
    try:
        yield made
    finally:
        made.move(before)


@pytest.fixture(scope="module")
def files(pair, playbook, hosts, tmp_path_factory):
    """The lab's account files and a domain of our own, which is applied; nothing of it stays."""

    def clean():
        Directory(hosts("ldap1")).delete_domain(DOMAIN)
        pair.nodes()[0].remove_mail(DOMAIN)

    clean()
    made = AccountFiles(playbook, tmp_path_factory.mktemp("pair"), DOMAIN)
    made.boxes = {
        name: {"name": name.title(), "quota": "20M", "password": hash_password(PASSWORD)} for name in ("zoe", "ben")
    }
    apply_boxes(made)
    try:
        yield made
    finally:
        clean()


def apply_boxes(files, *arguments, **options):
    files.write({"domain": DOMAIN, "mailboxes": files.boxes, "aliases": {"postmaster": ["zoe"], "abuse": ["zoe"]}})
    return files.apply(*arguments, **options)


@pytest.fixture(scope="module")
def mail(files, info, tls, hosts, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    wait_for(lambda: ready.dialogue(PARTNER, address("zoe"))[0] == 250, "mail for the new domain is accepted")
    return ready


def changed(run):
    return {host for host, row in run.recap.items() if row["changed"]}


# The same on both


def test_configuration_is_the_same_but_for_the_names(pair):
    active, passive = (node.check_output(f"bash -c {json.dumps(CONFIGURATION)}") for node in pair.nodes())
    assert active.count("\n") > 20
    assert active == passive


def test_both_replicas_answer_alike(pair, hosts, wait_for):
    wait_for(lambda: len({tree(hosts(name)) for name in ("ldap1", *pair.names)}) == 1, "equal trees")
    answers = set()
    for node in pair.nodes():
        asked = (
            "for key in alice.liddell alice.lidell ann sales; do for map in aliases mailboxes senders recipients; do "
        )
        asked += "echo $key $map: $(postmap -q $key@widget.example ldap:/etc/postfix/ldap/$map.cf); done; done"
        answers.add(node.check_output(asked))
    assert len(answers) == 1
    assert f"alice.liddell mailboxes: {ALICE}" in answers.pop()


# Daemons, mail and work are on one node


def test_passive_node_starts_no_daemon(pair):
    active, passive = pair.nodes()
    for unit in DAEMONS:
        done = passive.run(f"systemctl start {unit}")
        assert done.rc != 0
        assert f"Assertion failed on job for {unit}.service" in done.stderr
        assert passive.run(f"systemctl is-active {unit}").stdout.strip() != "active"
        for node in (active, passive):
            assert node.run(f"systemctl is-enabled {unit}").stdout.strip() == "disabled"
    assert not re.search(r":(25|465|587|993|995|4190)\s", passive.check_output("ss -Hltn"))


def test_package_that_comes_anew_starts_nothing_either(pair):
    """As an update does: maintainer scripts restart what runs, and start what is enabled."""
    passive = pair.nodes()[1]
    passive.check_output("apt-get install --reinstall --yes --quiet postfix dovecot-core dovecot-imapd")
    for unit in DAEMONS:
        assert passive.run(f"systemctl is-active {unit}").stdout.strip() != "active"
        assert passive.run(f"systemctl is-enabled {unit}").stdout.strip() == "disabled"
    assert passive.check_output(f"ls -A {MOUNT}") == ""


def test_nobody_writes_below_the_unmounted_mount_point(pair):
    active, passive = pair.nodes()
    for user in ("vmail", "postfix", "nobody"):
        assert passive.run(f"setpriv --reuid {user} --clear-groups mkdir {MOUNT}/mail").rc != 0, user
    # A mail program that is called by hand.
    passive.run(f"doveadm -o mail_home={MOUNT}/mail/x -o mail_uid=vmail mailbox create -u x --no-userdb-lookup INBOX")
    assert passive.run("printf 'Subject: x\\n\\nx\\n' | sendmail root").rc != 0
    assert passive.check_output(f"ls -A {MOUNT}") == ""
    assert active.run(f"mountpoint --quiet {MOUNT}").rc == 0


@pytest.mark.parametrize(
    "command",
    ["archive {}", "restore {}", "purge", "ready {}", "lock --all", "lock {}", "usage", "quota {}", "list", "active"],
)
def test_care_for_mailboxes_is_refused_on_the_passive_node(pair, command):
    done = pair.nodes()[1].run(f"mailroom-store {command.format(ALICE)}")
    assert (done.rc, done.stdout) == (4, "")
    assert done.stderr == f"mailroom-store: not the active mail host: nothing is mounted at {MOUNT}\n"


def test_purge_at_night_is_no_failure_on_either_node(pair):
    for node in pair.nodes():
        assert node.run("systemctl start mailroom-purge.service").rc == 0
        assert node.check_output("systemctl show -P Result mailroom-purge.service") == "success"
        assert node.run("systemctl is-failed mailroom-purge.service").rc != 0
        assert node.check_output("systemctl is-active mailroom-purge.timer") == "active"
    ran = [node.check_output("systemctl show -P ConditionResult mailroom-purge.service") for node in pair.nodes()]
    assert ran == ["yes", "no"]


def test_lock_of_a_dead_node_closes_no_mailbox(pair, mail):
    """Dovecot believes a lock of another host for two minutes, one of its own only while the process is there."""
    active = pair.nodes()[0]
    subject = token("locked")
    home = f"{active.root}/{DOMAIN}/zoe/Maildir"
    # No process has this number: Linux ends at 4194304.
    active.check_output(f"printf 4194305:%s >{home}/dovecot-uidlist.lock", mail.info["name"])
    active.check_output(f"chown vmail: {home}/dovecot-uidlist.lock")
    started = time.monotonic()
    mail.send(address("zoe"), subject)
    mail.read(address("zoe"), subject)
    assert time.monotonic() - started < 15


def test_lock_of_a_dead_node_with_the_number_of_a_living_process(pair, mail, wait_for):
    """Dovecot would believe it for as long as that process lives. It goes when Dovecot starts, as in a take-over."""
    active = pair.nodes()[0]
    home = f"{active.root}/{DOMAIN}/zoe/Maildir"
    old, new = f"{home}/dovecot-uidlist.lock", f"{home}/.Sent/dovecot-uidlist.lock"
    active.check_output(f"printf 1:%s >{old}; touch -d '-1 hour' {old}; chown vmail: {old}", mail.info["name"])
    active.check_output("crm_resource --resource mail-dovecot --restart")
    wait_for(lambda: not active.file(old).exists, "the old lock is gone", 10)
    subject = token("unlocked")
    mail.send(address("zoe"), subject)
    mail.read(address("zoe"), subject)
    # What was taken since is somebody's.
    active.check_output(f"printf 1:%s >{new}; chown vmail: {new}", mail.info["name"])
    assert active.run("systemctl start mailroom-locks.service").rc == 0
    assert active.file(new).exists
    active.check_output(f"rm {new}")


# Plays


def test_faulty_setting_stops_at_the_passive_node(pair, playbook):
    wrong = json.dumps({"postfix_extra_settings": {"smtpd_recipient_limitt": "1"}})
    run = playbook("playbooks/mail.yml", "--tags", "postfix", "-e", wrong, ok=False)
    active, passive = pair.active, pair.passive
    assert run.recap[passive]["failed"] == 1
    assert run.recap[active]["failed"] == 0
    tasks = run.output.partition("TASK [postfix :")[2]
    assert f"[{passive}]" in tasks
    assert f"[{active}]" not in tasks


@pytest.fixture(scope="module")
def moved(pair, files):
    """The mail on the other node than before."""
    pair.move(pair.passive)
    return pair.nodes()[0]


def test_accounts_follow_the_mail_to_the_other_node(moved, pair, files, mail, tls):
    files.boxes["late"] = files.boxes["zoe"] | {"name": "Late"}
    foreseen = apply_boxes(files, "--check")
    assert changed(foreseen) == {"ldap1", moved.name}
    run = apply_boxes(files)
    assert changed(run) == {"ldap1", moved.name}
    assert moved.file(f"{moved.root}/{DOMAIN}/late/Maildir/.Sent/cur").is_directory
    assert logs_in(mail, address("late"), PASSWORD)
    assert apply_boxes(files).changed == 0

    # Its use is asked there too, before anything is written.
    with mail.imap(address("late")) as client:
        large = b"Subject: large\r\n\r\n" + (b"x" * 70 + b"\r\n") * 45_000
        assert client.append("INBOX", "", None, large)[0] == "OK"
    files.boxes["late"]["quota"] = "2M"
    run = apply_boxes(files, ok=False)
    assert "bytes are used" in run.output
    files.boxes["late"]["quota"] = "20M"

    # And sessions end there.
    session = mail.imap(address("ben"))
    files.boxes["ben"]["state"] = "disabled"
    apply_boxes(files)
    with pytest.raises((OSError, type(session).error)):
        assert session.noop()[0] == "OK"
    assert not logs_in(mail, address("ben"), PASSWORD)


def test_archive_is_restored_by_the_play_wherever_the_mail_is(moved, files, playbook):
    play, merge = "playbooks/ops/restore-mailbox.yml", '{"merge": true}'
    moved.check_output(f"mailroom-store archive {address('zoe')}")
    run = playbook(play, "-e", f"address={address('zoe')}", "-e", merge)
    assert "messages brought back from" in run.output
    assert changed(run) == {moved.name}
    run = playbook(play, "-e", f"address={address('nobody')}", "-e", merge, ok=False)
    assert "the directory replica of this host has no such mailbox" in run.output


@pytest.mark.thorough
def test_site_changes_nothing_where_the_mail_has_moved(moved, files, playbook):
    run = playbook("playbooks/site.yml", *files.where)
    assert run.changed == 0, run.output


@pytest.mark.thorough
def test_certificates_are_renewed_on_both_nodes(moved, pair, playbook, info, tls, hosts, wait_for):
    from test_base_pki import PLAY, extra, handshake, serial

    before = {name: serial(hosts(name)) for name in pair.names}
    names = ["{{ base_fqdn }}", info["name"], "added.mailroom.example"]
    more = ("--limit", ",".join(pair.names), "--tags", "pki", *extra(pki_names=names))
    try:
        playbook(PLAY, *more)
        now = {name: serial(hosts(name)) for name in pair.names}
        assert not set(before.values()) & set(now.values())
        wait_for(lambda: handshake(info, tls, info["name"])["serialNumber"] == now[moved.name], "the new certificate")
        pair.move(pair.passive)
        assert handshake(info, tls, info["name"])["serialNumber"] == now[pair.active]
        assert pair.active != moved.name
    finally:
        playbook(PLAY, "--limit", ",".join(pair.names), "--tags", "pki")


def test_account_play_while_no_node_has_the_mail(pair, files, mail, hosts):
    provider, short = hosts("ldap1"), ("-e", "mailroom_serving_seconds=3")
    with pair.off():
        # What depends on how much mail there is does not begin.
        before = content(provider, f"ou={DOMAIN},{BASE}")
        files.boxes["zoe"]["quota"] = "19M"
        run = apply_boxes(files, *short, ok=False)
        assert "Nothing was changed." in " ".join(run.output.split())
        assert content(provider, f"ou={DOMAIN},{BASE}") == before
        files.boxes["zoe"]["quota"] = "20M"

        # What does not is done in the directory, and the rest is named.
        files.boxes["later"] = {"name": "Later", "password": hash_password(PASSWORD)}
        run = apply_boxes(files, *short, ok=False)
        said = " ".join(run.output.split())
        assert "The directory is changed, but no mail host has the mail store and a running Dovecot" in said

        run = files.playbook("playbooks/ops/restore-mailbox.yml", "-e", f"address={address('zoe')}", *short, ok=False)
        assert "Nothing was restored: no mail host has the mail store" in " ".join(run.output.split())

        # A play that meets a take-over waits for its end.
        files.boxes["patient"] = {"name": "Patient", "password": hash_password(PASSWORD)}
        back = threading.Timer(8, pair.start)
        back.start()
        run = apply_boxes(files)
        back.join()
    assert changed(run) == {"ldap1", serving(hosts, mail.info)}
    assert logs_in(mail, address("patient"), PASSWORD)
    assert apply_boxes(files).changed == 0
