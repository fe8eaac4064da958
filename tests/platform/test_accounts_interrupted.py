# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, and runs that meet: in a directory beside the lab's, so that its mail goes on."""

from __future__ import annotations

import json
import os
import random
import re
import shlex
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from accounttools import PLAY, packed
from conftest import ROOT
from many_accounts import NO_PASSWORD
from memory import descendants
from scratch_directory import BASE, FOLDER, START, UNIT, URI, VARIABLES, ScratchDirectory

SEED = 5805
POINTS = Path(__file__).with_name("kill_points.py")
DOMAIN = "interrupted.test"


def accounts(new, many=60):
    """One of two sets that differ in each kind of change: values, an alias on the move, a rename, a removal."""
    boxes = {f"box{number}": {"name": f"Box {number}", "password": NO_PASSWORD} for number in range(many)}
    for box in boxes.values():
        box["title"] = "New" if new else "Old"
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


@pytest.fixture(scope="module")
def calls(apply, scratch):
    """The two packed calls that lead from one set of accounts of a size to the other; both were made once."""
    made = {}

    def get(many):
        if many not in made:
            scratch.empty()
            made[many] = [
                packed(lambda env, new=new: apply(accounts(new, many), env=env), scratch.provider, f"{many}-{new}.py")
                for new in (False, True)
            ]
        return made[many]

    return get


@pytest.fixture(scope="module")
def points(scratch):
    """Run kill_points.py on the provider."""

    def run(**settings):
        settings = {"seed": SEED, "uri": URI, "base": BASE, "unit": UNIT, "start": START, **settings}
        settings["locks"] = f"{FOLDER}/state/*.lock"
        scratch.provider(f"cat >{FOLDER}/points.py <<'END'\n{POINTS.read_text()}END\n")
        return json.loads(scratch.provider(f"python3 {FOLDER}/points.py <<<{shlex.quote(json.dumps(settings))}"))

    return run


def equal(scratch, wait_for):
    wait_for(lambda: len(set(scratch.hashes())) == 1, "the replica is equal to the provider", seconds=180, pause=1)


# With the thorough ones and those of the next test, over a hundred moments. The larger sets take several transactions.
@pytest.mark.parametrize(
    ("victim", "times", "many"),
    [
        ("module", 15, 60),
        pytest.param("module", 60, 60, marks=pytest.mark.thorough),
        ("slapd", 20, 60),
        pytest.param("module", 8, 2600, marks=pytest.mark.thorough),
        ("slapd", 7, 2600),
    ],
)
def test_a_killed_run_leaves_each_account_old_or_new(points, calls, scratch, wait_for, victim, times, many):
    found = points(victim=victim, points=times, runs=calls(many))
    assert found.pop("faults") == []
    assert sum(found.values()) == times
    # The moments are spread over the run: neither all before its writes nor all after them.
    assert len(found) > 1, found
    equal(scratch, wait_for)


@pytest.mark.thorough
def test_a_killed_controller_leaves_each_account_old_or_new(points, apply, scratch, wait_for):
    chance = random.Random(SEED)  # noqa: S311  the same moments each time
    want = []
    scratch.empty()
    for new in (False, True, False, True):
        started = time.monotonic()
        apply(accounts(new))
        takes = time.monotonic() - started
        want.append(points(victim="nothing"))
    # Only from the second time on there are removed mailboxes of both sets.
    want = want[2:]
    for number in range(5):
        turn = number % 2
        program = ["ansible-playbook", *command(apply.folder, accounts(bool(turn)))]
        controller = subprocess.Popen(program, cwd=ROOT, stdout=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, 1) * takes)
        # Mitogen's helpers would wait for it for ever.
        for process in (controller.pid, *descendants(controller.pid)):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        controller.wait()
        left = points(victim="nothing")
        for name in {*left, *want[0], *want[1]}:
            assert left.get(name) in (want[0].get(name), want[1].get(name)), f"{number}: {name}"
        # What the controller left running on the provider may still be at it.
        wait_for(lambda turn=turn: apply(accounts(bool(turn)), ok=None).returncode == 0, "one more run is enough")
        assert points(victim="nothing") == want[turn]
        assert apply(accounts(bool(turn))).changed == 0
    equal(scratch, wait_for)


def test_of_two_runs_at_once_one_wins_and_the_other_says_so(points, calls, scratch):
    runs = calls(2600)
    script = f"for n in 1 2; do python3 {runs[1]} >{FOLDER}/$n.json & done; wait; cat {FOLDER}/1.json {FOLDER}/2.json"
    scratch.provider(f"python3 {runs[0]}")
    results = [json.loads(line) for line in scratch.provider(script).splitlines() if line]
    lost, won = sorted(results, key=lambda result: not result.get("failed"))
    assert won["writes"] > 2600
    assert re.fullmatch(
        r"Another run is changing the accounts: \S+ on \S+, since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+\d{4}, "
        r"process \d+ on this host\. Nothing was written; try again when it has ended\.",
        lost["msg"],
    )
    again = json.loads(scratch.provider(f"python3 {runs[1]}"))
    assert (again["changed"], again["writes"]) == (False, 0)
