# SPDX-License-Identifier: GPL-3.0-or-later
"""What account runs refuse or leave alone: bad files, entries of others; and the modules for single objects."""

from __future__ import annotations

import shutil

import pytest
from accounttools import BASE, PLAY, AccountFiles, Steps, attribute, content, logs_in
from mailtools import PARTNER, Directory, Mail, token

DOMAIN = "accounts.test"
MACHINES = "machines.test"
HEAD = f"domain: {DOMAIN}\naliases:\n  postmaster: [alice]\n  abuse: [alice]\nmailboxes:\n  alice: {{name: Alice}}\n"
# Text of the file and what is said of it; {0} stands for the folder.
BAD_FILES = {
    "unknown field": (
        HEAD + "  bob: {name: Bob, qouta: 5G}\n",
        "{0}/accounts.test.yml:7: mailboxes.bob.qouta: unknown field; did you mean quota?",
    ),
    "duplicate key": (
        HEAD + "  alice: {name: Alice Again}\n",
        "{0}/accounts.test.yml:7: alice: duplicate key, first used on line 6; remove one of the two",
    ),
    "address used in another domain": (
        HEAD + "  bob: {name: Bob, aliases: [alice.liddell@widget.example]}\n",
        "{0}/accounts.test.yml:7: mailboxes.bob.aliases: alice.liddell@widget.example is already used by mailbox "
        "alice.liddell@widget.example ({0}/widget.example.yml:14); give it to one of them",
    ),
    "bad address": (
        HEAD + "  bob: {name: Bob, forwards: [bob@elsewhere]}\n",
        "{0}/accounts.test.yml:7: mailboxes.bob.forwards[0]: 'bob@elsewhere' is not an address: "
        "a domain name needs a dot",
    ),
    "plain-text password": (
        HEAD + "  bob: {name: Bob, password: Secret-Word-12}\n",
        "{0}/accounts.test.yml:7: mailboxes.bob.password: password in plain text; write {{ARGON2}}$argon2id$... "
        "or a vaulted value, or leave it out to have a one-time password generated",
    ),
    "broken YAML": (
        HEAD + "  bob: {name: [Bob}\n",
        "{0}/accounts.test.yml:7: broken YAML: did not find expected ',' or ']'",
    ),
    "dead alias target": (
        HEAD.replace("abuse: [alice]", "abuse: [alice, nobody]"),
        "{0}/accounts.test.yml:4: aliases.abuse: nobody@accounts.test does not exist; "
        "correct the target, or add it as a mailbox or alias",
    ),
    "empty file": ("", "{0}/accounts.test.yml:1: the file is empty; it needs at least domain:"),
}


@pytest.fixture(scope="module")
def provider(hosts):
    return hosts("ldap1")


@pytest.fixture
def files(playbook, tmp_path):
    return AccountFiles(playbook, tmp_path, DOMAIN)


def refused(files, provider, expected):
    """The run stops with exactly these words, and nothing has been written."""
    before = content(provider)
    run = files.apply(ok=False)
    assert run.returncode == 2
    assert run.recap["ldap1"] | {"failed": 1, "ok": 0, "changed": 0} == run.recap["ldap1"]
    message = f"Task failed: Action failed: Errors in the account files (1), nothing was written:\n{expected}\nOrigin: "
    assert message in run.output
    assert content(provider) == before
    assert not files.passwords.exists()
    return run


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_stops_the_run(files, provider, name):
    text, expected = BAD_FILES[name]
    files.write(text)
    run = refused(files, provider, expected.format(files.folder))
    assert "Secret-Word-12" not in run.output


@pytest.mark.parametrize("how", ["missing", "empty", "unreadable"])
def test_a_folder_without_files_stops_the_run(files, provider, how):
    shutil.rmtree(files.folder)
    reasons = {
        "missing": "cannot be read: No such file or directory",
        "empty": "no account files here; expected DOMAIN.yml or DOMAIN/*.yml",
        "unreadable": "cannot be read: Too many levels of symbolic links",
    }
    if how == "empty":
        files.folder.mkdir()
    elif how == "unreadable":
        # Root may read everything but a link to itself.
        files.folder.symlink_to(files.folder)
    refused(files, provider, f"{files.folder}:1: {reasons[how]}")


def test_passwords_that_cannot_be_kept_stop_the_run(files, provider):
    files.write(HEAD)
    files.passwords.write_text("[1, 2]")
    before = content(provider)
    run = files.apply(ok=False)
    assert (
        f"cannot keep the one-time passwords: {files.passwords} is not a file of one-time passwords "
        "(JSON {address: password}): move it away\n"
    ) in run.output
    assert content(provider) == before
    assert files.passwords.read_text() == "[1, 2]"


@pytest.fixture
def machines(provider, mail_host):
    """A domain that the modules make."""
    made = Directory(provider)
    made.delete_domain(MACHINES)
    yield made
    made.delete_domain(MACHINES)
    mail_host.remove_mail(MACHINES)


def twice(*steps):
    return [step for step in steps for _ in range(2)]


def test_single_objects_by_modules(machines, playbook, provider, info, tls, hosts, wait_for, tmp_path):
    mail = Mail(info, tls, hosts, wait_for)
    robot, dn = f"robot@{MACHINES}", f"ou={MACHINES},{BASE}"
    first, second, third = (f"{word}-password-of-robot" for word in ("first", "second", "third"))
    steps = Steps(playbook, tmp_path)
    domain, mailbox = ("mail_domain", {"domain": MACHINES}), {"address": robot}

    def box(**more):
        return "mailbox", mailbox | more

    run = steps.run(
        [
            *twice(("mail_domain", {"domain": MACHINES, "quota": "1G", "services": {"pop3": False}})),
            *twice(("mail_domain", {"domain": MACHINES, "quota": "2G"})),
            *twice(box(name="Robot", password="{{ first }}", aliases=["android"])),
            *twice(box(quota="5M")),
            # On_create is the default: it changes nothing in a mailbox that is there.
            box(password="{{ second }}"),
            *twice(box(password="{{ third }}", update_password="always")),
            # What it must not do: objects of the account files, domains that are not there.
            ("mailbox", {"address": "ann@widget.example", "quota": "9G"}),
            ("mailbox", {"address": "ann@nowhere.test", "name": "Ann"}),
            ("mail_domain", {"domain": MACHINES, "state": "absent"}),
        ],
        {"first": first, "second": second, "third": third},
    )
    assert steps.outcomes(run) == ["changed", "ok"] * 4 + ["ok", "changed", "ok"] + ["fatal"] * 3, run.output
    for words in (
        f"uid=ann,ou=widget.example,{BASE} is managed by the account files. Change it there and apply them.",
        "nowhere.test is not in the directory: make it with mail_domain or account files",
        f"{dn} cannot be removed: uid=robot,{dn} is below it. Remove or move that entry first.",
    ):
        assert words in run.output
    for secret in (first, second, third, attribute(provider, f"uid=robot,{dn}", "userPassword")):
        assert secret not in run.output
    wait_for(lambda: logs_in(mail, robot, third), "the password works")
    assert not logs_in(mail, robot, first)
    with mail.imap(robot, third) as client:
        assert b"STORAGE 0 5120" in b" ".join(client.getquotaroot("INBOX")[1][1])
    subject = token()
    mail.send(f"android@{MACHINES}", subject)
    mail.in_store(robot, subject)

    # The account files leave these alone, say which nobody has marked, and do not take over what they have not made.
    machines.add_alias("byhand", (PARTNER,), MACHINES)
    before = content(provider, dn)
    run = playbook(PLAY, "--diff")
    assert run.changed == 0
    assert f"were made by hand or by another program and are left alone: cn=byhand,{dn}" in " ".join(run.output.split())
    files = AccountFiles(playbook, tmp_path, MACHINES)
    files.write(HEAD.replace(DOMAIN, MACHINES))
    run = files.apply(ok=False)
    assert (
        f"{dn} exists without mailroomManagedBy: accounts, so it belongs to somebody else. "
        "Remove it, leave it out, or adopt it by setting mailroomManagedBy to accounts on it.\n"
    ) in run.output
    assert content(provider, dn) == before

    run = steps.run([*twice(box(state="disabled")), *twice(("mail_domain", {"domain": MACHINES, "state": "disabled"}))])
    assert steps.outcomes(run) == ["changed", "ok"] * 2
    # Each time another address: Postfix remembers for a while in which kind of domain an address is.
    wait_for(lambda: mail.dialogue(PARTNER, f"robot+{token()}@{MACHINES}")[0] == 554, "mail for the domain is refused")
    assert not logs_in(mail, robot, third)
    run = steps.run([*twice(domain), *twice(box())])
    assert steps.outcomes(run) == ["changed", "ok"] * 2
    wait_for(lambda: logs_in(mail, robot, third), "the mailbox is back with its password")
    assert mail.dialogue(PARTNER, f"robot+back@{MACHINES}")[0] == 250
    machines.modify(f"dn: cn=byhand,{dn}\nchangetype: delete\n")
    gone = {"state": "absent"}
    run = steps.run([*twice(box(**gone)), *twice(("mail_domain", {"domain": MACHINES} | gone))])
    assert steps.outcomes(run) == ["changed", "ok"] * 2
    # Both stay for a while, with their addresses, and refuse mail.
    for name in (dn, f"uid=robot,{dn}"):
        assert attribute(provider, name, "mailroomState") == "quarantined"
        assert attribute(provider, name, "mailroomRemoved")
