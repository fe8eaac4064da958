# SPDX-License-Identifier: GPL-3.0-or-later
"""bin/mailroom on the running platform: one call from the command line to a working login."""

from __future__ import annotations

import json
import subprocess

import pytest
from accounttools import AccountFiles, logs_in
from conftest import ROOT
from mailroom.hashing import hash_password
from mailtools import PASSWORD, Directory, Mail

DOMAIN = "command.test"
NEW = "carl-friedrich-2026"


@pytest.fixture(scope="module")
def files(playbook, hosts, mail_host, tmp_path_factory):
    """The lab's files and a domain of our own, of which nothing stays."""

    def clean():
        # A removal by the files would keep the entries for a while, and others would meet them.
        Directory(hosts("ldap1")).delete_domain(DOMAIN)
        mail_host.remove_mail(DOMAIN)

    clean()
    made = AccountFiles(playbook, tmp_path_factory.mktemp("command"), DOMAIN)
    boxes = {name: {"name": name.title(), "password": hash_password(PASSWORD)} for name in ("ann", "bob", "eve", "gus")}
    made.write({"domain": DOMAIN, "mailboxes": boxes, "aliases": {"postmaster": ["ann"], "abuse": ["ann"]}})
    try:
        made.apply()
        yield made
    finally:
        clean()


def mailroom(files, *words: str, stdin: str = "") -> dict:
    """Call the program and return its JSON."""
    done = subprocess.run(
        [str(ROOT / "bin/mailroom"), "--accounts", str(files.folder), *words, "--json"],
        input=stdin, text=True, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert stdin.strip() not in done.stdout + done.stderr or not stdin
    return json.loads(done.stdout)


def test_from_the_command_to_a_login_and_back(files, hosts, info, tls, wait_for):
    mail = Mail(info, tls, hosts, wait_for)
    new = f"carl@{DOMAIN}"
    words = ("account", "add", new, "--name", "Carl Gauss", "--password-stdin", "--apply")
    told = mailroom(files, *words, stdin=f"{NEW}\n")
    assert (told["changed"], told["applied"]["writes"]) == (True, 1)
    wait_for(lambda: logs_in(mail, new, NEW), "the new mailbox takes its password")
    assert not logs_in(mail, f"carla@{DOMAIN}", NEW)

    mailroom(files, "account", "disable", new, "--apply")
    wait_for(lambda: not logs_in(mail, new, NEW), "the disabled mailbox refuses its password")
    assert logs_in(mail, f"ann@{DOMAIN}", PASSWORD)

    mailroom(files, "account", "enable", new, "--apply")
    wait_for(lambda: logs_in(mail, new, NEW), "the mailbox takes its password again")
    again = mailroom(files, "apply")
    assert (again["changed"], again["writes"]) == (False, 0)
