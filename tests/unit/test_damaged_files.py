# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged account files and folders: each is refused with its place, none ends in a traceback or takes long."""

from __future__ import annotations

import os
import time

import pytest
from conftest import ALICE, BASE, SCHEMA, TODAY
from mailroom.cache import Cache
from mailroom.prepare import Preparation

ALIASES = "YAML aliases are not possible; write the value out, so that each line says what it means"
DEEP = "broken YAML: nested too deeply"
VAULT = "$ANSIBLE_VAULT;1.1;AES256\n33633939\n"
ASK = "give Ansible the vault password, for example with --ask-vault-pass"
LAUGHS = "domain: widget.example\nx0: &x0 [ha, ha]\n" + "".join(
    f"x{level}: &x{level} [{', '.join([f'*x{level - 1}'] * 9)}]\n" for level in range(1, 12)
)


def bob(value: str) -> str:
    return ALICE + f"  bob: {value}\n"


# Content of widget.example.yml, and the beginning of each finding.
CASES: dict[str, tuple[str | bytes, list[str]]] = {
    "no bytes": (b"", [":1: the file is empty; it needs at least domain:"]),
    "white space": ("\n\n   \n", [":1: the file is empty; it needs at least domain:"]),
    "only a comment": ("---\n# nothing\n", [":1: the file is empty; it needs at least domain:"]),
    "zero bytes": (b"\0" * 512, [":1: broken YAML: unacceptable character #x0000"]),
    "a zero byte": ("domain: widget.example\0\n", [":1: broken YAML: unacceptable character #x0000"]),
    "a picture": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", [":1: not UTF-8; save the file in UTF-8"]),
    "UTF-16": (ALICE.encode("utf-16"), [":1: not UTF-8; save the file in UTF-8"]),
    "Latin-1": (bob("{name: Jörg}").encode("latin-1"), [":7: not UTF-8; save the file in UTF-8"]),
    "half a character": (
        "domain: widget.example\ncustomer: ü".encode()[:-1],
        [":2: not UTF-8; save the file in UTF-8"],
    ),
    "a web page": ("<html><body>404 Not Found</body></html>\n", [":1: must be a mapping, not '<html>"]),
    "a conflict of git": (
        "<<<<<<< HEAD\n" + ALICE + "=======\n" + ALICE + ">>>>>>> other\n",
        [":2: broken YAML: mapping values are not allowed in this context"],
    ),
    "truncated": (ALICE[:-12], [":7: broken YAML: did not find expected ',' or '}'"]),
    "tabs": (ALICE.replace("  alice", "\talice"), [":6: broken YAML: found character that cannot start any token"]),
    "a quote that never ends": (bob("{name: 'Bob}"), [":8: broken YAML: found unexpected end of stream"]),
    "a bad escape": (bob('{name: "\\xZZ"}'), [":7: broken YAML: did not find expected hexdecimal number"]),
    "half a surrogate pair": (
        bob('{name: "\\ud800"}'),
        [":7: broken YAML: found invalid Unicode character escape code"],
    ),
    "a very long key": (f"{'a' * 5000}: b\n", [":1: broken YAML: mapping values are not allowed in this context"]),
    "a version of the future": (
        "%YAML 3.0\n---\ndomain: widget.example\n",
        [":1: broken YAML: found incompatible YAML document"],
    ),
    "two documents": (ALICE + "---\n" + ALICE, [":7: broken YAML: but found another document"]),
    "a duplicate section": (
        ALICE + "mailboxes:\n  bob: {name: Bob}\n",
        [":7: mailboxes: duplicate key, first used on line 5; remove one of the two"],
    ),
    "an alias": (bob("&b {name: Bob, nonsense: 1}") + "  carl: *b\n", [f":8: *b: {ALIASES}"]),
    "a merge": (bob("&b {name: Bob}") + "  carl: {<<: *b}\n", [f":8: *b: {ALIASES}"]),
    "an alias to nothing": (bob("*nobody"), [f":7: *nobody: {ALIASES}"]),
    "an alias to what it is in": ("domain: widget.example\nmailboxes: &all {bob: *all}\n", [f":2: *all: {ALIASES}"]),
    "a billion laughs": (LAUGHS, [f":3: *x0: {ALIASES}"]),
    "a hundred thousand brackets": ("domain: " + "[" * 100_000, [f":1: {DEEP}"]),
    "a hundred thousand closed brackets": ("domain: " + "[" * 100_000 + "]" * 100_000, [f":1: {DEEP}"]),
    "a hundred thousand braces": ("domain: " + "{a: " * 100_000 + "}" * 100_000, [f":1: {DEEP}"]),
    "a hundred thousand dashes": ("- " * 100_000 + "x\n", [f":1: {DEEP}"]),
    "a thousand steps": ("".join(f"{' ' * step}a:\n" for step in range(1000)), [f":51: {DEEP}"]),
    "a number without end": (bob(f"{{name: {'9' * 5000}}}"), [":7: broken YAML: a value that is no int"]),
    "no such number": (bob("{name: !!int seven}"), [":7: broken YAML: a value that is no int"]),
    "no such truth": (bob("{name: !!bool maybe}"), [":7: broken YAML: a value that is no bool"]),
    "a mapping that is a list": (bob("!!map [a]"), [":7: broken YAML: a mapping was expected"]),
    "a list that is a mapping": (bob("!!seq {a: b}"), [":7: broken YAML: expected a sequence node, but found mapping"]),
    "a program": (
        bob("!!python/object/apply:os.system [ls]"),
        [":7: broken YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os."],
    ),
    "a set": (
        bob("!!set {a, b}"),
        [":7: broken YAML: could not determine a constructor for the tag 'tag:yaml.org,2002:set'"],
    ),
    "only a number": ("5\n", [":1: must be a mapping, not 5"]),
    "only a word": ("widget.example\n", [":1: must be a mapping, not 'widget.example'"]),
    "a vaulted file without a password": (VAULT, [f":1: the file is encrypted; {ASK}"]),
    "a vaulted value where none can be": (
        "domain: !vault x\n",
        [":1: domain: a vaulted value is not possible here; expected a domain name"],
    ),
    "a vaulted mapping": (bob("!vault {a: b}"), [":7: broken YAML: expected a scalar node, but found mapping"]),
    "sections of a wrong type": (
        "domain: widget.example\nmailboxes: [a]\nshared: 1\ngroups: x\naliases: true\ncatch_all: {}\nlimits: []\n",
        [
            ":2: mailboxes: must be a mapping, not a list",
            ":3: shared: must be a mapping, not 1",
            ":4: groups: must be a mapping, not 'x'",
            ":5: aliases: must be a mapping, not true",
            ":6: catch_all: must be a list, not a mapping; write it in [ ]",
            ":7: limits: must be a mapping, not a list",
        ],
    ),
    "fields of a wrong type": (
        ALICE + "  bob: {name: [B], quota: {}, expires: soon, forwards: 1, aliases: x, services: [imap], hold: 5}\n",
        [
            ":7: mailboxes.bob.aliases: must be a list, not 'x'; write it in [ ]",
            ":7: mailboxes.bob.expires: must be a mapping, not 'soon'",
            ":7: mailboxes.bob.forwards: must be a list or a mapping, not 1",
            ":7: mailboxes.bob.hold: must be text, not 5; write it in quotes",
            ":7: mailboxes.bob.name: must be text, not a list",
            ":7: mailboxes.bob.quota: must be text, not a mapping",
            ":7: mailboxes.bob.services: must be a mapping, not a list",
        ],
    ),
    "items of a wrong type": (
        ALICE + "catch_all: [alice, 5, [a], {b: c}, ~, true]\n",
        [
            ":7: catch_all[1]: must be text, not 5; write it in quotes",
            ":7: catch_all[2]: must be text, not a list",
            ":7: catch_all[3]: must be text, not a mapping",
            ":7: catch_all[4]: must be text, not nothing",
            ":7: catch_all[5]: must be text, not true; write it in quotes",
        ],
    ),
    "a key with a line break": (
        ALICE + '  "b\\nob": {name: Bob}\n',
        [":7: mailboxes.b\\nob: 'b\\nob' is not a local part"],
    ),
    "a key that takes long to refuse": (
        ALICE + f"  {'a' * 60}!: {{name: Bob}}\n",
        [f":7: mailboxes.{'a' * 60}!: '{'a' * 60}!' is not a local part"],
    ),
    "the file of another domain": (
        ALICE.replace("widget", "gadget"),
        [":1: domain: gadget.example is not what the file is called; rename the file, or correct the domain"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_damaged_file_is_refused(tree, name):
    text, expected = CASES[name]
    started = time.monotonic()
    shown = tree.write("widget.example.yml", text).findings()
    assert time.monotonic() - started < 5
    assert len(shown) == len(expected), shown
    for finding, beginning in zip(shown, expected, strict=True):
        assert finding.startswith(f"widget.example.yml{beginning}")


@pytest.mark.parametrize("name", CASES)
def test_of_a_damaged_file_the_provider_hears_nothing(tree, tmp_path, name):
    """The module gets what is in `payload`; with errors there is none, however well the other files are."""
    tree.write("widget.example.yml", CASES[name][0])
    tree.write("good.example.yml", ALICE.replace("widget", "good"))
    prepared = Preparation(str(tree.folder), str(SCHEMA), None, Cache(str(tmp_path / "kept")), TODAY).run(BASE)
    assert prepared.errors
    assert (prepared.payload, prepared.vaulted) == ("", {})


@pytest.mark.parametrize("text", [b"\xef\xbb\xbf" + ALICE.encode(), ALICE.replace("\n", "\r\n").encode()])
def test_what_windows_makes_of_a_file_is_taken(tree, text):
    assert tree.write("widget.example.yml", text).findings() == []


def test_a_file_of_a_thousand_mistakes_is_judged_in_time(tree):
    text = ALICE + "".join(f"  box{number}: {{name: B, nonsense: 1}}\n" for number in range(5000))
    started = time.monotonic()
    assert len(tree.write("widget.example.yml", text).findings()) == 5000
    assert time.monotonic() - started < 20


def test_a_folder_called_like_a_file_is_read_as_a_folder(tree):
    tree.write("widget.example.yml/README.md", "nothing")
    assert tree.findings() == [
        "widget.example.yml:1: no account files in this folder; remove the folder, or begin its name with a dot"
    ]


def test_a_folder_whose_files_would_not_be_seen_is_refused(tree):
    tree.write("widget.example/a.yml", ALICE)
    tree.write("widget.example/more/b.yml", "domain: widget.example\nmailboxes: {bob: {name: Bob}}\n")
    assert tree.findings() == ["widget.example/more:1: a folder in a domain's folder is not read; move its files up"]


def test_hidden_folders_and_files_are_left_alone(tree):
    tree.write("widget.example/a.yml", ALICE)
    tree.write(".git/config", "x").write("widget.example/.a.yml.swp", "x").write("widget.example/.old/b.yml", "x")
    assert tree.findings() == []


def test_files_with_another_suffix_in_capitals_are_read(tree):
    tree.write("widget.example/A.YML", ALICE).write("widget.example/b.yaml", "domain: widget.example\nquota: 1\n")
    assert tree.findings() == [
        "widget.example/b.yaml:2: quota: unknown field; known here: administrators, alias_domains, aliases, "
        "catch_all, customer, defaults, domain, groups, limits, mailboxes, naming, outgoing, reserved, shared, state"
    ]


def test_a_link_to_nowhere_is_refused(tree):
    tree.write("widget.example.yml", ALICE)
    os.symlink("gone.yml", tree.folder / "gadget.example.yml")
    assert tree.findings() == ["gadget.example.yml:1: cannot be read: No such file or directory"]


def test_a_pipe_is_refused_and_not_waited_for(tree):
    tree.write("widget.example.yml", ALICE)
    os.mkfifo(tree.folder / "gadget.example.yml")
    assert tree.findings() == ["gadget.example.yml:1: cannot be read: not a regular file"]


def test_a_name_that_is_not_utf8_can_be_shown(tree):
    tree.write("widget.example.yml", ALICE)
    with open(os.fsencode(tree.folder) + b"/b\xfccher.yml", "wb") as stream:
        stream.write(b"domain: [")
    assert [finding.partition(":")[0] for finding in tree.findings()] == ["b\\xfccher.yml"]


@pytest.mark.parametrize("error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")])
def test_a_file_that_cannot_be_read_is_refused(tree, monkeypatch, error):
    tree.write("widget.example.yml", ALICE)

    def refuse(*_arguments, **_options):
        raise error

    monkeypatch.setattr("mailroom.loader._content", refuse)
    assert tree.findings() == [f"widget.example.yml:1: cannot be read: {error.strerror}"]


def test_a_vaulted_file_with_the_wrong_password_is_refused(tree):
    def refuse(_envelope):
        raise ValueError("Decryption failed")

    assert tree.write("widget.example.yml", VAULT).findings(refuse) == [
        f"widget.example.yml:1: cannot be decrypted: Decryption failed; {ASK}"
    ]


def test_a_vaulted_value_with_the_wrong_password_is_refused(tree):
    def refuse(_envelope):
        raise ValueError("Decryption failed")

    tree.write("widget.example.yml", bob("{name: Bob, password: !vault x}"))
    assert tree.findings(refuse) == [
        f"widget.example.yml:7: vaulted value cannot be decrypted: Decryption failed; {ASK}"
    ]


def test_a_vaulted_file_of_what_is_no_text_is_refused(tree):
    assert tree.write("widget.example.yml", VAULT).findings(lambda _envelope: b"\xff") == [
        "widget.example.yml:1: not UTF-8; save the file in UTF-8"
    ]
