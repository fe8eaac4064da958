# SPDX-License-Identifier: GPL-3.0-or-later
"""What zones are made of, read from files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from mailroom.zones.dkim_steps import Pace
from mailroom.zones.dkim_store import Store, due_steps
from mailroom.zones.inputs import Where, read_inputs
from mailroom.zones.model import ZoneKey
from zonetools import MAIL, platform_data

SCHEMAS = str(Path(__file__).resolve().parents[2] / "schemas")
TODAY = date(2026, 11, 21)


@pytest.fixture
def where(tmp_path):
    """Folders with one account file and one zone file."""
    for name in ("zones", "accounts", "dkim"):
        (tmp_path / name).mkdir()
    account = "domain: widget.example\ncustomer: widget\naliases: {postmaster: [admin@elsewhere.example]}\n"
    (tmp_path / "accounts/widget.example.yml").write_text(account)
    (tmp_path / "zones/gadget.example.yml").write_text("zone: gadget.example\nmail: none\n")
    return Where(f"{tmp_path}/zones", f"{tmp_path}/accounts", SCHEMAS, f"{tmp_path}/dkim")


def read(where: Where, **changes):
    return read_inputs(where, platform_data(mail=MAIL, **changes), {}, TODAY)


def test_all_sources_come_together(where):
    store = Store(where.dkim)
    for domain, step in due_steps(store, ["widget.example."], TODAY, Pace()):
        store.take(domain, step, TODAY, lambda: (b"", "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="))
    found = read(where)
    assert found.errors == []
    zones = found.build().zones
    assert {key.name for key in zones} >= {"widget.example.", "gadget.example.", "mailroom.example."}
    assert ("m20261121._domainkey.widget.example.", "TXT") in zones[ZoneKey("external", "widget.example.")].sets
    assert found.warnings == []


def test_a_domain_without_a_key_is_a_warning(where):
    found = read(where)
    assert found.errors == []
    assert found.warnings == [
        "dkim:1: 1 mail domains have no DKIM key yet (widget.example); a run of playbooks/dns.yml makes them"
    ]


def test_without_accounts_and_keys_there_are_only_zones(where):
    found = read(Where(where.zones, "", SCHEMAS))
    assert found.warnings == []
    assert ZoneKey("external", "widget.example.") not in found.build().zones


@pytest.mark.parametrize(
    ("file", "text", "told"),
    [
        ("accounts/widget.example.yml", "domain: widget.example\nunknown: 1\n", "unknown"),
        ("zones/gadget.example.yml", "zone: gadget.example\nmale: none\n", "male"),
        ("dkim/widget.example.yml", "keys: 1\n", "dkim"),
    ],
)
def test_what_is_wrong_in_a_file_stops_all(where, file, text, told):
    Path(where.zones).parent.joinpath(file).write_text(text)
    found = read(where)
    assert any(told in error for error in found.errors)
    assert found.sources is None
    with pytest.raises(ValueError, match="nothing to build"):
        found.build()


def test_what_is_wrong_with_the_inventory_stops_all(where):
    assert read(where, contact="nobody").sources is None


def test_what_is_wrong_with_zones_is_told_after_they_are_built(where):
    Path(where.zones, "widget.yml").write_text("zone: widget.test\nexternal: {www: {A: 10.0.0.1}}\n")
    found = read(where)
    assert found.errors == []
    found.build()
    assert any("10.0.0.1" in error for error in found.errors)
