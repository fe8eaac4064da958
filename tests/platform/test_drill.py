# SPDX-License-Identifier: GPL-3.0-or-later
"""The short form of the drill: one kill, one planned switch, one failed fence. `make drill` is the whole of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

FAULTS = ("kill-active", "planned-switch", "broken-fencing")
# The test machine does more than this: the goals of 4 and 8 s are for a pair that is alone on its machine.
GENEROUS = 20.0


@pytest.fixture(scope="module")
def drill(info):
    """Run once; what each fault showed, by name."""
    if len(info.get("pair", [])) != 2:
        pytest.skip("this platform has a single mail host")
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "cli")}
    command = [sys.executable, "-m", "mailroom_drill", "--faults", ",".join(FAULTS), "--patience", "12", "--rate", "6"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600
    )
    found = re.search(r"(\S+)/result\.json", done.stdout)
    assert found, done.stdout
    result = json.loads((ROOT / found[1] / "result.json").read_text())
    assert result["broken"] == [], done.stdout
    cases = {case["name"]: {**case, "output": done.stdout} for case in result["cases"]}
    assert set(cases) == set(FAULTS), done.stdout
    return cases


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_lost(drill, fault):
    case = drill[fault]
    assert case["verdict"]["good"], case["output"]
    assert case["verdict"]["acknowledged"] > 20, "there was no load worth the name"
    assert case["now"] != case["active"]


@pytest.mark.parametrize("way", ["outside", "inside", "imap"])
@pytest.mark.parametrize("fault", ["kill-active", "planned-switch"])
def test_the_service_is_back_soon(drill, fault, way):
    outage = drill[fault]["outages"][way]
    assert outage["ended"] is not None
    assert outage["after_fault"] < GENEROUS


def test_without_fencing_nobody_takes_the_disk(drill):
    case = drill["broken-fencing"]
    new = [mount for mount in case["mounts"] if mount["node"] == case["now"]]
    assert min(mount["start"] for mount in new) >= case["healed"]
    assert case["healed"] - case["struck"] >= 12


def test_the_drill_takes_its_traces_away(drill, hosts, info):
    for name in info["pair"]:
        host = hosts(name)
        assert host.run("systemctl cat mailroom-drill-witness.service").rc != 0
        assert not host.file("/var/lib/mailroom-drill").exists
    assert "box1@drill.example" not in hosts("ldap1").run("slapcat").stdout


def test_the_group_is_where_it_was(drill, hosts):
    assert hosts(drill[FAULTS[0]]["active"]).run("mountpoint -q /srv/mailroom").rc == 0
