# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of YAML change the lines that are meant, and no byte else."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mailroom_cli import yaml_text
from mailroom_cli.yaml_edit import EditError, Editor

ROOT = Path(__file__).resolve().parents[3]
LAB = sorted((ROOT / "inventories/lab/accounts").glob("**/*.yml"))

TEXT = """\
---
# SPDX line
domain: widget.example   # its name
mailboxes:
  # about ann
  ann: {name: Ann Lee}   # a remark
  bob:
    name: "Bob Former"
    # why
    state: disabled
    aliases:
    - robert  # long form
    - bobby
  eve: {name: Eve, services: {pop3: false},
        quota: 1G}

# the aliases
aliases:
  sales: [ann, bob]
  secret: !vault |
    $ANSIBLE_VAULT;1.1;AES256
    3132

  last: [eve]
"""


def changed(before: str, after: str) -> list[str]:
    """The lines that differ, signed."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0))
    return [line for line in lines[2:] if not line.startswith("@@")]


def edited(do, text: str = TEXT) -> list[str]:
    """The lines that an edit changes."""
    editor = Editor(text)
    do(editor)
    return changed(text, editor.result())


CASES = {
    "field of a flow mapping": (
        lambda e: e.update(("mailboxes", "ann"), {"state": "disabled"}),
        ["-  ann: {name: Ann Lee}   # a remark", "+  ann: {name: Ann Lee, state: disabled}   # a remark"],
    ),
    "field of a block mapping": (
        lambda e: e.update(("mailboxes", "bob"), {"quota": "5G"}),
        ["+    quota: 5G"],
    ),
    "value that is there": (
        lambda e: e.update(("mailboxes", "bob"), {"state": "quarantined"}),
        ["-    state: disabled", "+    state: quarantined"],
    ),
    "quotes are kept": (
        lambda e: e.update(("mailboxes", "bob"), {"name": "Robert"}),
        ['-    name: "Bob Former"', '+    name: "Robert"'],
    ),
    "field removed from a block": (
        lambda e: e.update(("mailboxes", "bob"), {"state": None}),
        ["-    state: disabled"],
    ),
    "field removed from a flow mapping over two lines": (
        lambda e: e.update(("mailboxes", "eve"), {"quota": None}),
        [
            "-  eve: {name: Eve, services: {pop3: false},",
            "-        quota: 1G}",
            "+  eve: {name: Eve, services: {pop3: false}}",
        ],
    ),
    "one for another in a flow mapping": (
        lambda e: e.update(("mailboxes", "ann"), {"name": None, "title": "Head"}),
        ["-  ann: {name: Ann Lee}   # a remark", "+  ann: {title: Head}   # a remark"],
    ),
    "only field of an inner mapping": (
        lambda e: e.update(("mailboxes", "eve", "services"), {"pop3": None}),
        [
            "-  eve: {name: Eve, services: {pop3: false},",
            "-        quota: 1G}",
            "+  eve: {name: Eve, quota: 1G}",
        ],
    ),
    "list added to": (lambda e: e.append(("mailboxes", "bob", "aliases"), ["rob"]), ["+    - rob"]),
    "flow list added to": (
        lambda e: e.append(("aliases", "sales"), ["eve", "x@y.example"]),
        ["-  sales: [ann, bob]", "+  sales: [ann, bob, eve, x@y.example]"],
    ),
    "item taken": (lambda e: e.take(("mailboxes", "bob", "aliases"), ["robert"]), ["-    - robert  # long form"]),
    "first item of a flow list": (
        lambda e: e.take(("aliases", "sales"), ["ann"]),
        ["-  sales: [ann, bob]", "+  sales: [bob]"],
    ),
    "last item takes its list along": (lambda e: e.take(("aliases", "last"), ["eve"]), ["-  last: [eve]"]),
    "all items": (
        lambda e: e.take(("mailboxes", "bob", "aliases"), ["robert", "bobby"]),
        ["-    aliases:", "-    - robert  # long form", "-    - bobby"],
    ),
    "removal": (
        lambda e: e.remove(("mailboxes", "eve")),
        ["-  eve: {name: Eve, services: {pop3: false},", "-        quota: 1G}"],
    ),
    "vaulted value removed": (
        lambda e: e.remove(("aliases", "secret")),
        ["-  secret: !vault |", "-    $ANSIBLE_VAULT;1.1;AES256", "-    3132"],
    ),
    "another name": (
        lambda e: e.rename(("mailboxes", "ann"), "ann.lee"),
        ["-  ann: {name: Ann Lee}   # a remark", "+  ann.lee: {name: Ann Lee}   # a remark"],
    ),
    "new one in order": (
        lambda e: e.insert(("mailboxes",), {"carl": {"name": "Carl Gauß"}}),
        ["+  carl: {name: Carl Gauß}"],
    ),
    "new first one": (
        lambda e: e.insert(("mailboxes",), {"aaron": {"name": "Aaron"}}),
        ["+  aaron: {name: Aaron}"],
    ),
    "new section": (
        lambda e: e.insert(("groups",), {"team": {"name": "The Team", "members": ["ann"]}}),
        ["+groups:", "+  team: {name: The Team, members: [ann]}"],
    ),
    "text that YAML would take for something else": (
        lambda e: e.insert(
            ("mailboxes",), {"zoe": {"name": "yes", "title": "a: b", "phone": "+49 1", "x": "2027-01-31"}}
        ),
        ['+  zoe: {name: "yes", title: "a: b", phone: +49 1, x: "2027-01-31"}'],
    ),
    "block becomes a list": (
        lambda e: e.update(("mailboxes", "bob"), {"aliases": ["r"]}),
        ["-    aliases:", "-    - robert  # long form", "-    - bobby", "+    aliases: [r]"],
    ),
}


@pytest.mark.parametrize(("do", "lines"), CASES.values(), ids=CASES)
def test_only_the_lines_that_are_meant(do, lines):
    assert edited(do) == lines


@pytest.mark.parametrize(("do", "lines"), CASES.values(), ids=CASES)
def test_line_breaks_and_byte_order_mark_stay(do, lines):
    text = "\ufeff" + TEXT.replace("\n", "\r\n")
    editor = Editor(text)
    do(editor)
    result = editor.result()
    assert changed(TEXT, result.removeprefix("\ufeff").replace("\r\n", "\n")) == lines
    assert result.startswith("\ufeff")
    assert result.count("\n") == result.count("\r\n")


def test_a_new_first_one_comes_above_the_comment_on_the_next():
    editor = Editor(TEXT)
    editor.insert(("mailboxes",), {"aaron": {"name": "Aaron"}})
    assert "mailboxes:\n  aaron: {name: Aaron}\n  # about ann\n  ann:" in editor.result()


def test_many_edits_at_once():
    editor = Editor(TEXT)
    editor.update(("mailboxes", "ann"), {"quota": "1G"})
    editor.update(("mailboxes", "bob"), {"state": None, "title": "Former"})
    editor.insert(("mailboxes",), {"carl": {"name": "C"}, "dora": {"name": "D"}, "zed": {"name": "Z"}})
    editor.insert(("aliases",), {"zz": ["ann"]})
    data = yaml_text.plain_tree(yaml_text.compose(editor.result()))
    assert list(data["mailboxes"]) == ["ann", "bob", "carl", "dora", "eve", "zed"]
    assert data["mailboxes"]["bob"] == {"name": "Bob Former", "aliases": ["robert", "bobby"], "title": "Former"}
    assert list(data["aliases"]) == ["sales", "secret", "zz", "last"]


@pytest.mark.parametrize("section", ["mailboxes:", "mailboxes: {}", "mailboxes:   # none yet", "mailboxes: {}  # none"])
def test_an_empty_section_is_filled(section):
    editor = Editor(f"domain: w.example\n{section}\naliases: {{}}\n")
    editor.insert(("mailboxes",), {"ann": {"name": "Ann"}})
    assert yaml.safe_load(editor.result()) == {
        "domain": "w.example",
        "mailboxes": {"ann": {"name": "Ann"}},
        "aliases": {},
    }
    assert "\n  ann: {name: Ann}\n" in editor.result()
    assert ("# none" in section) == ("# none" in editor.result())


def test_a_file_without_a_last_line_break():
    editor = Editor("domain: w.example\nmailboxes:\n  ann: {name: Ann}")
    editor.insert(("mailboxes",), {"bob": {"name": "Bob"}})
    assert editor.result() == "domain: w.example\nmailboxes:\n  ann: {name: Ann}\n  bob: {name: Bob}"


def test_long_entries_take_several_lines():
    editor = Editor("domain: w.example\nmailboxes:\n  ann: {name: Ann}\n")
    editor.insert(("mailboxes",), {"bob": {"name": "B" * 100, "aliases": ["a", "b"]}})
    assert editor.result().endswith(f"  bob:\n    name: {'B' * 100}\n    aliases: [a, b]\n")


@pytest.mark.parametrize(
    "text",
    [
        "a: &x {name: N}\nmailboxes:\n  ann: *x\n",
        "a: &x [q]\nmailboxes:\n  ann: {name: N, aliases: *x}\n",
    ],
)
def test_anchors_are_refused(text):
    def edit():
        editor = Editor(text)
        editor.update(("mailboxes", "ann"), {"aliases": ["b"], "name": "M"})
        return editor.result()

    with pytest.raises(EditError, match="cannot be edited safely"):
        edit()


@pytest.mark.parametrize("file", LAB, ids=lambda file: file.name)
def test_each_mailbox_of_the_lab(file):
    """Every mailbox of real files can be disabled, renamed and removed with its own lines alone changed."""
    text = file.read_bytes().decode()
    for local in Editor(text).keys(("mailboxes",)):
        path = ("mailboxes", local)
        editor = Editor(text)
        node = editor.node(path)
        own = text[yaml_text.start(node) : yaml_text.end(node, text)].count("\n") + 1

        editor.update(path, {"state": "absent"})
        assert 1 <= len(changed(text, editor.result())) <= 2
        editor = Editor(text)
        editor.rename(path, f"{local}.new")
        assert len(changed(text, editor.result())) == 2
        editor = Editor(text)
        editor.remove(path)
        gone = changed(text, editor.result())
        assert len(gone) in (own, own + 1)
        assert all(line.startswith("-") for line in gone)


NAMES = st.text(min_size=1, max_size=12)
VALUES = st.recursive(
    NAMES | st.booleans() | st.integers(0, 999),
    lambda inner: st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), st.booleans())
def test_whatever_is_written_is_read_back(fields, as_block):
    text = "a: 1\nmailboxes:\n  ann:\n    name: A\n" if as_block else "a: 1\nmailboxes:\n  ann: {name: A}\n"
    editor = Editor(text)
    editor.update(("mailboxes", "ann"), fields)
    read = yaml_text.plain_tree(yaml_text.compose(editor.result()))
    expected = {"name": "A", **{key: yaml_text.value_tree(value) for key, value in fields.items()}}
    assert read["mailboxes"]["ann"] == expected
