# SPDX-License-Identifier: GPL-3.0-or-later
"""What the playbooks in playbooks/ops get from their filters."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from pairviews import CSN, LATER, NOW, directory, unreachable, view, views

FILE = Path(__file__).resolve().parents[2] / "filter_plugins/mailroom_pair.py"
NAMES = {name: f"{name}.mailroom.example" for name in ("ldap1", "mail1", "mail2")}


@pytest.fixture(scope="module")
def filters():
    spec = importlib.util.spec_from_file_location("filter_mailroom_pair", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FilterModule().filters()


@pytest.mark.parametrize("what", ["switch", "out", "back", "fence"])
def test_judgements(filters, what):
    assert filters["pair_judge"](views(), what, "mail2")["refused"] == []
    seen = views() | {"mail2": unreachable()}
    found = filters["pair_judge"](seen, what, "mail1" if what == "out" else "mail2", {"max_lag": 1})
    assert bool(found["refused"]) == (what != "fence")


def test_report(filters):
    found = filters["pair_report"](views(), ["mail1", "mail2"], ["mail1", "mail2"], {"unfenced": False})
    assert (found["attention"], found["data"]["well"], "all is well" in found["text"]) == ([], True, True)


def test_promotion(filters):
    seen = {"ldap1": unreachable()} | {
        name: view(name, time=NOW + 10_000, directory=directory(provider_csn="")) for name in ("mail1", "mail2")
    }
    assert filters["directory_judge"](seen, "mail2", NAMES)["refused"] == []
    assert filters["directory_record"]("mail2", "2026-11-27T03:00:00Z", ["ldap1"]) == [
        "provider mail2",
        "since 2026-11-27T03:00:00Z",
        "former ldap1",
    ]
    assert filters["directory_inventory"]("mail2", ["ldap1"], ["ldap1"], ["mail2"])[0].startswith("directory_provider")


def test_a_directory_that_is_no_use_is_far_behind(filters):
    lag = filters["directory_lag"]
    assert lag(directory()) == lag(directory(provider_csn="")) == lag(directory("provider")) == 0
    assert lag(directory(csn=CSN, provider_csn=LATER)) == 5
    assert lag(directory(csn="")) == lag(directory(problem="it hangs")) == 1e9


def test_rows_of_fencing_devices(filters):
    tried = [
        {"device": "fence-mail2", "target": "mail2", "seconds": 0.4, "problem": ""},
        {"device": "", "target": "mail3", "seconds": 0.0, "problem": "no device could fence it"},
    ]
    assert filters["fencing_rows"](tried) == [
        "fence-mail2 would fence mail2: answers after 0.4 s",
        "no device would fence mail3: no device could fence it",
    ]
