# SPDX-License-Identifier: GPL-3.0-or-later
"""What named reads beside zone files, and DS records from its keys."""

from __future__ import annotations

from datetime import date

import dns.dnssec
import dns.name
import dns.rdata
import pytest
from mailroom.zones.ds import ds_of
from mailroom.zones.model import VIEWS, Zone, ZoneKey
from mailroom.zones.served import catalog, catalog_key, dynamic, listed, zone_lists

TODAY = date(2026, 11, 21)
FOLDER = "/var/lib/bind/mailroom"
KEY = (
    "; This is a key-signing key, keyid 1234, for widget.example.\n"
    "widget.example. 3600 IN DNSKEY 257 3 13 "
    "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==\n"
)


def lists(*zones: Zone, policies=None, signed=("external",)) -> dict[str, str]:
    return zone_lists(zones, FOLDER, "catalog.invalid", policies or {}, signed)


def test_each_view_lists_its_zones_and_its_catalog():
    found = lists(Zone("widget.example.", "internal", 300), Zone("gadget.example.", "external", 300))
    assert listed(found["internal"]) == {"widget.example.", "internal.catalog.invalid."}
    assert listed(found["external"]) == {"gadget.example.", "external.catalog.invalid."}
    assert 'file "/var/lib/bind/mailroom/external/gadget.example.zone"' in found["external"]


def test_a_part_of_a_network_is_one_file_name():
    assert (
        "external/0%2F26.2.0.192.in-addr.arpa.zone"
        in lists(Zone("0/26.2.0.192.in-addr.arpa.", "external", 1))["external"]
    )


def test_only_the_inside_of_a_dynamic_zone_takes_updates():
    found = lists(*(Zone("dyn.example.", view, 300, dynamic=True) for view in VIEWS))
    assert dynamic(found["internal"]) == {"dyn.example."}
    assert dynamic(found["external"]) == frozenset()


def test_a_policy_of_a_zone_counts_only_where_the_view_is_signed():
    zones = [Zone("old.example.", view, 300) for view in VIEWS]
    found = lists(*zones, policies={"old.example.": "insecure"})
    assert 'dnssec-policy "insecure"' in found["external"]
    assert "dnssec-policy" not in found["internal"]
    # What is not signed anywhere has no policy to differ from.
    assert "dnssec-policy" not in lists(*zones, policies={"old.example.": "insecure"}, signed=())["external"]


def test_a_catalog_names_each_zone_once_and_its_version():
    file = catalog("external", "catalog.invalid", ["widget.example.", "gadget.example."], None, TODAY)
    assert file is not None
    assert file.serial == 2026112100
    assert file.text.count(" PTR ") == 2
    assert 'version                    3600 IN TXT    "2"' in file.text
    assert catalog_key("external", "catalog.invalid.") == ZoneKey("external", "external.catalog.invalid.")


def test_a_catalog_changes_only_with_its_zones():
    first = catalog("internal", "catalog.invalid", ["widget.example."], None, TODAY)
    assert first is not None
    assert catalog("internal", "catalog.invalid", ["widget.example."], first.text, TODAY) is None
    second = catalog("internal", "catalog.invalid", ["widget.test."], first.text, TODAY)
    assert second is not None
    assert second.serial == first.serial + 1


@pytest.mark.parametrize("text", ["", "; nothing of ours\n"])
def test_a_catalog_that_cannot_be_read_is_made_anew(text):
    assert catalog("internal", "catalog.invalid", [], text, TODAY) is not None


def test_ds_is_that_of_an_independent_implementation():
    found = ds_of(KEY)
    assert found is not None
    key = dns.rdata.from_text("IN", "DNSKEY", KEY.splitlines()[1].partition(" DNSKEY ")[2])
    expected = dns.dnssec.make_ds(dns.name.from_text("widget.example."), key, "SHA256")
    assert str(found).lower() == f"widget.example. in ds {expected.to_text()}".lower()


def test_keys_that_sign_records_or_leave_have_no_ds():
    assert ds_of(KEY.replace(" 257 ", " 256 ")) is None
    assert ds_of(KEY, "Algorithm: 13\nGoalState: hidden\n") is None
    assert ds_of(KEY, "Algorithm: 13\nGoalState: omnipresent\n") is not None
    assert ds_of("; empty\n") is None
