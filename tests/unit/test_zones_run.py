# SPDX-License-Identifier: GPL-3.0-or-later
"""A run of dns_zones on the primary: what is written, what named is told, and what is taken back."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
from mailroom.zones.model import Zone, rrset, zone
from namedtools import Primary
from zonetools import EXTERNAL, INTERNAL

ROOT = Path(__file__).resolve().parents[2]
SOA = "ns1.mailroom.example. hostmaster.mailroom.example. 3600 600 1209600 300"
JNL = "internal/desks.example.zone.jnl"


def made(name: str, view: str = INTERNAL, address: str = "192.0.2.80", *, dynamic: bool = False) -> Zone:
    """A small zone."""
    sets = [
        rrset(f"{name}.", "SOA", 3600, [SOA]),
        rrset(f"{name}.", "NS", 3600, ["ns1.mailroom.example."]),
        rrset(f"www.{name}.", "A", 3600, [address]),
    ]
    return zone(f"{name}.", view, 3600, sets, dynamic=dynamic)


@pytest.fixture
def primary(tmp_path):
    return Primary(tmp_path / "mailroom")


def test_new_zones_are_loaded_and_listed_for_secondaries(primary):
    ended = primary.run(made("a.example"), made("a.example", EXTERNAL))
    assert (ended.failed, ended.result["changed"]) == (False, True)
    assert primary.named.told == ["reconfig"]
    assert primary.named.served[("a.example", EXTERNAL)] == 2026112100
    assert "PTR    a.example." in primary.text("internal.catalog")
    assert ".pending.json" not in primary.files()
    assert "a.example (external)" in ended.result["loaded"]


def test_a_second_run_does_nothing(primary):
    primary.run(made("a.example"))
    before = primary.files()
    ended = primary.run(made("a.example"))
    assert not ended.result["changed"]
    assert primary.named.told == []
    assert primary.files() == before


def test_only_the_changed_zone_is_loaded(primary):
    primary.run(made("a.example"), made("b.example"))
    ended = primary.run(made("a.example"), made("b.example", address="192.0.2.81"))
    assert primary.named.told == ["reload b.example IN internal"]
    assert ended.result["loaded"] == ["b.example (internal)"]
    assert primary.named.served[("b.example", INTERNAL)] == 2026112101
    assert primary.named.served[("a.example", INTERNAL)] == 2026112100


def test_a_new_zone_reaches_the_catalog_after_it_is_loaded(primary):
    primary.run(made("a.example"))
    primary.run(made("a.example"), made("b.example"))
    assert primary.named.told == ["reconfig", "reload internal.catalog.invalid IN internal"]


def test_check_mode_predicts_and_touches_nothing(primary):
    primary.run(made("a.example"))
    before = primary.files()
    new = made("a.example"), made("b.example")
    ended = primary.run(*new, check=True)
    assert ended.result["changed"]
    assert primary.files() == before
    assert primary.named.told == []
    assert primary.run(*new).result["summary"] == ended.result["summary"]


def test_a_zone_goes_only_by_name_and_leaves_its_keys(primary):
    primary.run(made("a.example"), made("b.example"))
    refused = primary.run(made("a.example"))
    assert refused.failed
    assert "b.example: the zone would be removed" in str(refused)
    (primary.folder / "internal/b.example.zone.jnl").write_text("x")
    ended = primary.run(made("a.example"), allow_zone_removals=["b.example"])
    assert not ended.failed
    assert not [name for name in primary.files() if "b.example" in name]
    assert ("b.example", INTERNAL) not in primary.named.served
    assert "b.example." not in primary.text("internal.catalog")


@pytest.mark.parametrize("check", [False, True])
def test_a_zone_that_the_checker_refuses_stops_all(primary, check):
    primary.run(made("a.example"))
    before = primary.files()
    primary.named.bad = {"b.example"}
    ended = primary.run(made("a.example", address="192.0.2.9"), made("b.example"), check=check)
    assert ended.failed
    assert "b.example (internal): line 5: is bad" in str(ended)
    assert primary.files() == before
    assert primary.named.told == []


def test_a_zone_that_named_does_not_load_gets_its_file_back(primary, monkeypatch):
    monkeypatch.setattr("ansible.module_utils.mailroom_named._WAIT", 0)
    monkeypatch.setattr("ansible.module_utils.mailroom_named._PER_SECOND", 1e9)
    primary.run(made("a.example"), made("b.example"))
    old = primary.text("internal/b.example.zone")
    primary.named.unloadable = {"b.example", "c.example"}
    changed = made("a.example", address="192.0.2.9"), made("b.example", address="192.0.2.9"), made("c.example")
    ended = primary.run(*changed)
    assert ended.failed
    assert "did not load b.example (internal), c.example (internal)" in str(ended)
    assert primary.text("internal/b.example.zone") == old
    assert "internal/c.example.zone" not in primary.files()
    assert primary.named.served[("a.example", INTERNAL)] == 2026112101
    # Once it is mended, the next run does the rest.
    primary.named.unloadable = set()
    again = primary.run(*changed)
    assert not again.failed
    assert again.result["loaded"] == ["b.example (internal)", "c.example (internal)"]


def test_a_list_that_named_refuses_is_taken_back(primary):
    primary.run(made("a.example"))
    before = {name: text for name, text in primary.files().items() if not name.endswith(".catalog")}
    primary.named.refuses_configuration = "named.conf:3: no"
    ended = primary.run(made("a.example", address="192.0.2.9"), made("b.example"))
    assert "all is as it was: named.conf:3: no" in str(ended)
    assert {name: text for name, text in primary.files().items() if not name.endswith(".catalog")} == before
    assert primary.named.told == []


def test_a_run_that_was_cut_off_is_finished_by_the_next(primary):
    primary.run(made("a.example"))
    (primary.folder / ".pending.json").write_text('[["internal", "a.example."]]')
    ended = primary.run(made("a.example"))
    assert ended.result["changed"]
    assert primary.named.told == ["reconfig", "reload a.example IN internal"]
    assert not primary.run(made("a.example")).result["changed"]


def test_many_changed_zones_are_loaded_by_one_call(primary):
    names = [f"z{number}.example" for number in range(120)]
    primary.run(*map(made, names))
    primary.run(*(made(name, address="192.0.2.9") for name in names))
    assert primary.named.told == ["reload"]


def test_a_journal_that_does_not_meet_its_file_is_forgotten(primary):
    """named was started anew while the file was spoiled: it has the zone's journal and not the zone."""
    primary.run(made("a.example", EXTERNAL), made("b.example", EXTERNAL))
    (primary.folder / "external/a.example.zone.jnl").write_text("another serial")
    del primary.named.served[("a.example", EXTERNAL)]
    path = primary.folder / "external/a.example.zone"
    path.write_text(path.read_text().replace("$TTL 3600", "$TTL"))
    ended = primary.run(made("a.example", EXTERNAL), made("b.example", EXTERNAL))
    assert not ended.failed
    assert ended.result["loaded"] == ["a.example (external)"]
    assert primary.named.served[("a.example", EXTERNAL)] == 2026112101
    assert "external/a.example.zone.jnl" not in primary.files()


def test_a_zone_that_named_refuses_at_once_does_not_keep_others_from_being_loaded(primary):
    primary.run(made("a.example"), made("b.example"))
    run = primary.named.run

    def refuses(command):
        if command[:3] == ["rndc", "reload", "a.example"]:
            return 1, "", "rndc: 'reload' failed: file not found\n"
        return run(command)

    primary.named.run = refuses
    old, changed = primary.text("internal/a.example.zone"), [made(f"{x}.example", address="192.0.2.9") for x in "ab"]
    ended = primary.run(*changed)
    assert ended.failed
    assert "did not load a.example (internal) (file not found): these are as they were" in str(ended)
    assert primary.text("internal/a.example.zone") == old
    assert primary.named.served[("b.example", INTERNAL)] == 2026112101
    # What a run that was cut off left is not forgotten either, though its file is right.
    (primary.folder / ".pending.json").write_text('[["internal", "a.example."]]')
    assert primary.run(made("a.example"), changed[1]).failed
    assert primary.text(".pending.json") == '[["internal", "a.example."]]'
    primary.named.run = run
    assert primary.run(*changed).result["loaded"] == ["a.example (internal)"]
    assert not primary.run(*changed).result["changed"]


def test_what_others_add_to_a_dynamic_zone_stays(primary):
    primary.run(made("desks.example", dynamic=True))
    served = primary.text("internal/desks.example.zone").replace("; Made by", "; Once made by")
    (primary.folder / JNL).write_text(served + "pc1 300 IN A 192.0.2.7\n")
    assert not primary.run(made("desks.example", dynamic=True)).result["changed"]

    def meanwhile():
        (primary.folder / JNL).write_text(served + "pc1 300 IN A 192.0.2.7\npc2 300 IN A 192.0.2.8\n")

    primary.named.at_freeze = meanwhile
    ended = primary.run(made("desks.example", address="192.0.2.9", dynamic=True))
    assert primary.named.told == ["freeze desks.example IN internal", "thaw desks.example IN internal"]
    assert not ended.failed
    text = primary.text("internal/desks.example.zone")
    assert "192.0.2.7" in text
    assert "192.0.2.8" in text
    assert "192.0.2.9" in text


def test_an_update_right_after_the_change_is_no_fault(primary):
    zone = made("desks.example", dynamic=True)
    primary.run(zone)
    load = primary.named._load

    def and_updated(name, view):
        load(name, view)
        primary.named.served[name, view] += 1

    primary.named._load = and_updated
    assert not primary.run(made("desks.example", address="192.0.2.9", dynamic=True)).failed


def test_what_a_zone_left_behind_does_not_meet_its_successor(primary):
    (primary.folder / "internal/a.example.zone.signed").write_text("old")
    assert not primary.run(made("a.example")).failed
    assert "internal/a.example.zone.signed" not in primary.files()


def test_a_zone_of_somebody_else_is_left_alone(primary):
    text = (
        f"$ORIGIN a.example.\n$TTL 300\n@ IN SOA {SOA.replace(' 3600', ' 7 3600', 1)}\n@ IN NS ns1.mailroom.example.\n"
    )
    (primary.folder / "internal/a.example.zone").write_text(text)
    ended = primary.run(made("a.example"))
    assert "was not made by Mailroom" in str(ended)
    assert primary.text("internal/a.example.zone") == text
    assert not primary.run(made("a.example"), allow_adoptions=["a.example"]).failed


def test_another_plan_than_the_reviewed_one_is_refused(primary):
    assert "not the one that was reviewed" in str(primary.run(made("a.example"), checksum="sha256:0"))


def test_of_two_runs_at_a_time_one_is_refused(primary):
    with open(primary.folder / ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = primary.run(made("a.example"))
    assert "Another run" in str(ended)


def test_a_named_that_does_not_answer_is_told_and_asked_again(primary):
    primary.run(made("a.example"))
    run = primary.named.run
    primary.named.run = lambda command: (1, "", "connection refused") if command[0] == "rndc" else run(command)
    ended = primary.run(made("a.example", address="192.0.2.9"))
    assert "rndc reload a.example IN internal: connection refused" in str(ended)
    primary.named.run = run
    again = primary.run(made("a.example", address="192.0.2.9"))
    assert again.result["changed"]
    assert primary.named.served[("a.example", INTERNAL)] == 2026112101


def test_all_that_runs_on_the_target_is_named_for_mitogen_and_needs_no_package():
    parts = ("codec", "limits", "zones.limits", "zones.plan", "zones.read", "zones.served", "zones.files")
    imports = ", ".join(f"mailroom.{part}" for part in parts)
    code = f"import sys; import {imports}; print(*[name for name in sys.modules if '.' in name])"
    # Without site-packages, as on a name server.
    done = subprocess.run(
        [sys.executable, "-Sc", code], env={"PYTHONPATH": str(ROOT / "module_utils")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    needed = {name for name in done.stdout.split() if name.startswith("mailroom.") and name != "mailroom.zones"}
    files = [ROOT / "module_utils" / name for name in ("mailroom_zones_run.py", "mailroom_named.py")]
    text = "".join(path.read_text() for path in files)
    assert [name for name in sorted(needed) if f"ansible.module_utils.{name}" not in text] == []
