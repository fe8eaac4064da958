# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of /etc/hosts from inventory data, and the order of a pair's nodes."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("mailroom_hosts", ROOT / "filter_plugins/mailroom_hosts.py")
assert SPEC is not None
assert SPEC.loader is not None
module: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(module)

HOSTS = [
    {"names": ["ldap1.m.example", "ldap1"], "networks": {"lan": {"ip4": "10.0.0.2", "ip6": "fd00::2"}}},
    {"names": ["mail1.m.example"], "networks": {"wan": {"ip4": "192.0.2.1"}, "lan": {"ip4": "10.0.0.1"}}},
    {"names": ["mx.else.example"], "networks": {"wan": {"ip4": "192.0.2.9"}}},
    {"names": ["mx2.m.example"], "networks": {"branch": {"ip4": "10.0.1.1"}, "wan": {"ip4": "192.0.2.2"}}},
]
SERVICES = [{"names": ["mail.m.example"], "networks": {"lan": ["10.0.0.10"], "wan": ["192.0.2.10"]}}]


def seen(*networks: str) -> list[tuple[str, str]]:
    entries = module.hosts_entries(HOSTS, networks, SERVICES)
    return [(entry["address"], entry["names"][0]) for entry in entries]


@pytest.mark.parametrize("networks", [("lan",), ("lan", "wan"), ("branch",)])
def test_inside_prefers_inside(networks: tuple[str, ...]) -> None:
    assert seen(*networks) == [
        ("10.0.0.10", "mail.m.example"),
        ("10.0.0.2", "ldap1.m.example"),
        ("fd00::2", "ldap1.m.example"),
        ("10.0.0.1", "mail1.m.example"),
        ("192.0.2.9", "mx.else.example"),
        ("10.0.1.1", "mx2.m.example"),
    ]


def test_outside_sees_only_outside() -> None:
    assert seen("wan") == [
        ("192.0.2.10", "mail.m.example"),
        ("192.0.2.1", "mail1.m.example"),
        ("192.0.2.9", "mx.else.example"),
        ("192.0.2.2", "mx2.m.example"),
    ]


def test_no_services() -> None:
    assert len(module.hosts_entries(HOSTS, ["wan"])) == 3


def test_item_without_names() -> None:
    with pytest.raises(AnsibleFilterError, match="an item without `names`"):
        module.hosts_entries([{"names": [], "networks": {}}], ["lan"])


def test_filters() -> None:
    assert set(module.FilterModule().filters()) == {"hosts_entries", "passive_first"}


@pytest.mark.parametrize(
    ("active", "order"),
    [
        ({"mail1": True, "mail2": False}, ["mail2", "mail1"]),
        ({"mail1": False, "mail2": True}, ["mail1", "mail2"]),
        # Neither has it before the first take-over; and what was left out of a run is not asked.
        ({"mail1": False, "mail2": False}, ["mail1", "mail2"]),
        ({"mail2": False}, ["mail2", "mail1"]),
        ({}, ["mail1", "mail2"]),
    ],
)
def test_node_with_the_mail_comes_last(active, order):
    variables = {name: {"mailroom_active": active[name]} if name in active else {} for name in ("mail1", "mail2")}
    assert module.passive_first(["mail1", "mail2"], variables) == order
