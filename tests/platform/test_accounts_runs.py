# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run of the account files promises: in a directory beside the lab's, which nobody else changes."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from accounttools import PLAY
from many_accounts import NO_PASSWORD
from scratch_directory import BASE, BIND, FOLDER, VARIABLES, ScratchDirectory

DOMAIN = "runs.test"
DN = f"ou={DOMAIN},{BASE}"
# More than are sent without asking the provider first whether it needs them.
MANY = 1500


def data(**more):
    boxes = {name: {"name": name.title(), "password": NO_PASSWORD} for name in ("ann", "anna", "joann")}
    boxes |= {f"box{number}": {"name": f"Box {number}", "password": NO_PASSWORD} for number in range(MANY)}
    aliases = {"postmaster": ["anna"], "abuse": ["anna"]}
    return {"domain": DOMAIN, "mailboxes": boxes | more, "aliases": aliases}


class Accounts:
    """A folder of account files, and the play that brings it to the second directory."""

    def __init__(self, playbook, folder, directory):
        self.playbook, self.folder, self.directory = playbook, folder / "accounts", directory
        self.passwords = folder / "passwords.json"
        self.file = self.folder / f"{DOMAIN}.yml"
        self.folder.mkdir()

    def write(self, content):
        self.file.write_text(yaml.safe_dump(content))

    def run(self, *arguments, ok=True, **variables):
        variables = {
            **VARIABLES,
            "mailroom_accounts_dir": str(self.folder),
            "mailroom_passwords_file": str(self.passwords),
            **{f"mailroom_{name}": value for name, value in variables.items()},
        }
        return self.playbook(PLAY, "--limit", "ldap1", "-v", "-e", json.dumps(variables), *arguments, ok=ok)

    def content(self):
        return self.directory.hashes()[0]

    def search(self, rest):
        return self.directory.provider(f"ldapsearch -LLL {BIND} -o ldif-wrap=no {rest}")

    def modify(self, ldif):
        self.directory.provider(f"ldapmodify {BIND} <<'END'\n{ldif}\nEND\n")


@pytest.fixture(scope="module")
def directory(hosts):
    provider, replica = hosts("ldap1"), hosts("mail1")
    with ScratchDirectory(provider.check_output, replica.check_output) as made:
        yield made


@pytest.fixture(scope="module")
def accounts(playbook, tmp_path_factory, directory):
    made = Accounts(playbook, tmp_path_factory.mktemp("runs"), directory)
    made.write(data())
    made.run()
    return made


@pytest.fixture
def applied(accounts):
    """The accounts with all of data() applied, before the test and after it."""
    yield accounts
    accounts.write(data())
    accounts.run()


@pytest.fixture
def refused(accounts):
    """The same for tests that must not change the directory."""
    before = accounts.content()
    yield accounts
    accounts.write(data())
    assert accounts.content() == before


@pytest.fixture
def fresh(accounts):
    """The same for tests that rename: names that were in use are reserved, so the directory starts anew after them."""
    yield accounts
    accounts.write(data())
    accounts.directory.empty()
    accounts.run()


def result(run, field):
    """A field of the module's result as -v shows it."""
    return re.search(rf"^ +{field}: (.*)$", run.output, re.MULTILINE)[1]


def test_writes_of_others_are_seen_and_passwords_are_none_of_ours(applied):
    assert applied.run().changed == 0
    # A user's own password, and a photo: not ours, and no reason to write.
    own = f"uid=ann,{DN}"
    applied.directory.provider(f"ldappasswd {BIND} -s Anns-own-choice-7 {own}")
    before = applied.search(f"-s base -b {own} userPassword pwdChangedTime entryCSN")
    assert "pwdChangedTime" in before
    content = data()
    content["mailboxes"]["ann"]["password"] = NO_PASSWORD.replace("bWFpbHJvb20", "b3RoZXJzYWx0")
    for wanted in (data(), content):
        applied.write(wanted)
        run = applied.run()
        assert (run.changed, result(run, "writes")) == (0, "0")
    assert applied.search(f"-s base -b {own} userPassword pwdChangedTime entryCSN") == before
    # What is ours is put right.
    applied.modify(f"dn: {own}\nchangetype: modify\nreplace: cn\ncn: Somebody Else")
    run = applied.run("--diff")
    assert (run.changed, result(run, "writes")) == (1, "1")
    assert "cn: Somebody Else -> Ann\n" in run.output
    applied.modify(f"dn: uid=box7,{DN}\nchangetype: delete")
    run = applied.run("--diff")
    assert f"+ mailbox box7@{DOMAIN}\n" in run.output
    assert result(run, "writes") == "1"
    # What runs keep on the provider is a help, not the truth.
    for damage in ("echo '{' >$f", "echo '{\"asked\": 1}' >$f", "rm $f"):
        applied.directory.provider(f"f=$(ls {FOLDER}/state/*.json); {damage}")
        assert applied.run().changed == 0
    modes = applied.directory.provider(f"stat -c '%a %U' {FOLDER}/state {FOLDER}/state/*")
    assert set(modes.splitlines()) == {"700 root", "600 root"}
    assert "Anns-own" not in applied.directory.provider(f"cat {FOLDER}/state/*")
    assert "ARGON2" not in applied.directory.provider(f"cat {FOLDER}/state/*")


def test_one_changed_line_is_one_write_in_the_servers_log(applied):
    content = data()
    content["mailboxes"]["box9"]["title"] = "Chief"
    applied.write(content)
    with applied.directory.logged() as writes:
        applied.run()
    assert writes == [("MOD", f"uid=box9,{DN}")]


def test_the_check_foretells_each_change_and_no_other(fresh):
    applied = fresh
    content = data(carl={"name": "Carl", "password": NO_PASSWORD})
    content["mailboxes"]["box1"]["title"] = "Chief"
    content["mailboxes"]["hanna"] = content["mailboxes"].pop("anna") | {"renamed_from": "anna"}
    content["aliases"] = {"postmaster": ["hanna"], "abuse": ["hanna"], "sales": ["ann"]}
    del content["mailboxes"]["box2"]
    applied.write(content)
    before, hashed = entries(applied), applied.content()
    foreseen = applied.run("--check", "--diff")
    assert applied.content() == hashed
    plan = steps(foreseen)
    done = applied.run("--diff")
    assert steps(done) == plan
    after = entries(applied)
    changed = {dn for dn in {*before, *after} if before.get(dn) != after.get(dn)}
    named = {name for step in plan for name in (step["name"], step.get("old_name", "")) if name}
    assert {dn.lower() for dn in changed} == {name.lower() for name in named}
    for step in plan:
        for change in step["changes"] if step["action"] == "update" else ():
            assert sorted(before[step["name"]].get(change["attribute"], [])) == sorted(change["old"])
            assert sorted(after[step["name"]].get(change["attribute"], [])) == sorted(change["new"])
    assert applied.run("--check").changed == 0


def entries(accounts):
    """All entries by DN, with entryCSN."""
    found = {}
    for block in accounts.search(f"-b {DN} '*' entryCSN").split("\n\n"):
        entry = {}
        for line in filter(None, block.splitlines()):
            name, _colon, value = line.partition(": ")
            entry.setdefault(name, []).append(value)
        if entry:
            found[entry["dn"][0]] = entry
    return found


def steps(run):
    """The steps of the plan out of the result as -v shows it."""
    text = run.output[run.output.index("=> \n") + 4 :]
    shown = yaml.safe_load(text[: text.index("\nPLAY ")])
    return shown["plan"]["steps"]


def test_only_the_reviewed_plan_is_applied(applied):
    content = data()
    content["mailboxes"]["box9"]["title"] = "Chief"
    applied.write(content)
    reviewed = re.search(r"Checksum=(sha256:\w+)", applied.run("--check").output)[1]
    content["mailboxes"]["box9"]["title"] = "Boss"
    applied.write(content)
    now = re.search(r"Checksum=(sha256:\w+)", applied.run("--check").output)[1]
    before = applied.content()
    refused = applied.run(ok=False, checksum=reviewed)
    assert f"The plan is not the one that was reviewed ({reviewed}): it is now {now}." in refused.output
    assert applied.content() == before
    assert applied.run(checksum=now).changed == 1


def test_a_password_is_reset_by_name_only(applied):
    content = data()
    for name in ("ann", "joann"):
        del content["mailboxes"][name]["password"]
    applied.write(content)
    assert applied.run().changed == 0
    stored = applied.search(f"-s base -b uid=joann,{DN} userPassword")
    foreseen = applied.run("--check", "--diff", reset_passwords=[f"ann@{DOMAIN}"])
    assert f"~ mailbox ann@{DOMAIN}\n" in foreseen.output
    assert "userPassword: +********\n" in foreseen.output
    assert not applied.passwords.exists()
    known = []
    for _ in range(2):
        run = applied.run(reset_passwords=[f"ann@{DOMAIN}"])
        assert result(run, "writes") == "1"
        passwords = json.loads(applied.passwords.read_text())
        assert list(passwords) == [f"ann@{DOMAIN}"]
        known.append(passwords[f"ann@{DOMAIN}"])
        assert known[-1] not in run.output
    uri = BIND.split()[-1]
    check = f"ldapwhoami -x -H {uri} -D uid=ann,{DN} -y /dev/stdin >/dev/null 2>&1 && echo in || echo out"
    tried = [applied.directory.provider(f"printf %s {word} | ({check})").strip() for word in known]
    assert tried == ["out", "in"]
    assert applied.search(f"-s base -b uid=joann,{DN} userPassword") == stored
    refused = applied.run(ok=False, reset_passwords=[f"an@{DOMAIN}"])
    assert f"an@{DOMAIN} of reset_passwords is no mailbox of the account files. Correct it." in refused.output


def test_what_the_server_refuses_is_named_and_leaves_nothing(fresh, wait_for):
    applied = fresh
    overlay = applied.search("-b cn=config '(objectClass=olcConstraintConfig)' dn").partition("dn: ")[2].strip()
    constraint = (
        f"dn: {overlay}\nchangetype: modify\n%s: olcConstraintAttribute\nolcConstraintAttribute: title regex ^C"
    )
    content = data(dora={"name": "Dora", "password": NO_PASSWORD, "title": "Chief"})
    for number in range(30):
        content["mailboxes"][f"box{number}"]["title"] = "Clerk"
    content["mailboxes"]["box17"]["title"] = "Boss"
    content["mailboxes"]["hanna"] = content["mailboxes"].pop("anna") | {"renamed_from": "anna"}
    content["aliases"] = {"postmaster": ["hanna"], "abuse": ["hanna"]}
    applied.write(content)
    before = entries(applied).keys()
    applied.modify(constraint % "add")
    try:
        refused = applied.run(ok=False)
    finally:
        applied.modify(constraint % "delete")
    words = f"box17@{DOMAIN}: Constraint violation: modify breaks constraint on title; nothing was written"
    assert words in refused.output
    assert entries(applied).keys() == before
    assert "title: C" not in applied.search(f"-b {DN} title")
    wait_for(lambda: len(set(applied.directory.hashes())) == 1, "the replica is equal to the provider")


DAMAGES = {
    "wrong base": (
        {"accounts_base": "ou=domain,dc=mailroom,dc=example"},
        "",
        "ou=domain,dc=mailroom,dc=example is not in the directory: run the openldap role first",
    ),
    "no server": ({"directory_uri": "ldapi://%2Fnowhere"}, "", "Is slapd running here, and does this run as root?"),
    "no place for the lock": (
        {"state_folder": "/etc/passwd"},
        "",
        "cannot lock the accounts: /etc/passwd: File exists",
    ),
    "damaged journal": (
        {},
        f"f=$(ls {FOLDER}/state/*.lock); echo '[' >${{f%.lock}}.journal",
        ".journal is damaged: compare the replicas with this host, then remove it",
    ),
    "limit that is none": ({"limits": {"share": "20 %"}}, "", "limit share is '20 %': it must be 0 to 1"),
    "unknown limit": ({"limits": {"shar": 0.2}}, "", "unknown limits: shar; known are few, share, many"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_surroundings_stop_a_run(refused, name):
    variables, script, words = DAMAGES[name]
    content = data()
    content["mailboxes"]["box9"]["title"] = "Chief"
    refused.write(content)
    refused.directory.provider(script or "true")
    try:
        run = refused.run(ok=False, **variables)
    finally:
        refused.directory.provider(f"rm -f {FOLDER}/state/*.journal")
    assert words in run.output
    assert "Traceback" not in run.output


FILES = {
    "renamed domain": (lambda text: text.replace(DOMAIN, "run.test", 1), "run.test is not what the file is called"),
    "truncated": (lambda text: text[: len(text) // 2] + "\n  'x", "broken YAML"),
    "empty": (lambda text: "", "the file is empty"),
    "not text": (lambda text: "\0\1\2", "broken YAML"),
    "a list": (lambda text: "- domain\n", "must be"),
}


@pytest.mark.parametrize("name", FILES)
def test_damaged_files_stop_a_run(refused, name):
    damage, words = FILES[name]
    refused.file.write_text(damage(yaml.safe_dump(data(), sort_keys=False)))
    run = refused.run(ok=False)
    assert "nothing was written" in run.output
    assert words in run.output
