# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, and runs that meet: in a directory beside the lab's, so that its mail goes on."""

from __future__ import annotations

import json
import os
import random
import shlex
import signal
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from accounttools import PLAY
from conftest import ROOT
from many_accounts import NO_PASSWORD
from scratch_directory import _START, BASE, FOLDER, UNIT, URI, VARIABLES, ScratchDirectory

SEED = 5805
POINTS = Path(__file__).with_name("kill_points.py")
DOMAIN = "interrupted.test"


def accounts(new, many=60):
    """One of two sets that differ in each kind of change: values, an alias on the move, a rename, a removal."""
    boxes = {f"box{number}": {"name": f"Box {number}", "password": NO_PASSWORD} for number in range(many)}
    for number in range(0, many, 2):
        boxes[f"box{number}"]["title"] = "New" if new else "Old"
    boxes["box1" if new else "box3"]["aliases"] = ["mover", "shaker"]
    before, after = ("zoe.old", "zoe.new") if new else ("zoe.new", "zoe.old")
    boxes[after] = {"name": "Zoe", "password": NO_PASSWORD, "renamed_from": before}
    for number in range(2):
        boxes[f"{'come' if new else 'gone'}{number}"] = {"name": f"Other {number}", "password": NO_PASSWORD}
    aliases = {"postmaster": ["box5"], "abuse": ["box5"], "sales": ["box7" if new else "box9"]}
    return {"domain": DOMAIN, "mailboxes": boxes, "aliases": aliases}


@pytest.fixture(scope="module")
def scratch(hosts):
    provider, replica = hosts("ldap1"), hosts("mail1")
    with ScratchDirectory(provider.check_output, replica.check_output) as directory:
        yield directory


@pytest.fixture(scope="module")
def apply(playbook, tmp_path_factory):
    """Write a set of accounts to a folder and run the play on the second directory."""
    folder = tmp_path_factory.mktemp("interrupted")

    def run(data, *arguments, **options):
        return playbook(*command(folder, data), *arguments, **options)

    run.folder = folder
    return run


def command(folder, data):
    """The play and its arguments for a set of accounts, which is written to a folder."""
    (folder / f"{DOMAIN}.yml").write_text(yaml.safe_dump(data))
    variables = {**VARIABLES, "mailroom_accounts_dir": str(folder)}
    variables["mailroom_passwords_file"] = str(folder / "passwords.json")
    variables["mailroom_allow_reuse"] = [f"mover@{DOMAIN}", f"shaker@{DOMAIN}"]
    return PLAY, "--limit", "ldap1", "-e", json.dumps(variables)


def packed(apply, scratch, data, name):
    """A call of the module as Ansible packs it for a host: the same as a run of the play, without its start."""
    home = "/root/.ansible/tmp"
    scratch.provider(f"rm -rf {home}")
    kept = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0", "MAILROOM_STRATEGY": "linear"}
    apply(data, env=kept)
    scratch.provider(f"mv $(ls -t {home}/*/AnsiballZ_mail_accounts.py | head -1) {FOLDER}/{name} && rm -rf {home}")
    return f"{FOLDER}/{name}"


@pytest.fixture(scope="module")
def killed(apply, scratch, hosts):
    """Kill something at seeded moments, and return what kill_points.py says."""
    calls = {}

    def run(victim, points, many=60):
        if many not in calls:
            scratch.empty()
            calls[many] = [packed(apply, scratch, accounts(new, many), f"{many}-{new}.py") for new in (False, True)]
        settings = {"seed": SEED, "points": points, "victim": victim, "runs": calls[many]}
        settings |= {"uri": URI, "base": BASE, "unit": UNIT, "start": _START}
        scratch.provider(f"cat >{FOLDER}/points.py <<'END'\n{POINTS.read_text()}END\n")
        text = scratch.provider(f"python3 {FOLDER}/points.py <<<{shlex.quote(json.dumps(settings))}")
        return json.loads(text)

    return run


def equal(scratch, wait_for):
    wait_for(lambda: len(set(scratch.hashes())) == 1, "the replica is equal to the provider")


@pytest.mark.parametrize(
    ("victim", "points", "many"), [("module", 45, 60), ("slapd", 30, 60), ("module", 8, 2600), ("slapd", 7, 2600)]
)
def test_a_killed_run_leaves_each_account_old_or_new(killed, scratch, wait_for, victim, points, many):
    found = killed(victim, points, many)
    assert found.pop("faults") == []
    assert sum(found.values()) == points
    # The moments are spread over the run: neither all before its writes nor all after them.
    assert len(found) > 1, found
    equal(scratch, wait_for)
