# SPDX-License-Identifier: GPL-3.0-or-later
"""Account files on the running platform: what a changed line does to log-ins and mail, and what it leaves alone."""

from __future__ import annotations

import copy
import json
import re
import shlex
import stat

import pytest
from accounttools import BASE, PLAY, SEARCH, AccountFiles, Steps, attribute, content, logs_in
from ansible.parsing.vault import VaultLib, VaultSecret
from mailroom.hashing import hash_password
from mailtools import PARTNER, PASSWORD, Directory, Mail, message, token

DOMAIN = "accounts.test"
DN = f"ou={DOMAIN},{BASE}"
NAMES = ("ann", "anna", "joann", "karl", "otto", "paula", "quinn", "rudi", "sara", "tom")
CHECKSUM = re.compile(r"Creates=.*Checksum=sha256:\w+")


def address(local):
    return f"{local}@{DOMAIN}"


def entries(provider):
    """How many entries our domain has, itself among them, without those that were removed and stay for a while."""
    return provider.run(f"{SEARCH} -b {DN} '(!(mailroomRemoved=*))' dn").stdout.count("dn: ")


@pytest.fixture(scope="module")
def provider(hosts):
    return hosts("ldap1")


@pytest.fixture(scope="module")
def baseline():
    """Ten mailboxes, three of them with names that contain one another."""
    hashed = hash_password(PASSWORD)
    boxes = {name: {"name": name.title(), "password": hashed} for name in NAMES}
    boxes["otto"]["aliases"] = ["orders"]
    aliases = {"postmaster": ["anna"], "abuse": ["anna"], "team": ["anna"]}
    return {"domain": DOMAIN, "defaults": {"quota": "1G"}, "mailboxes": boxes, "aliases": aliases}


@pytest.fixture(scope="module")
def files(playbook, provider, mail_host, baseline, tmp_path_factory):
    """The lab's files and a domain of our own; afterwards the lab's own files are applied again."""
    Directory(provider).delete_domain(DOMAIN)
    before = content(provider, f"ou=widget.example,{BASE}")
    made = AccountFiles(playbook, tmp_path_factory.mktemp("accounts"), DOMAIN)
    made.write(baseline)
    try:
        made.apply()
        yield made
    finally:
        # Also the only place where a whole domain goes, with mail in it: it has to be named. Its entries stay.
        playbook(PLAY, "-e", json.dumps({"mailroom_allow_domain_removals": [DOMAIN]}))
        gone = entries(provider)
        Directory(provider).delete_domain(DOMAIN)
        mail_host.remove_mail(DOMAIN)
    assert gone == 0
    assert content(provider, f"ou=widget.example,{BASE}") == before


@pytest.fixture
def wanted(files, baseline, provider):
    """Data to change, write and apply. Whatever a test does with it, the baseline is applied again."""
    before = entries(provider)
    try:
        yield copy.deepcopy(baseline)
    finally:
        files.write(baseline)
        files.apply(allow={DOMAIN: entries(provider) - before}, reuse=[address("orders")])
    assert entries(provider) == before


@pytest.fixture(scope="module")
def mail(files, info, tls, hosts, wait_for):
    ready = Mail(info, tls, hosts, wait_for)
    wait_for(lambda: ready.dialogue(PARTNER, address("tom"))[0] == 250, "the replica knows the new domain")
    return ready


def daemons(mail_host):
    """What changes when a daemon of the mail host is restarted or reloaded by systemd."""
    fields = "Id,MainPID,InvocationID,ActiveEnterTimestampMonotonic,StateChangeTimestampMonotonic"
    return mail_host.check_output(f"systemctl show -p {fields} postfix dovecot slapd")


def test_a_new_line_is_a_mailbox_at_once(files, wanted, mail, mail_host, provider, wait_for):
    carl = address("carl.gauss")
    wanted["mailboxes"]["carl.gauss"] = {"name": "Carl Gauß"}
    files.write(wanted)
    before, running = content(provider), daemons(mail_host)
    cursor = re.search(r"cursor: (\S+)", mail_host.check_output("journalctl -n0 --show-cursor"))[1]

    foreseen = files.apply("--check", "--diff")
    # The directory, and the mailbox made ready on the mail host.
    changed = {host: row["changed"] for host, row in foreseen.recap.items() if row["changed"]}
    assert changed == {"ldap1": 1, mail_host.name: 1}
    assert f"+ mailbox {carl}" in foreseen.output
    assert "Creates=1, Updates=0, Deletes=0" in foreseen.output
    assert content(provider) == before
    assert not files.passwords.exists()

    done = files.apply("--diff")
    assert CHECKSUM.search(done.output)[0] == CHECKSUM.search(foreseen.output)[0]
    assert stat.S_IMODE(files.passwords.stat().st_mode) == 0o600
    passwords = json.loads(files.passwords.read_text())
    assert list(passwords) == [carl]
    # Replication takes a moment; nothing else is waited for.
    wait_for(lambda: mail.dialogue(PARTNER, carl)[0] == 250, "mail is accepted", seconds=5)
    assert logs_in(mail, carl, passwords[carl])
    subject = token()
    mail.send(carl, subject)
    mail.in_store(carl, subject)

    assert files.apply().changed == 0
    assert json.loads(files.passwords.read_text()) == passwords
    assert daemons(mail_host) == running
    journal = f"journalctl -o cat -u postfix -u dovecot -u slapd --after-cursor={shlex.quote(cursor)}"
    log = mail_host.check_output(journal)
    assert subject in log or carl in log, "the journal shows what the daemons did"
    assert not re.search(r"(?i)\breload|refreshing|SIGHUP|\bstart(ing|ed)\b|\bstopp(ing|ed)\b", log)


def test_international_addresses_of_the_files_receive(mail):
    for recipient in ("bärbel@bücher.example", "B.Schön@xn--bcher-kva.example"):
        subject = token("eai")
        with mail.port25() as smtp:
            made = message(PARTNER, recipient, subject)
            smtp.send_message(made, PARTNER, [recipient], mail_options=["SMTPUTF8"])
        mail.in_store("bärbel@xn--bcher-kva.example", subject)
    assert mail.dialogue(PARTNER, "barbel@bücher.example", "SMTPUTF8")[0] == 550


def test_removing_ann_leaves_anna_and_joann(files, wanted, mail, wait_for):
    del wanted["mailboxes"]["ann"]
    files.write(wanted)
    done = files.apply("--diff")
    assert f"- mailbox {address('ann')}\n" in done.output
    assert "Creates=0, Updates=0, Deletes=1" in done.output
    code, text = wait_for(
        lambda: (answer := mail.dialogue(PARTNER, address("ann")))[0] != 250 and answer, "ann is gone"
    )
    assert code == 550, text
    assert not logs_in(mail, address("ann"), PASSWORD)
    for name in ("anna", "joann"):
        subject = token()
        mail.send(address(name), subject)
        mail.read(address(name), subject)


def test_removals_beyond_the_limit_are_to_be_named(files, wanted, provider):
    everybody = copy.deepcopy(wanted["mailboxes"])

    def without(*names):
        wanted["mailboxes"] = {name: box for name, box in everybody.items() if name not in names}
        files.write(wanted)

    before = content(provider)
    without("rudi", "sara", "tom")
    for arguments in ((), ("--check",)):
        run = files.apply(*arguments, ok=False)
        assert (
            "Refused, nothing was written.\n"
            f"{DOMAIN}: 3 of 10 mailboxes would be removed. If that is meant, name it: "
            f"allow_removals: {{{DOMAIN}: 3}} "
            f"""(with the playbook: -e '{{"mailroom_allow_removals": {{"{DOMAIN}": 3}}}}')\n"""
        ) in run.output
    # A number left over from another day lifts nothing.
    files.apply(ok=False, allow={DOMAIN: 2})
    assert content(provider) == before
    without("rudi", "sara")
    assert "Deletes=2," in files.apply("--diff").output
    without("rudi", "sara", "tom", "quinn", "paula")
    assert "Deletes=3," in files.apply("--diff", allow={DOMAIN: 3}).output


def test_changed_lines_take_effect(files, wanted, mail, wait_for):
    boxes = wanted["mailboxes"]
    boxes["otto"] |= {"quota": "3M", "aliases": []}
    boxes["paula"] |= {"aliases": ["orders"]}
    boxes["quinn"] |= {"services": {"imap": False}}
    boxes["sara"] |= {"state": "disabled"}
    boxes["tom"] |= {"forwards": [PARTNER]}
    wanted["aliases"]["team"] = ["anna", "joann"]
    files.write(wanted)
    refused = files.apply(ok=False)
    assert f"{address('orders')} belongs to mailbox {address('otto')}; it would go to mailbox" in refused.output
    done = files.apply("--diff", reuse=[address("orders")])
    assert "Creates=0, Updates=6, Deletes=0" in done.output
    assert "mailroomQuota: 1073741824 -> 3145728\n" in done.output
    assert "mailroomState: active -> disabled\n" in done.output

    wait_for(lambda: not logs_in(mail, address("sara"), PASSWORD), "sara cannot log in")
    assert not logs_in(mail, address("quinn"), PASSWORD)
    with mail.imap(address("otto")) as client:
        assert b"STORAGE 0 3072" in b" ".join(client.getquotaroot("INBOX")[1][1])
    subjects = {name: token(name) for name in ("orders", "sara", "team", "tom")}
    for name, subject in subjects.items():
        mail.send(address(name), subject)
    mail.read(address("paula"), subjects["orders"])
    mail.read(address("joann"), subjects["team"])
    mail.read(address("anna"), subjects["team"])
    mail.read(address("tom"), subjects["tom"])
    assert subjects["tom"] in mail.outside_text(subjects["tom"])
    mail.in_store(address("sara"), subjects["sara"])
    with mail.imap(address("otto")) as client:
        client.select("INBOX", readonly=True)
        assert client.search(None, "SUBJECT", subjects["orders"])[1] == [b""]


def test_a_password_belongs_to_its_user(files, wanted, mail, provider, playbook, tmp_path, wait_for):
    karl, dn, own = address("karl"), f"uid=karl,{DN}", "Karls-own-choice-7"
    script = 'umask 077; cd /run; IFS= read -r old; IFS= read -r new; printf %s "$old" >acc.old; '
    script += f'printf %s "$new" >acc.new; ldappasswd -x -H ldapi:/// -D {dn} -y acc.old -t acc.old -T acc.new; '
    script += "code=$?; rm -f acc.old acc.new; exit $code"
    done = provider.run(f"printf '%s\\n' {shlex.quote(PASSWORD)} {own} | sh -c {shlex.quote(script)}")
    assert done.rc == 0, done.stderr
    stored = attribute(provider, dn, "userPassword")
    assert stored.startswith("{ARGON2}")
    assert files.apply().changed == 0
    wanted["mailboxes"]["karl"]["password"] = hash_password("Another-in-the-file-1")
    files.write(wanted)
    assert files.apply().changed == 0
    assert attribute(provider, dn, "userPassword") == stored
    wait_for(lambda: logs_in(mail, karl, own), "the user's own password works")
    assert not logs_in(mail, karl, PASSWORD)
    # Whoever forgot it gets a new one from the module, which changes nothing else of what the files manage.
    steps = Steps(playbook, tmp_path)
    reset = {"address": karl, "password": "{{ new }}", "update_password": "always"}
    run = steps.run(
        [("mailbox", reset), ("mailbox", reset), ("mailbox", {"address": karl, "quota": "9G"})], {"new": PASSWORD}
    )
    assert steps.outcomes(run) == ["changed", "ok", "fatal"]
    assert f"{dn} is managed by the account files. Change it there and apply them." in run.output
    wait_for(lambda: logs_in(mail, karl, PASSWORD), "the new password works")


def test_planted_secrets_are_not_shown(files, wanted, mail, provider, tmp_path, wait_for):
    clear, hashed, vaulted_hash = "planted secret of vera", hash_password("of viktor 12"), hash_password("of willi 123")
    key = tmp_path / "vault"
    key.write_text("vault key of the test\n")
    vault = VaultLib([("default", VaultSecret(key.read_bytes().strip()))])

    def envelope(value):
        lines = vault.encrypt(value.encode()).decode().splitlines()
        return "!vault |\n" + "\n".join(f"        {line}" for line in lines) + "\n"

    files.write(wanted)
    text = files.file.read_text()
    assert "\nmailboxes:\n" in text
    added = (
        f"\nmailboxes:\n  vera:\n    name: Vera\n    password: {envelope(clear)}"
        f"  viktor: {{name: Viktor, password: '{hashed}'}}\n"
        f"  willi:\n    name: Willi\n    password: {envelope(vaulted_hash)}"
        "  xaver: {name: Xaver}\n"
    )
    files.write(text.replace("\nmailboxes:\n", added))
    arguments = ("-vvv", "--diff", "--vault-password-file", str(key))
    shown = files.apply("--check", *arguments).output
    shown += files.apply(*arguments, env={"MAILROOM_STRATEGY": "linear"}).output
    shown += files.apply(*arguments, ok=None).output
    assert shown.count("userPassword: ********") >= 8
    stored = [attribute(provider, f"uid={name},{DN}", "userPassword") for name in ("vera", "viktor", "willi", "xaver")]
    assert stored[1:3] == [hashed, vaulted_hash]
    one_time = json.loads(files.passwords.read_text())[address("xaver")]
    for secret in (clear, "vault key of", one_time, *stored):
        assert secret not in shown
        assert secret.removeprefix("{ARGON2}") not in shown
    # Nor in the packed form in which hashes travel.
    assert not re.search(r"[A-Za-z0-9+/_-]{150,}", shown)
    wait_for(lambda: logs_in(mail, address("vera"), clear), "the vaulted password works")
    assert logs_in(mail, address("xaver"), one_time)
    # Without its key a vaulted file stops everything.
    run = files.apply(ok=False)
    assert re.search(rf"{DOMAIN}\.yml:\d+: vaulted value cannot be decrypted: ", run.output)
