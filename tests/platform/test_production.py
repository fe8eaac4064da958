# SPDX-License-Identifier: GPL-3.0-or-later
"""The starting point for real hosts, filled in: what can be known of it without hosts.

`make production-check` builds hosts from the same copy.
"""

from __future__ import annotations

import json
import re
import shutil

import pytest
from productiontools import ROOT, Production

# With a tag that no task has only the checks of arguments run, and they need no connection.
CHECK = ("ansible-playbook", "playbooks/site.yml", "--tags", "nothing")
TEMPLATES = {role.name: role / "templates" for role in (ROOT / "roles").iterdir()}


@pytest.fixture(scope="module")
def production(tmp_path_factory):
    made = Production(tmp_path_factory.mktemp("production"))
    made.env["ANSIBLE_GATHERING"] = "explicit"
    return made


@pytest.fixture(scope="module")
def filled(production):
    """The copy, with certificates from files."""
    production.choose_files()
    return production


def checked(output: str) -> list[tuple[str, str]]:
    """(role, host) for each set of arguments that was found good."""
    found = []
    for task in output.split("TASK [")[1:]:
        role, _, rest = task.partition(" : Validating arguments")
        found += [(role, host) for host in re.findall(r"^ok: \[(\w+)\]", rest, re.MULTILINE)]
    return sorted(found)


def test_vault_is_encrypted(production):
    text = production.vault.read_text()
    assert text.startswith("$ANSIBLE_VAULT;1.1;AES256\n")
    assert len(production.secrets) >= 5
    assert production.clear_secrets() == {}
    without = {"ANSIBLE_VAULT_PASSWORD_FILE": "/dev/null"}
    assert production.run("ansible-inventory", "--list", env=without).returncode != 0


def test_every_role_takes_its_variables(filled):
    filled.done("ansible-playbook", "playbooks/site.yml", "--syntax-check")
    output = filled.done(*CHECK, "-vvv", "--diff")
    assert checked(output) == sorted(
        [(role, "ldap1") for role in ("base", "pki", "openldap")]
        + [(role, "mail1") for role in ("base", "pki", "openldap", "postfix", "dovecot")]
    )
    assert [secret for secret in filled.secrets if secret in output] == []


@pytest.fixture(scope="module")
def paired(tmp_path_factory):
    """A copy with two mail hosts."""
    made = Production(tmp_path_factory.mktemp("pair"))
    made.env["ANSIBLE_GATHERING"] = "explicit"
    made.choose_files()
    made.choose_pair()
    return made


def test_every_role_of_a_pair_takes_its_variables(paired):
    output = paired.done(*CHECK, "-vvv", "--diff")
    roles = ("base", "pki", "openldap", "storage", "cluster", "postfix", "dovecot")
    assert set(checked(output)) == {(role, "ldap1") for role in ("base", "pki", "openldap")} | {
        (role, host) for role in roles for host in ("mail1", "mail2")
    }
    assert [secret for secret in paired.secrets if secret in output] == []


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """A copy with name servers, of which one serves policies."""
    made = Production(tmp_path_factory.mktemp("named"))
    made.env["ANSIBLE_GATHERING"] = "explicit"
    made.choose_files()
    made.choose_name_servers()
    return made


def test_every_role_of_name_servers_takes_its_variables(named):
    output = named.done(*CHECK, "-vvv", "--diff")
    assert {(role, host) for role, host in checked(output) if role in ("bind", "webfiles")} == {
        ("bind", "ns1"),
        ("bind", "ns2"),
        ("webfiles", "ns1"),
    }
    assert [secret for secret in named.secrets if secret in output] == []


def test_records_are_printed_without_a_host(named):
    shown = named.done("bin/mailroom", "dns", "records", "example.com")
    assert "example.com. 3600 IN MX 10 imap.example.org." in shown
    assert "v=spf1 mx" in shown


def test_variable_of_the_wrong_kind_is_named(filled):
    done = filled.run(*CHECK, "-e", "dovecot_mail_fsync=sometimes")
    assert done.returncode != 0
    assert "value of dovecot_mail_fsync must be one of: always, optimized, never, got: sometimes" in done.stdout


@pytest.mark.parametrize("hosts", ["filled", "paired", "named"])
def test_templates_find_their_variables(request, hosts, tmp_path):
    production = request.getfixturevalue(hosts)
    names = {}
    # Those of the role storage are for DRBD, and tested with it.
    used = {role: folder for role, folder in TEMPLATES.items() if role != "storage"}
    for role, folder in used.items():
        # Parts of other templates begin with an underscore.
        found = [path.relative_to(folder) for path in folder.rglob("*.j2") if not path.name.startswith("_")]
        names[role] = sorted(map(str, found))
        if folder.exists():
            shutil.copytree(folder, tmp_path / "templates", dirs_exist_ok=True)
    shutil.copy(ROOT / "tests/playbooks/templates.yml", tmp_path)
    render = ("ansible-playbook", str(tmp_path / "templates.yml"), "--tags", "templates")
    output = production.done(*render, "-e", json.dumps({"templates": names}))
    elsewhere = {"bind", "webfiles"} | ({"cluster"} if hosts != "paired" else set())
    wanted = [len(found) for role, found in names.items() if role not in elsewhere]
    assert len(re.findall(r"^ok: \[mail1\] => \(item=", output, re.MULTILINE)) == sum(wanted)
    others = [len(names[role]) for role in ("bind", "webfiles")] if hosts == "named" else []
    assert len(re.findall(r"^ok: \[ns1\] => \(item=", output, re.MULTILINE)) == sum(others)


def test_vault_that_was_not_filled_in_is_refused(tmp_path):
    """The template, encrypted as it is: the first variable without a value is named."""
    forgetful = Production(tmp_path)
    forgetful.env["ANSIBLE_GATHERING"] = "explicit"
    forgetful.choose_files()
    example = (forgetful.vault.parent / "vault.yml.example").read_text()
    forgetful.done("ansible-vault", "encrypt", "--output", str(forgetful.vault), "-", stdin=example)
    done = forgetful.run(*CHECK)
    assert done.returncode != 0
    assert "mailroom_pki_ca_passphrase has no value yet: ansible-vault edit vault.yml" in done.stdout
