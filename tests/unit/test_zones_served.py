# SPDX-License-Identifier: GPL-3.0-or-later
"""What named reads beside zone files, and DS records from its keys."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import dns.dnssec
import dns.name
import dns.rdata
import pytest
from mailroom.zones.ds import ds_records
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


NOW = datetime(2026, 11, 27, 20, 10, tzinfo=UTC)
# What named notes of keys that take turns: the old one, and the new one whose DS may be published from 22:09 on.
OLD_STATE = (
    "Algorithm: 13\nSuccessor: {new}\nPublishCDS: 20261120200929 (Fri Nov 20 20:09:29 2026)\nGoalState: hidden\n"
)
NEW_STATE = "Predecessor: {old}\nPublishCDS: 20261127220931 (Fri Nov 27 22:09:31 2026)\nGoalState: omnipresent\n"


def told(*files, now=NOW):
    return [str(ds).partition(" IN DS ")[2] for ds in ds_records(files, now)]


def test_ds_is_that_of_an_independent_implementation():
    (found,) = ds_records([(KEY, "")], NOW)
    key = dns.rdata.from_text("IN", "DNSKEY", KEY.splitlines()[1].partition(" DNSKEY ")[2])
    expected = dns.dnssec.make_ds(dns.name.from_text("widget.example."), key, "SHA256")
    assert str(found).lower() == f"widget.example. in ds {expected.to_text()}".lower()


def test_keys_that_sign_records_or_leave_have_no_ds():
    assert told((KEY.replace(" 257 ", " 256 "), "")) == []
    assert told((KEY, "Algorithm: 13\nGoalState: hidden\n")) == []
    assert told((KEY, "Algorithm: 13\nGoalState: hidden\nSuccessor: 7\n")) == [], "the successor is not there"
    assert len(told((KEY, "Algorithm: 13\nGoalState: omnipresent\n"))) == 1
    assert told(("; empty\n", "")) == []


def test_a_new_zone_waits_until_nobody_remembers_it_without_signatures():
    (ds,) = told((KEY, "PublishCDS: 20261204200929 (Fri Dec  4 20:09:29 2026)\nGoalState: omnipresent\n"))
    assert ds.endswith(" ; not before 2026-12-04 20:09 UTC")


def test_while_two_keys_take_turns_the_old_one_stays_until_the_new_one_is_known():
    other = KEY.replace(" 257 3 13 ", " 257 3 14 ")
    (old,), (new,) = told((KEY, "")), told((other, ""))
    old_tag, new_tag = old.split()[0], new.split()[0]
    files = (KEY, OLD_STATE.format(new=new_tag)), (other, NEW_STATE.format(old=old_tag))
    assert told(*files) == [
        f"{old} ; until 2026-11-27 22:09 UTC, then {new_tag} in its place",
        f"{new} ; not before 2026-11-27 22:09 UTC, in place of {old_tag}",
    ]
    assert told(*files, now=NOW + timedelta(hours=2)) == [new]
