# SPDX-License-Identifier: GPL-3.0-or-later
"""DKIM keys on disk: made once, rolled over in steps, private halves apart."""

from __future__ import annotations

import stat
from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from mailroom.zones.dkim import ACTIVE, PUBLISHED, RETIRED, record
from mailroom.zones.dkim_key import make_key
from mailroom.zones.dkim_steps import Pace
from mailroom.zones.dkim_store import Store, StoreError, due_steps, told

DAY = date(2026, 11, 21)
PACE = Pace(wait=2, use=180, keep=7)
PRIVATE, PUBLIC = make_key(2048)


def make():
    return b"secret", PUBLIC


def run(store: Store, day: date, domains=("widget.example.",), now=()) -> list[str]:
    """Take the steps of a day."""
    steps = due_steps(store, domains, day, PACE, now)
    for domain, step in steps:
        store.take(domain, step, day, make)
    return [told(domain, step) for domain, step in steps]


def states(store: Store) -> dict[str, str]:
    return {key.selector: key.state for key in store.read("widget.example.").keys}


def test_a_key_is_published_then_used_then_followed_by_another(tmp_path):
    store = Store(str(tmp_path / "dkim"))
    assert run(store, DAY) == ["widget.example: publish a new key"]
    assert states(store) == {"m20261121": PUBLISHED}
    assert run(store, DAY + timedelta(1)) == []
    assert run(store, DAY + timedelta(2)) == ["widget.example: switch m20261121"]
    assert states(store) == {"m20261121": ACTIVE}
    later = DAY + timedelta(2 + 180)
    run(store, later)
    run(store, later + timedelta(2))
    assert set(states(store).values()) == {ACTIVE, RETIRED}
    old = store.private("widget.example", "m20261121")
    assert old.exists()
    assert run(store, later + timedelta(9)) == ["widget.example: remove m20261121"]
    assert not old.exists()
    assert len(states(store)) == 1


def test_a_roll_over_can_begin_now_and_never_takes_an_old_selector(tmp_path):
    store = Store(str(tmp_path))
    run(store, DAY)
    run(store, DAY + timedelta(2))
    assert run(store, DAY, now=["WIDGET.example"]) == ["widget.example: publish a new key"]
    assert list(states(store)) == ["m20261121", "m20261121-2"]
    # Somebody took the first key out by hand; its name stays used.
    assert store.read("widget.example.").used == ("m20261121", "m20261121-2")


def test_private_halves_are_for_their_owner_and_not_in_the_file_of_facts(tmp_path):
    store = Store(str(tmp_path / "dkim"))
    run(store, DAY)
    private = store.private("widget.example.", "m20261121")
    assert private.read_bytes() == b"secret"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    facts = tmp_path / "dkim" / "widget.example.yml"
    assert "secret" not in facts.read_text()
    assert stat.S_IMODE(facts.stat().st_mode) == 0o644


def test_keys_of_domains_without_any_are_left_out(tmp_path):
    store = Store(str(tmp_path))
    run(store, DAY)
    assert list(store.all(["widget.example.", "gadget.example."])) == ["widget.example."]


def test_each_domain_has_keys_of_its_own_in_a_label(tmp_path):
    store = Store(str(tmp_path))
    run(store, DAY, ["xn--bcher-kva.example.", "widget.example."])
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "widget.example",
        "widget.example.yml",
        "xn--bcher-kva.example",
        "xn--bcher-kva.example.yml",
    ]


@pytest.mark.parametrize(
    ("text", "told_of"),
    [
        ("keys: [1", "widget.example.yml"),
        ("- 1", "widget.example.yml"),
        ("keys: [{selector: UPPER}]", "'UPPER' is not a selector"),
        ("keys: [{selector: a, state: lost}]", "'lost' is not one of"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path, text, told_of):
    (tmp_path / "widget.example.yml").write_text(text)
    with pytest.raises(StoreError, match=told_of):
        Store(str(tmp_path)).read("widget.example.")


def test_a_made_key_fits_its_record(tmp_path):
    store = Store(str(tmp_path))
    (domain, step), *_ = due_steps(store, ["widget.example."], DAY, PACE)
    store.take(domain, step, DAY, lambda: (PRIVATE, PUBLIC))
    (key,) = store.read(domain).keys
    private = serialization.load_pem_private_key(store.private(domain, key.selector).read_bytes(), None)
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert record(key).startswith("v=DKIM1; k=rsa; p=")
    assert serialization.load_der_public_key(public) == private.public_key()
    assert PUBLIC in record(key)
