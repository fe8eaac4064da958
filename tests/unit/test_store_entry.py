# SPDX-License-Identifier: GPL-3.0-or-later
"""What mailroom-store may delete, by what the directory says of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from mailroom_store import replica
from mailroom_store.entry import due, from_ldap, home, why_kept
from mailroom_store.settings import StoreError
from storetools import GONE, TODAY

# What may go


def test_mail_goes_only_if_everything_in_the_entry_says_so():
    assert why_kept(GONE, TODAY) == ""
    assert why_kept(GONE, date(2027, 3, 1)) == ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "active"}, "it is active, not quarantined"),
        ({"state": "disabled"}, "it is disabled, not quarantined"),
        ({"state": ""}, "it is without a state, not quarantined"),
        ({"hold": "Case 2026/17"}, "legal hold: Case 2026/17"),
        ({"mark": ""}, "the entry was made by hand (no mailroomManagedBy)"),
        ({"purge": ""}, "it has no purge date"),
        ({"removed": ""}, "it has no date of removal"),
        ({"purge": "2026-12-22"}, "its purge date is 2026-12-22"),
        ({"purge": "soon"}, "'soon' is not a date (YYYY-MM-DD)"),
        ({"removed": "2026-11-31"}, "'2026-11-31' is not a date (YYYY-MM-DD)"),
    ],
)
def test_mail_stays(change, reason):
    assert why_kept(replace(GONE, **change), TODAY) == reason
    assert due([replace(GONE, **change)], TODAY) == []


def test_due_is_sorted_and_spares_near_names():
    anna = replace(GONE, address="anna@widget.example", store="widget.example/anna", state="active")
    joann = replace(GONE, address="joann@widget.example", store="widget.example/joann", purge="2027-01-01")
    abe = replace(GONE, address="abe@widget.example", store="widget.example/abe")
    assert [entry.address for entry in due([joann, GONE, anna, abe], TODAY)] == ["abe@widget.example", GONE.address]


def test_a_folder_that_two_entries_claim_is_not_deleted():
    assert due([GONE, replace(GONE, address="new@widget.example", state="active", purge="")], TODAY) == []


@pytest.mark.parametrize(
    "path",
    ["", "ann", "widget.example/", "/ann", "../ann", "widget.example/..", "a/b/c", ".archive/ann", "w/.x", "w/a\n"],
)
def test_store_paths_that_lead_elsewhere(tmp_path, path):
    with pytest.raises(StoreError, match=r"store path .* is not DOMAIN/LOCAL; see uid=ann,ou=widget\.example"):
        home(tmp_path, replace(GONE, store=path))


def test_store_path(tmp_path):
    assert home(tmp_path, replace(GONE, store="bücher.example/jürgen~2")) == tmp_path / "bücher.example/jürgen~2"


def test_entry_from_the_directory():
    attributes = {"mailroomUser": ["ann@widget.example"], "mailroomStore": ["widget.example/ann"], "cn": ["Ann"]}
    entry = from_ldap("uid=ann", attributes)
    assert (entry.address, entry.name, entry.state, entry.purge) == ("ann@widget.example", "Ann", "", "")
    assert from_ldap("uid=ann", attributes | {"displayName": ["Ann Lee"]}).name == "Ann Lee"


# What the provider says


class Provider:
    def __init__(self, entry):
        self.answer = entry

    def entry(self, dn):
        assert dn == GONE.dn
        return self.answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (GONE, ""),
        (None, "the provider has no such entry any more"),
        (replace(GONE, uuid="other"), "the provider has another entry under this name"),
        (replace(GONE, store="widget.example/ann~2"), "the provider has another entry under this name"),
        (replace(GONE, state="active", purge=""), "the provider says: it is active, not quarantined"),
        (replace(GONE, hold="Case"), "the provider says: legal hold: Case"),
    ],
)
def test_the_provider_has_the_last_word(answer, reason):
    assert replica.confirmed(GONE, Provider(answer), why_kept, TODAY) == reason


def test_settings_of_replication():
    text = '{0}rid=001 provider=ldaps://ldap1 searchbase="dc=a,dc=b" binddn="cn=replica,dc=a" '
    text += 'credentials="a b\\"c" retry="1 +"'
    found = replica.syncrepl(text)
    assert (found["provider"], found["binddn"], found["credentials"]) == ("ldaps://ldap1", "cn=replica,dc=a", 'a b"c')


def test_change_numbers_are_compared_by_server():
    first, second, other = (
        f"20261121{time}.000000Z#000000#{server}#000000" for time, server in (("1", "000"), ("2", "000"), ("1", "001"))
    )
    assert replica.newest([second, first, other]) == {"000": second, "001": other}
    assert replica.newest(["rubbish"]) == {}
