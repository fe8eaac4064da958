# SPDX-License-Identifier: GPL-3.0-or-later
"""Our fast checker and the jsonschema library agree on what the schema allows."""

from __future__ import annotations

import json
import re

import jsonschema
import pytest
from conftest import ROOT, SCHEMA
from hypothesis import given
from hypothesis import strategies as st
from mailroom.schema import compile_schema

DOCUMENT = json.loads(SCHEMA.read_text())
LIBRARY = jsonschema.Draft202012Validator(DOCUMENT)
OURS = compile_schema(DOCUMENT)

# Words that the schema knows, mixed with some that it does not, so that random data comes close to valid.
LOCALS = st.sampled_from(["alice", "a.b", "Bob", "a..b", "", "007"])
TEXT = st.sampled_from(
    ["Alice", "", " x", "5G", "unlimited", "active", "gone", "+49 30", "alice", "x" * 201, "2027-01-31", "members"]
)
LEAF = TEXT | st.booleans() | st.integers() | st.none()
TARGETS = st.lists(TEXT, max_size=3) | LEAF
SERVICES = st.dictionaries(st.sampled_from(["imap", "pop3", "ftp"]), st.booleans() | LEAF, max_size=2) | LEAF
FORWARDS = TARGETS | st.fixed_dictionaries({}, optional={"to": TARGETS, "keep_copy": LEAF, "x": LEAF})
FIELDS = {
    **dict.fromkeys(("name", "title", "phone", "quota", "state", "password", "nonsense"), LEAF),
    "services": SERVICES,
    "kind": TEXT,
    "hold": LEAF,
    "send_as": TARGETS,
    "expires": st.fixed_dictionaries({}, optional={"date": TEXT, "contact": LEAF, "x": LEAF}) | LEAF,
    "aliases": TARGETS,
    "forwards": FORWARDS,
}
RIGHT = st.sampled_from(["read", "edit", "send"])
MAILBOX = st.fixed_dictionaries({}, optional=FIELDS) | LEAF
SHARED = st.fixed_dictionaries({}, optional={"name": TEXT, "agents": st.dictionaries(TEXT, LEAF | RIGHT, max_size=2)})
GROUP = st.fixed_dictionaries({}, optional={"name": TEXT, "members": TARGETS, "posters": TARGETS})
TOP = st.fixed_dictionaries(
    {"domain": TEXT},
    optional={
        "customer": LEAF,
        "state": TEXT,
        "defaults": st.fixed_dictionaries({}, optional={"quota": LEAF, "services": SERVICES}) | LEAF,
        "mailboxes": st.dictionaries(LOCALS, MAILBOX, max_size=3) | LEAF,
        "aliases": st.dictionaries(LOCALS, TARGETS, max_size=3) | LEAF,
        "catch_all": TARGETS,
        "limits": st.fixed_dictionaries({}, optional={"mailboxes": LEAF, "quota": LEAF}) | LEAF,
        "shared": st.dictionaries(LOCALS, SHARED, max_size=2) | LEAF,
        "groups": st.dictionaries(LOCALS, GROUP, max_size=2) | LEAF,
        "nonsense": LEAF,
    },
)


@given(TOP)
def test_both_find_the_same_places_or_none(data):
    ours = {violation.path for violation in OURS(data)}
    assert bool(ours) == (not LIBRARY.is_valid(data))


@pytest.mark.parametrize("name", ["domain", "delegation"])
def test_editors_are_told_the_schema_of_each_file_of_ours(name):
    files = {
        "domain": [*ROOT.glob("inventories/*/accounts/*.yml"), *ROOT.glob("inventories/*/accounts/*/*.yml")],
        "delegation": [*ROOT.glob("inventories/*/delegation.yml")],
    }[name]
    assert files
    for file in files:
        (place,) = re.findall(r"^# yaml-language-server: \$schema=(\S+)$", file.read_text(), re.MULTILINE)
        assert (file.parent / place).resolve() == ROOT / f"schemas/{name}.schema.json", file


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(DOCUMENT)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "number"}, "schema: type 'number' is not supported"),
        ({"type": "string", "format": "email"}, "schema: unsupported keywords ['format']"),
    ],
)
def test_a_schema_with_unknown_keywords_is_not_half_checked(schema, reason):
    with pytest.raises(ValueError) as error:
        compile_schema(schema)
    assert str(error.value) == reason


@pytest.mark.parametrize("value", ["ann", "jürgen", "a.b-c", "名.字"])
def test_a_pattern_ends_where_the_text_ends(value):
    pattern = {"type": "string", **DOCUMENT["$defs"]["localPart"]}
    check = compile_schema(pattern)
    assert check(value) == []
    assert [violation.path for violation in check(f"{value}\n")] == [()]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "must be a whole number, not true"),
        ("1", "must be a whole number, not '1'"),
        (2, "must be at least 3, not 2"),
    ],
)
def test_whole_numbers(value, message):
    check = compile_schema({"type": "integer", "minimum": 3})
    assert [violation.message for violation in check(value)] == [message]
    assert check(3) == []
