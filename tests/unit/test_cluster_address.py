# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent for service addresses against an `ip` of the test's own."""

from __future__ import annotations

import os
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

AGENT = Path(__file__).resolve().parents[2] / "roles/cluster/files/usr/lib/ocf/resource.d/mailroom/address"

IP = """#!/bin/sh
cd "$(dirname "$0")"
refuse() { [ ! -e broken ] || { echo "RTNETLINK answers: no" >&2; exit 2; }; }
case "$*" in
  *"address show"*) [ ! -e there ] || echo "7: $(cat there)    inet 10.80.1.10/24 scope global secondary eth9";;
  *"route show"*) cat routes;;
  "address replace"*) echo "$*" >>calls; refuse; echo nic9 >there;;
  "address delete"*) echo "$*" >>calls; refuse; rm there;;
esac
"""
NOTE = '#!/bin/sh\necho "$(basename "$0") $*" >>"$(dirname "$0")/announced"\n'
ROUTES = (
    "default via 10.80.1.1 dev nic1\n10.0.0.0/8 via 10.80.1.1 dev nic2\n10.80.1.0/24 dev nic9 proto kernel scope link\n"
)


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, text in (("ip", IP), ("arping", NOTE)):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        (folder / "routes").write_text(ROUTES)

    def run(self, action: str, **settings: object) -> tuple[int, str]:
        given = {"ip": "10.80.1.10", "cidr_netmask": 24, **settings}
        environment = {f"OCF_RESKEY_{name}": str(value) for name, value in given.items()}
        done = subprocess.run(
            ["sh", str(AGENT), action],
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", **environment},
            capture_output=True,
            text=True,
            timeout=20,
        )
        return done.returncode, done.stdout + done.stderr

    @property
    def calls(self) -> list[str]:
        file = self.folder / "calls"
        return file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_metadata(bench):
    code, output = bench.run("meta-data")
    root = ET.fromstring(output[output.index("<resource-agent") :])  # noqa: S314
    assert code == 0
    names = [item.get("name") for item in root.iterfind("parameters/parameter")]
    assert names == ["ip", "cidr_netmask", "nic", "announcements"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ip": ""}, "ip is '': an IPv4 or IPv6 address"),
        ({"ip": "mail.example"}, "ip is 'mail.example': an IPv4 or IPv6 address"),
        ({"cidr_netmask": 33}, "cidr_netmask is '33': 0 to 32"),
        ({"cidr_netmask": "24 "}, "cidr_netmask is '24 ': 0 to 32"),
        ({"ip": "fd80::1", "cidr_netmask": 129}, "cidr_netmask is '129': 0 to 128"),
        ({"announcements": "x"}, "announcements is 'x': a whole number"),
    ],
)
def test_settings_that_cannot_be(bench, settings, message):
    assert bench.run("validate-all", **settings) == (6, f"ocf-exit-reason:{message}\n")


def test_an_address_comes_and_goes(bench):
    assert bench.run("monitor") == (7, "")
    assert bench.run("start") == (0, "")
    assert bench.run("monitor", CRM_meta_interval=10000) == (0, "")
    assert bench.run("start") == (0, ""), "again: nothing to do"
    assert bench.run("stop") == (0, "")
    assert bench.run("stop") == (0, ""), "again: nothing to do"
    assert bench.calls == ["address replace 10.80.1.10/24 dev nic9", "address delete 10.80.1.10/24 dev nic9"]


def test_neighbours_are_told_in_the_background(bench):
    assert bench.run("start", announcements=3) == (0, "")
    subprocess.run(["sh", "-c", f"until test -s {bench.folder}/announced; do :; done"], timeout=10, check=True)
    assert (bench.folder / "announced").read_text() == "arping -q -U -c 3 -I nic9 10.80.1.10\n"


def test_ipv6_is_not_looked_for_at_others(bench):
    (bench.folder / "routes").write_text("fd80::/64 dev nic6 proto kernel metric 256 pref medium\n")
    assert bench.run("start", ip="fd80::1", cidr_netmask=64) == (0, "")
    assert bench.calls == ["address replace fd80::1/64 dev nic6 nodad"]


def test_an_interface_can_be_named(bench):
    assert bench.run("start", nic="bond0", announcements=0) == (0, "")
    assert bench.calls == ["address replace 10.80.1.10/24 dev bond0"]
    assert not (bench.folder / "announced").exists()


def test_no_interface_in_its_network(bench):
    (bench.folder / "routes").write_text("default via 10.80.1.1 dev nic1\n")
    assert bench.run("start") == (1, "ocf-exit-reason:no interface is in the network of 10.80.1.10\n")


def test_what_the_kernel_refuses_is_said(bench):
    (bench.folder / "broken").touch()
    assert bench.run("start") == (1, "ocf-exit-reason:10.80.1.10 on nic9: RTNETLINK answers: no\n")
    (bench.folder / "there").write_text("nic9")
    assert bench.run("stop") == (1, "ocf-exit-reason:10.80.1.10 on nic9: RTNETLINK answers: no\n")


def test_other_words(bench):
    assert bench.run("promote")[0] == 3
    assert bench.run("status")[0] == 7
    assert subprocess.run(["sh", str(AGENT)], capture_output=True).returncode == 2
