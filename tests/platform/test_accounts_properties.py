# SPDX-License-Identifier: GPL-3.0-or-later
"""For any two sets of accounts, on a real server with all its overlays: what a plan says is what comes about.

The unit tests ask the same of many more sets, of a directory made of dictionaries.
"""

from __future__ import annotations

import base64
import json
import random
import shlex
from collections import Counter
from datetime import date, timedelta

import pytest
import random_accounts
from accounttools import PLAY, packed
from conftest import ROOT
from mailroom.cache import digest
from many_accounts import NO_PASSWORD
from random_accounts import DOMAINS, FURTHER_NAME, NAMES, OUTSIDE
from scratch_directory import BASE, BIND, FOLDER, VARIABLES, ScratchDirectory

SEED = 5806
PAIRS = 4
SCHEMA = ROOT / "schemas/domain.schema.json"
# Who is asked says yes to everything.
WORDS = {
    "limits": {"few": 10**6, "many": 10**6},
    "allow_domain_removals": DOMAINS,
    "allow_no_administrator": DOMAINS,
    "allow_reuse": [f"{name}@{domain}" for name in ("", *NAMES) for domain in (*DOMAINS, FURTHER_NAME)],
}
# Written with the rest, but neither shown nor compared: what depends on the day, and on what was there before.
UNSEEN = {"mailroomDigest", "mailroomFormerAddress", "mailroomRemoved", "mailroomPurge", "mailroomStore"}
# What the server keeps itself, and changes with each write.
OPERATIONAL = {"entryCSN", "modifyTimestamp", "modifiersName", "entryDN"}
# What follows from other entries.
FOLLOWS = {"contextCSN", "hasSubordinates", "subschemaSubentry"}
MASK = "********"


class Server:
    """The module on the provider, called without a play around it, on a directory beside the lab's."""

    def __init__(self, directory, program, folder):
        self.directory, self.folder, self.day = directory, folder, date(2026, 11, 21)
        # What kinds of steps came up, and what was there at the end of the last run.
        self.seen, self.known = Counter(), {}
        directory.provider(f"python3 {program} explode")
        self._command = f"cd {FOLDER} && cat >debug_dir/args && python3 {program} execute"
        self._args = json.loads(directory.provider(f"cat {FOLDER}/debug_dir/args"))

    def call(self, payload, *, check=False, **words):
        args = json.loads(json.dumps(self._args))
        sent = {"entries": payload, "asked": digest(payload.encode()), "passwords": "", "today": self.day.isoformat()}
        args["ANSIBLE_MODULE_ARGS"] |= {**WORDS, **words, **sent, "_ansible_check_mode": check}
        done = self.directory.provider(
            f"printf %s {shlex.quote(json.dumps(args))} | ({self._command}) 2>&1 || true"
        ).strip()
        assert done.startswith("{"), done
        return json.loads(done)

    def entries(self):
        """All entries by entryUUID, with operational attributes; values sorted."""
        search = f"ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE} '*' '+'"
        found = {}
        for block in filter(None, self.directory.provider(search).split("\n\n")):
            entry = {}
            for line in filter(None, block.splitlines()):
                name, _colon, value = line.partition(":")
                text = base64.b64decode(value[1:]).decode() if value.startswith(":") else value[1:]
                entry.setdefault(name, []).append(text)
            entry = {name: sorted(values) for name, values in entry.items() if name not in FOLLOWS}
            found[entry["entryUUID"][0]] = entry
        return found

    def payload(self, files):
        made = random_accounts.prepared(files, self.folder, SCHEMA, BASE, self.day)
        assert made.errors == []
        return made.payload


@pytest.fixture(scope="module")
def directory(hosts):
    provider, replica = hosts("ldap1"), hosts("mail1")
    with ScratchDirectory(provider.check_output, replica.check_output) as made:
        yield made


@pytest.fixture(scope="module")
def server(playbook, directory, tmp_path_factory):
    folder = tmp_path_factory.mktemp("random")
    random_accounts.prepared(random_accounts.draw(random.Random(SEED)), folder, SCHEMA, BASE, date.today())  # noqa: S311
    variables = {**VARIABLES, "mailroom_accounts_dir": str(folder)}

    def run(env):
        playbook(PLAY, "--limit", "ldap1", "-e", json.dumps(variables), env=env)

    made = Server(directory, packed(run, directory.provider, "random.py"), folder)
    directory.empty()
    return made


def granted(server, payload):
    """The plan as a check run foretells it, with all words that it needs; None if it is refused for good."""
    first = server.call(payload, check=True)
    if not first["plan"]["refusals"] and not first["needs_usage"]:
        return first, {}
    steps = first["plan"]["steps"]
    made = {step["label"] for step in steps if step["action"] in ("create", "rename")}
    gone = Counter(
        step["group"]
        for step in steps
        if step["action"] == "delete"
        and (step["kind"] == "mailbox" or (step["kind"] in ("alias", "group") and step["label"] not in made))
    )
    words = {"allow_removals": dict(gone), "usage": dict.fromkeys(first["needs_usage"], 0)}
    foreseen = server.call(payload, check=True, **words)
    refusals = foreseen["plan"]["refusals"]
    assert all("renamed_from" in reason or "is already a name of" in reason for reason in refusals), refusals
    return None if refusals else (foreseen, words)


def arrive(server, files):
    """Apply a set; see that the plan said exactly what changed, and that nothing is left to do. Returns the entries."""
    payload = server.payload(files)
    before = server.known or server.entries()
    found = granted(server, payload)
    assert server.entries() == before, "a check changes nothing"
    if found is None:
        return None
    foreseen, words = found
    done = server.call(payload, **words)
    assert not done.get("failed"), done
    assert (done["plan"], done["changed"]) == (foreseen["plan"], foreseen["changed"])
    after = server.entries()
    server.seen.update(step["action"] for step in done["plan"]["steps"])
    is_foretold(foreseen["plan"]["steps"], before, after, server.day)
    again = server.call(payload, **words)
    assert (again["changed"], again["writes"], again["plan"]["steps"]) == (False, 0, []), again
    server.known = server.entries()
    assert server.known == after
    return after


def is_foretold(steps, before, after, day):
    """Whether entries, told apart by their entryUUID, differ in what the steps say and in nothing else."""
    uuids = {entry["dn"][0].lower(): uuid for uuid, entry in before.items()}
    fresh = {after[uuid]["dn"][0].lower(): after[uuid] for uuid in after.keys() - before.keys()}
    left = {uuid for uuid in before.keys() | after.keys() if before.get(uuid) != after.get(uuid)}
    for step in steps:
        changes = {change["attribute"]: (sorted(change["old"]), sorted(change["new"])) for change in step["changes"]}
        if step["action"] == "create":
            entry = fresh.pop(step["name"].lower())
            left.remove(entry["entryUUID"][0])
            own = {name: values for name, values in entry.items() if name in changes}
            assert masked(own, changes) == {name: new for name, (_old, new) in changes.items()}
            more = entry.keys() - own.keys() - UNSEEN
            assert not [name for name in more if name.startswith("mailroom")], more
            continue
        uuid = uuids[step.get("old_name", step["name"]).lower()]
        left.remove(uuid)
        old, new = before[uuid], after.get(uuid)
        if step["action"] == "delete":
            if new is None:
                assert "purge" not in step
                continue
            # It stays for a while: closed, with its dates, and with all that it had.
            assert new["mailroomState"] == ["quarantined"]
            assert new["mailroomRemoved"] == [day.isoformat()]
            assert new.get("mailroomPurge", []) == ([step["purge"]] if "purge" in step else [])
            # Its name and addresses may be another's in the same run; then they are no longer its own.
            names = {"dn", "uid", "mailroomUser", "mailroomAddress", "mailroomDelivery", "mail"}
            assert differing(old, new) <= {"mailroomState"} | names | UNSEEN | OPERATIONAL
            continue
        naming = {"dn", "uid", "cn"} if step["action"] == "rename" else set()
        assert {name: (old.get(name, []), new.get(name, [])) for name in changes if MASK not in changes[name][1]} == {
            name: values for name, values in changes.items() if MASK not in values[1]
        }
        assert differing(old, new) <= changes.keys() | UNSEEN | OPERATIONAL | naming
    assert not fresh
    assert not left, [before.get(uuid, after.get(uuid)) for uuid in left]


def differing(old, new):
    return {name for name in old.keys() | new.keys() if old.get(name) != new.get(name)}


def masked(entry, changes):
    return {name: [MASK] * len(values) if MASK in changes[name][1] else values for name, values in entry.items()}


def decided(entries, wanted):
    """What the files decide, by DN: without what an earlier life of a name leaves."""
    free = UNSEEN - {"mailroomDigest"} | OPERATIONAL
    free |= {"entryUUID", "createTimestamp", "creatorsName", "userPassword", "pwdChangedTime", "structuralObjectClass"}
    return {
        dn: {name: values for name, values in entry.items() if name not in free}
        for dn, entry in ((entry["dn"][0], entry) for entry in entries.values())
        if dn in wanted
    }


def test_two_sets_there_and_back_again(server, directory, wait_for):
    chance = random.Random(SEED)  # noqa: S311  the same sets each time
    turns, last = 0, None
    while turns < PAIRS:
        first = random_accounts.draw(chance, last)
        second = random_accounts.draw(chance, first)
        server.day += timedelta(chance.choice([0, 1, 31, 90]))
        here = arrive(server, first)
        if here is None:
            continue
        wanted = {entry["dn"][0] for entry in here.values() if "mailroomRemoved" not in entry}
        server.day += timedelta(chance.choice([0, 1, 31, 90]))
        there = arrive(server, second)
        server.day += timedelta(chance.choice([0, 1, 31, 90]))
        # The way back: those that had another name before get it again by their lines, not by renamed_from.
        back = arrive(server, {domain: without_renames(data) for domain, data in first.items()})
        last = first
        if there is None or back is None:
            continue
        assert decided(back, wanted) == decided(here, wanted)
        turns += 1
    # All kinds of steps came up.
    assert set(server.seen) == {"create", "update", "rename", "delete"}

    def equal():
        assert len(set(directory.hashes())) == 1, directory.differences()
        return True

    wait_for(equal, "the replica is equal to the provider", seconds=60)


def without_renames(data):
    boxes = {
        name: {field: value for field, value in box.items() if field != "renamed_from"}
        for name, box in data.get("mailboxes", {}).items()
    }
    return {**data, **({"mailboxes": boxes} if boxes else {})}


TEN = {"domain": DOMAINS[0], "aliases": {"postmaster": [OUTSIDE], "abuse": [OUTSIDE]}} | {
    "mailboxes": {f"box{number}": {"name": "Box", "password": NO_PASSWORD} for number in range(10)}
}


@pytest.fixture(scope="module")
def ten(server):
    """Ten mailboxes in one domain; returns a function to the plan of removing some, by limits."""
    server.directory.empty()
    assert server.call(server.payload({DOMAINS[0]: TEN}))["writes"] == 13

    def without(number, limits):
        boxes = {name: box for name, box in TEN["mailboxes"].items() if int(name.removeprefix("box")) >= number}
        return server.call(server.payload({DOMAINS[0]: {**TEN, "mailboxes": boxes}}), check=True, limits=limits)

    return without


@pytest.mark.parametrize(
    ("limits", "removed", "passes"),
    [
        ({}, 2, True),
        ({}, 3, False),
        ({"few": 4}, 3, True),
        ({"few": 4}, 4, False),
        ({"few": 0, "share": 0.1}, 1, True),
        ({"few": 0, "share": 0.1}, 2, False),
        ({"share": 0.4}, 4, True),
        ({"share": 0.4}, 5, False),
        ({"share": 1, "many": 4}, 4, True),
        ({"share": 1, "many": 4}, 5, False),
    ],
)
def test_the_limits_that_are_set_are_those_that_hold(ten, limits, removed, passes):
    result = ten(removed, limits)
    assert (len(result["plan"]["steps"]), bool(result["plan"]["refusals"])) == (removed, not passes)
    assert bool(result.get("failed")) is not passes


def test_the_days_that_are_set_are_those_that_count(server, ten):
    for days in (0, 7, 30):
        (step,) = ten(1, {"quarantine_days": days})["plan"]["steps"]
        assert step["purge"] == (server.day + timedelta(days)).isoformat()
