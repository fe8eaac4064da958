# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever is in the account files: a command does its work or says why not, and never half writes a file."""

from __future__ import annotations

import random

import pytest
from clitools import SMALL, small
from mailroom_cli.errors import EXISTS, FAILED, INVALID, OK, UNKNOWN, USAGE

COMMANDS = (
    ("validate",),
    ("explain", "ann@widget.example"),
    ("account", "list"),
    ("account", "show", "ann@widget.example"),
    ("account", "disable", "ann@widget.example"),
    ("account", "add", "carl@widget.example", "--name", "Carl"),
    ("account", "change", "bob@widget.example", "--title", "T", "--add-alias", "b", "--service", "pop3=off"),
    ("account", "rename", "anna@widget.example", "anna.l"),
    ("account", "remove", "ann@widget.example", "--take-out"),
    ("domain", "show", "widget.example"),
    ("domain", "disable", "widget.example"),
    ("group", "add", "team@widget.example", "--name", "T", "--member", "ann"),
    ("group", "add-member", "team@widget.example", "ann"),
    ("alias", "add", "sales@widget.example", "ann"),
    ("alias", "remove", "abuse@widget.example", "ann"),
    ("export",),
)
ODD = [
    b"",
    b"\xff\xfe",
    b"\x00",
    b"- a\n- b\n",
    b"text",
    b"domain: widget.example",
    b"domain: [x]\n",
    b"domain: widget.example\nmailboxes: [ann]\n",
    b"domain: widget.example\nmailboxes: {ann: 5}\n",
    b"domain: widget.example\nmailboxes: {ann: }\ngroups: {team: }\naliases: {abuse: ann}\n",
    b"domain: widget.example\nmailboxes: {ann: {name: [x], aliases: 3, services: [pop3], forwards: {to: x}}}\n",
    b"domain: widget.example\nmailboxes:\n  ? {a: b}\n  : 1\n",
    b"domain: widget.example\nmailboxes: &x\n  ann: {name: A}\naliases: *x\n",
    b"domain: widget.example\nmailboxes: {bob: {name: B, services: x, aliases: [[1]]}}\ngroups: {team: {members: x}}\n",
    b"domain: widget.example\n---\ndomain: widget.example\n",
    b"domain: widget.example\nmailboxes: !x {ann: !y {name: N}}\n",
    b"$ANSIBLE_VAULT;1.1;AES256\nzz\n",
    b"domain: widget.example\nmailboxes: {" + b"{" * 3000,
]
ENDS = {OK, FAILED, INVALID, UNKNOWN, EXISTS, USAGE}


def tried(copy, content: bytes, words: tuple[str, ...]) -> None:
    copy.write("widget.example.yml", content)
    ended = copy.run(*words)
    assert ended.code in ENDS, (content, words)
    assert ended.code == OK or words == ("validate",) or ended.err or ended.code == UNKNOWN
    if ended.code != OK:
        assert copy.changed() == [], (content, words)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_odd_files(small, words):
    for content in ODD:
        tried(small, content, words)


@pytest.mark.parametrize("seed", range(4))
def test_files_cut_off_and_scrambled(small, seed):
    chance = random.Random(seed)  # noqa: S311
    text = SMALL.encode()
    for _ in range(60):
        content = bytearray(text[: chance.randrange(len(text))] if chance.random() < 0.5 else text)
        for _ in range(chance.randrange(4)):
            content[chance.randrange(len(content) or 1) : chance.randrange(5)] = chance.choice(
                [b"{", b"}", b"[", b":", b"\n", b"&a ", b"*a", b"- ", b"'", b"|", b"!vault ", b"\t", b"\xc3"]
            )
        tried(small, bytes(content), chance.choice(COMMANDS))


def test_a_folder_where_a_file_was(small):
    file = small.folder / "widget.example.yml"
    file.unlink()
    file.mkdir()
    ended = small.run("account", "disable", "ann@widget.example")
    assert (ended.code, ended.err) == (5, "mailroom: widget.example: no such domain\n")
