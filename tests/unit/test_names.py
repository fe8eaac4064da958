# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that look alike, and those that do not; what firstname.lastname means."""

from __future__ import annotations

import itertools

import pytest
from conftest import ALICE, HEAD
from mailroom.lookalike import skeleton
from mailroom.model import FIRSTNAME_LASTNAME, Domain, Mailbox
from mailroom.naming import breach, suggestion


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bob", "b0b"),
        ("alice", "a1ice"),
        ("alice", "allce"),
        ("mario.rossi", "rnario.rossi"),
        ("wendy", "vvendy"),
        ("ann.lee", "annlee"),
        ("ann_lee", "ann-lee"),
        ("alice", "\u0430l\u0456c\u0435"),  # Cyrillic a, i, e
        ("nova", "n\u03bfva"),  # Greek omicron
        ("jose", "josé"),
        ("lukasz", "\u0142ukasz"),
        ("iris", "\u0131ris"),  # i without a dot
    ],
)
def test_names_that_look_alike(one, other):
    assert skeleton(one) == skeleton(other)


# Ordinary names of a few languages, and what functions and rooms are called.
ORDINARY = """
    ann anna anne annie joann joanna hanna hannah johanna alice alina elena helena ellen helen erin erik eric erika
    ian jan dan dana diana ivan evan ivana jon john joan jonas tom tomas thomas tim timo mia maria marie mari mario
    marina martin martina marta mark marko marc marcel mel mila milan milena nina nino nils niels lena leni lene lina
    liam lia lisa liza luisa louis luis lucas lukas luka luca laura lara lars ole olga oleg otto otto2 paul paula
    pavel petr peter petra piet rosa rose rosi sara sarah sandra sasha sofia sofie sonja sven svenja uta ute ulla
    vera viola walter werner wilma xenia yusuf zoe
    alice.liddell bob.former carla.mendez ann.lee anna.lee a.lee b.lee
    info sales support service office team team1 team2 team10 team11 room-1-1 room-11 room-1 room-2 2026-01-01
    2026-11-1 webmaster postmaster hostmaster abuse noreply no-reply-2 all everyone billing invoices orders archive
"""


def test_ordinary_names_do_not_look_alike():
    alike = [
        (one, other) for one, other in itertools.combinations(ORDINARY.split(), 2) if skeleton(one) == skeleton(other)
    ]
    assert alike == []


def test_near_misses_in_files_are_no_finding(tree):
    names = "".join(
        f"  {name}: {{name: {name}}}\n" for name in ("ann", "anna", "joann", "joanna", "ann.lee", "anna.lee")
    )
    assert tree.write("widget.example.yml", ALICE + names).findings() == []


def test_spellings_of_one_person_are_no_finding(tree):
    text = HEAD + (
        "  a1ice: [alice]\nmailboxes:\n  alice: {name: Alice, aliases: [al.ice, allce]}\n"
        "  removed: {name: X, state: absent}\n  rem0ved: {name: Y}\n"
    )
    assert tree.write("widget.example.yml", text).findings() == []


def test_an_alias_to_several_that_looks_like_one_of_them_is_a_finding(tree):
    text = HEAD + "  a1ice: [alice, bob]\nmailboxes:\n  alice: {name: Alice}\n  bob: {name: Bob}\n"
    assert tree.write("widget.example.yml", text).findings() == [
        "widget.example.yml:5: aliases.a1ice: a1ice@widget.example looks like alice@widget.example "
        "(widget.example.yml:7); make sure that it is meant, or choose a name that differs more"
    ]


@pytest.mark.parametrize(
    ("local", "good"),
    [
        ("ann.lee", True),
        ("ann.lee2", True),
        ("anna-maria.da-silva", True),
        ("maria.da.silva", True),
        ("jörg.müller", True),
        ("игорь.печкин", True),
        ("प्रिया.शर्मा", True),
        ("ann", False),
        ("a1.lee", False),
        ("ann_lee", False),
        ("ann-lee", False),
    ],
)
def test_firstname_lastname(local, good):
    domain = Domain("widget.example", naming=FIRSTNAME_LASTNAME)
    problem = "" if good else f"{local!r} is not of the form firstname.lastname"
    assert breach(domain, Mailbox(local, domain.name, "X")) == problem


@pytest.mark.parametrize("kind", ["send_only", "receive_only", "shared"])
def test_only_persons_obey_the_naming_rule(kind):
    domain = Domain("widget.example", naming=FIRSTNAME_LASTNAME)
    assert breach(domain, Mailbox("scanner", domain.name, "X", kind)) == ""


@pytest.mark.parametrize(
    ("given", "surname", "address"),
    [
        ("Ann", "Lee", "ann.lee"),
        ("Jörg", "Müller", "joerg.mueller"),
        ("Émilie", "du Châtelet", "emilie.du-chatelet"),
        ("Søren", "O'Neil", "soeren.o-neil"),
        ("Elif", "Y\u0131lmaz", "elif.yilmaz"),
        ("花", "佐藤", ""),
        ("", "Support", ""),
    ],
)
def test_suggestions(given, surname, address):
    assert suggestion(given, surname) == address
