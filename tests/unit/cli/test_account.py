# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom account: each command changes the lines that are meant, and refuses what would be wrong."""

from __future__ import annotations

import io
import os
import re
import time

import pytest
from clitools import LAB, SMALL, lab, small
from mailroom import hashing
from mailroom_cli.yaml_edit import Editor

ANN = "ann@widget.example"


def test_add(small):
    ended = small.run("account", "add", "carl@widget.example", "--name", "Carl Gauß", "--quota", "5g", "--alias", "c")
    assert ended.code == 0
    assert small.changed() == ["+  carl: {name: Carl Gauß, quota: 5G, aliases: [c]}"]
    assert "+  carl: {name: Carl Gauß, quota: 5G, aliases: [c]}\n" in ended.out
    assert ended.out.endswith("a one-time password is made when this is applied\n")


def test_add_again_is_no_error_and_with_other_data_is_one(small):
    words = ("account", "add", "anna@widget.example", "--name", "Anna Lindqvist")
    assert small.run(*words).out == "anna@widget.example: nothing to change\n"
    ended = small.run(*words, "--quota", "6G")
    assert (ended.code, ended.err) == (
        6,
        "mailroom: anna@widget.example exists with other data; see `mailroom account show`\n",
    )
    assert small.changed() == []


def test_add_with_everything(small):
    ended = small.run(
        *("account", "add", "Eve@widget.example", "--name", "Eve On", "--title", "Head: Sales", "--phone", "+49 30 1"),
        *("--kind", "receive_only", "--service", "pop3=off", "--forward", "ann@widget.example", "--no-copy"),
        *("--expires", "2099-12-31", "--contact", "ann@widget.example", "--hold", "Case 7"),
    )
    assert ended.code == 0, ended.err
    assert small.changed() == [
        "+  eve:",
        "+    name: Eve On",
        '+    title: "Head: Sales"',
        "+    phone: +49 30 1",
        "+    kind: receive_only",
        '+    expires: {date: "2099-12-31", contact: ann}',
        "+    hold: Case 7",
        "+    services: {pop3: false}",
        "+    forwards: {to: [ann], keep_copy: false}",
    ]


def test_add_shared(small):
    words = ("account", "add", "help@widget.example", "--name", "Help", "--shared", "--agent", "ann=send")
    assert small.run(*words).code == 0
    assert small.changed() == ["+shared:", "+  help: {name: Help, agents: {ann: send}}"]


def test_add_to_a_domain_in_a_folder(lab):
    words = ("account", "add", "pascal@society.test", "--name", "Blaise Pascal")
    assert lab.run(*words, "--file", "officers").code == 0
    assert "pascal: {name: Blaise Pascal}" in lab.text("society.test/officers.yml")


def test_a_file_that_is_not_there(lab):
    ended = lab.run("account", "add", "x@society.test", "--name", "X", "--file", "others")
    assert (ended.code, ended.err) == (
        64,
        "mailroom: others is no file of society.test; there are: members.yml, officers.yml\n",
    )


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("disable", ANN), ["-  ann: {name: Ann Lee}", "+  ann: {name: Ann Lee, state: disabled}"]),
        (("quarantine", "bob@widget.example"), ["-    state: disabled", "+    state: quarantined"]),
        (("enable", "bob@widget.example"), ["-    state: disabled"]),
        (("quota", ANN, "500m"), ["-  ann: {name: Ann Lee}", "+  ann: {name: Ann Lee, quota: 500M}"]),
        (
            ("quota", "anna@widget.example", "default"),
            [
                "-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}",
                "+  anna: {name: Anna Lindqvist, aliases: [a.lindqvist]}",
            ],
        ),
        (
            ("change", "anna@widget.example", "--add-alias", "anna.l", "--title", "Buyer"),
            [
                "-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}",
                "+  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist, anna.l], title: Buyer}",
            ],
        ),
        (("change", "bob@widget.example", "--no-forward"), ["-    forwards: [ann]"]),
        (
            ("change", "anna@widget.example", "--remove-alias", "a.lindqvist@widget.example"),
            [
                "-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}",
                "+  anna: {name: Anna Lindqvist, quota: 5G}",
            ],
        ),
        (
            ("remove", "anna@widget.example", "--forget"),
            ["-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}"],
        ),
        (("remove", "bob@widget.example"), ["-    state: disabled", "+    state: absent"]),
        (
            ("rename", "anna@widget.example", "anna.l", "--keep-old-address"),
            [
                "-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}",
                "+  anna.l: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist, anna], renamed_from: anna}",
            ],
        ),
        (
            ("rename", ANN, "ann.lee@widget.example"),
            [
                "-  ann: {name: Ann Lee}",
                "+  ann.lee: {name: Ann Lee, renamed_from: ann}",
                "-    forwards: [ann]",
                "+    forwards: [ann.lee]",
                "-  postmaster: [ann]",
                "-  abuse: [ann]",
                "+  postmaster: [ann.lee]",
                "+  abuse: [ann.lee]",
            ],
        ),
    ],
)
def test_one_command_and_its_lines(small, words, lines):
    ended = small.run("account", *words)
    assert ended.code == 0, ended.err
    assert small.changed() == lines
    assert small.run("validate").code == 0


TEAM = "team@widget.example"


@pytest.mark.parametrize(
    "line",
    [
        "account add carl@widget.example --name Carl",
        "account change ann@widget.example --title Boss --add-alias a.lee --service pop3=off",
        "account change bob@widget.example --no-forward",
        "account change anna@widget.example --remove-alias a.lindqvist",
        "account disable ann@widget.example",
        "account enable bob@widget.example",
        "account quarantine anna@widget.example",
        "account rename anna@widget.example anna.l",
        "account rename anna@widget.example anna.l@gadget.example --keep-old-address",
        "account quota ann@widget.example 5G",
        "account quota anna@widget.example default",
        "account remove bob@widget.example",
        "account remove anna@widget.example --take-out",
        "domain disable widget.example",
        "domain enable gadget.example",
        f"group add {TEAM} --name Team --member ann",
        "group add-member all@gadget.example zoe",
        "group remove-member all@gadget.example adam",
        "alias add sales@widget.example ann bob",
        "alias remove abuse@gadget.example adam",
    ],
)
def test_every_verb_twice_is_once(small, line):
    other = OTHER.replace("[zoe], abuse: [zoe]", "[zoe], abuse: [zoe, adam]") + "state: disabled\n"
    small.write("gadget.example.yml", other + "groups:\n  all: {name: All, members: [adam, anna@widget.example]}\n")
    first = small.run(*line.split(), "--json")
    assert (first.code, first.json["changed"]) == (0, True), first.err
    before = [small.text(), small.text("gadget.example.yml")]
    ended = small.run(*line.split(), "--json")
    assert (ended.code, ended.json["changed"], ended.json["diff"]) == (0, False, ""), ended.err
    assert [small.text(), small.text("gadget.example.yml")] == before


def test_a_rename_that_was_never_made_is_not_taken_for_one_that_was(small):
    small.run("account", "rename", "anna@widget.example", "anna.l")
    for words in (("an@widget.example", "anna.l"), ("anna@widget.example", "ann"), ("anna@gadget.example", "anna.l")):
        assert small.run("account", "rename", *words).code == 5, words


def test_a_dry_run_writes_nothing(small):
    ended = small.run("account", "disable", ANN, "--dry-run", "--json")
    assert ended.code == 0
    assert ended.json["changed"] is True
    assert ended.json["dry_run"] is True
    assert "+  ann: {name: Ann Lee, state: disabled}\n" in ended.json["diff"]
    assert small.changed() == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("disable", "an@widget.example"), 5, "an@widget.example: no such account; did you mean ann or anna?"),
        (("disable", "ann@wigdet.example"), 5, "wigdet.example: no such domain; did you mean widget.example?"),
        (("disable", "ann"), 64, "'ann' is not an address; write LOCAL@DOMAIN"),
        (("disable", "sales@widget.example"), 5, "sales@widget.example: no such account"),
        (("quota", ANN, "5"), 64, "'5' is not a size such as 500M, 2G or 1T, or unlimited"),
        (("rename", ANN, "bob"), 6, "bob@widget.example exists already"),
        (("rename", ANN, "ann@gadget.example"), 5, "gadget.example: no such domain; did you mean widget.example?"),
        (("change", ANN, "--no-copy"), 64, "--no-copy says nothing without --forward"),
        (("change", ANN, "--expires", "2099-01-01"), 64, "--expires and --contact go together"),
        (
            ("change", ANN, "--service", "pop=off"),
            64,
            "'pop=off' is not NAME=on or NAME=off; services are antispam, antivirus, imap, pop3, sieve, submission",
        ),
    ],
)
def test_refused(small, words, code, message):
    ended = small.run("account", *words)
    assert (ended.code, ended.err.splitlines()[0]) == (code, f"mailroom: {message}")
    assert small.changed() == []


def test_what_would_be_wrong_is_not_written(small):
    ended = small.run("account", "remove", ANN)
    assert ended.code == 4
    assert (
        ended.err.splitlines()[0]
        == "mailroom: account remove ann@widget.example: this would bring errors; nothing was written"
    )
    assert re.search(r"widget\.example\.yml:15: aliases\.postmaster.*ann@widget\.example was removed", ended.err)
    assert small.changed() == []
    assert small.run("account", "remove", ANN, "--json").json["findings"][0]["line"] == 13


def test_remove_with_all_that_names_it(lab):
    ended = lab.run("account", "remove", "joann@widget.example", "--take-out")
    assert ended.code == 0, ended.err
    assert ended.out.endswith("taken out of 2 places\n")
    assert lab.run("validate").code == 0
    assert len(lab.changed()) == 6


def test_errors_of_before_do_not_stand_in_the_way(small):
    small.write("widget.example.yml", SMALL + "  sales: [nobody]\n")
    ended = small.run("account", "disable", "anna@widget.example")
    assert (ended.code, len(small.changed())) == (0, 2)


def test_a_file_that_somebody_changed_meanwhile(small, monkeypatch):
    from mailroom_cli.workspace import Workspace

    check = Workspace.check

    def slow(self):
        (small.folder / "widget.example.yml").write_text(SMALL + "# theirs\n")
        return check(self)

    monkeypatch.setattr(Workspace, "check", slow)
    ended = small.run("account", "disable", ANN)
    assert (ended.code, ended.err) == (
        1,
        "mailroom: widget.example.yml was changed meanwhile; start again; nothing was written\n",
    )
    assert small.text() == SMALL + "# theirs\n"


def test_the_mode_of_a_file_stays(small):
    file = small.folder / "widget.example.yml"
    file.chmod(0o640)
    small.run("account", "disable", ANN)
    assert file.stat().st_mode & 0o777 == 0o640
    assert os.listdir(small.folder) == ["widget.example.yml"]


def test_a_link_stays_a_link(small, tmp_path):
    file = small.folder / "widget.example.yml"
    real = tmp_path / "real.yml"
    file.rename(real)
    file.symlink_to(real)
    assert small.run("account", "disable", ANN).code == 0
    assert file.is_symlink()
    assert "ann: {name: Ann Lee, state: disabled}" in real.read_text()


def test_a_file_that_is_encrypted_as_a_whole(small):
    small.write("widget.example.yml", b"$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    ended = small.run("account", "disable", ANN)
    assert (ended.code, ended.err) == (
        4,
        "mailroom: widget.example.yml is encrypted as a whole; use: ansible-vault edit widget.example.yml\n",
    )


def test_vaulted_values_stay_as_they_are(small):
    vaulted = "    password: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      31323334\n      35\n"
    small.write("widget.example.yml", SMALL.replace("    # left\n", f"{vaulted}    # left\n"))
    assert small.run("account", "enable", "bob@widget.example").code == 0
    assert small.changed() == ["-    state: disabled"]
    assert small.run("account", "rename", "bob@widget.example", "robert").code == 0
    assert vaulted in small.text()


def test_password_from_standard_input(small, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    ended = small.run("account", "password", ANN, "--stdin")
    assert ended.code == 0, ended.err
    written = re.search(r'password: "?(\{ARGON2\}[^"}]+)', small.text())
    assert hashing.verify(written[1], "correct horse battery")
    assert not hashing.verify(written[1], "correct horse batterz")
    assert ended.out.endswith(
        "a mailbox that exists keeps its password until: mailroom apply --reset-password ann@widget.example\n"
    )
    assert "horse" not in ended.out + ended.err
    assert '+  ann: {name: Ann Lee, password: "{ARGON2}********"}' in ended.out.splitlines()
    assert small.run("validate").code == 0


def test_a_short_password(small, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("elevenchars\n"))
    ended = small.run("account", "password", ANN, "--stdin")
    assert (ended.code, ended.err) == (64, "mailroom: the password has less than 12 characters\n")


def test_no_terminal_to_ask_on(small, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse battery\n"))
    ended = small.run("account", "password", ANN)
    assert (ended.code, ended.err) == (64, "mailroom: there is no terminal to ask for the password; use --stdin\n")


def test_show_and_list(lab):
    shown = lab.run("account", "show", "alice.liddell@widget.example", "--json").json
    assert (shown["quota"], shown["aliases"], shown["kind"]) == ("5G", ["alice@widget.example"], "person")
    assert lab.run("account", "show", ANN, "--json").json["quota"] == "2G"
    listed = lab.run("account", "list", "widget.example", "--state", "disabled", "--json").json
    assert "bob.former@widget.example" in [box["address"] for box in listed]
    assert {box["state"] for box in listed} == {"disabled"}
    everyone = lab.run("account", "list").out.splitlines()
    assert len(everyone) == sum(domain["mailboxes"] for domain in lab.run("domain", "list", "--json").json)
    assert (
        "address: joerg.mueller@bücher.example\n"
        in lab.run("account", "show", "joerg.mueller@xn--bcher-kva.example").out
    )


OTHER = """\
domain: gadget.example
mailboxes:
  adam: {name: Adam}
  zoe: {name: Zoe, forwards: [anna@widget.example]}
aliases: {postmaster: [zoe], abuse: [zoe]}
"""


def test_a_rename_to_another_domain_moves_the_lines_and_what_they_mean(small):
    moved = "anna: {name: Anna L, services: {pop3: false}, aliases: [al], forwards: {to: [bob], keep_copy: true}"
    moved += ", expires: {date: '2099-12-31', contact: ann}, send_as: [office]}"
    text = SMALL.replace("anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}", moved)
    small.write("widget.example.yml", text + "  office: [anna, ann]\n")
    small.write("gadget.example.yml", OTHER)
    ended = small.run("account", "rename", "anna@widget.example", "anna.l@gadget.example", "--keep-old-address")
    assert ended.code == 0, ended.err
    assert "2 places that name it follow\n" in ended.out
    assert ended.out.endswith("what it does not say itself comes from the defaults of gadget.example now\n")
    # A line each where one would be too long; what was a local part of the old domain is a whole address of it.
    assert small.changed() == [
        "-  zoe: {name: Zoe, forwards: [anna@widget.example]}",
        "+  anna.l:",
        "+    name: Anna L",
        "+    services: {pop3: false}",
        "+    forwards: {to: [bob@widget.example], keep_copy: true}",
        '+    expires: {date: "2099-12-31", contact: ann@widget.example}',
        "+    send_as: [office@widget.example]",
        "+    aliases: [al@widget.example, anna@widget.example]",
        "+    renamed_from: anna@widget.example",
        "+  zoe: {name: Zoe, forwards: [anna.l@gadget.example]}",
        f"-  {moved}",
        "-  office: [anna, ann]",
        "+  office: [anna.l@gadget.example, ann]",
    ]
    assert small.run("validate").code == 0


@pytest.mark.parametrize(
    ("new", "code", "message"),
    [
        ("zoe@gadget.example", 6, "zoe@gadget.example exists already"),
        ("ann@nowhere.example", 5, "nowhere.example: no such domain; did you mean widget.example or gadget.example?"),
        (
            "bob@gadget.example",
            1,
            "password is a vaulted or unusual value, which is not moved; move the lines by hand, and add "
            "`renamed_from: OLD-ADDRESS`",
        ),
    ],
)
def test_a_rename_to_another_domain_that_cannot_be(small, new, code, message):
    vaulted = "    password: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      31323334\n"
    small.write("widget.example.yml", SMALL.replace("    # left\n", f"{vaulted}    # left\n"))
    small.write("gadget.example.yml", OTHER.replace(", forwards: [anna@widget.example]", ""))
    ended = small.run("account", "rename", "bob@widget.example", new)
    assert (ended.code, ended.err.splitlines()[0]) == (code, f"mailroom: {message}")
    assert small.changed() == []


def test_a_rename_to_another_domain_that_would_bring_errors(small):
    small.write("gadget.example.yml", OTHER.replace("  adam: {name: Adam}\n", "").replace("domain: gadget.example\n",
                "domain: gadget.example\nlimits: {mailboxes: 1}\n"))  # fmt: skip
    ended = small.run("account", "rename", "bob@widget.example", "bob@gadget.example")
    assert ended.code == 4
    assert "nothing was written" in ended.err
    assert small.changed() == []


EACH = [
    (file.relative_to(LAB), f"{local}@{name}")
    for file in sorted(LAB.glob("**/*.yml"))
    for name in [file.stem if file.parent == LAB else file.parent.name]
    for local in Editor(file.read_text()).keys(("mailboxes",))
]


@pytest.mark.parametrize("part", range(6))
def test_each_mailbox_of_the_lab(lab, part):
    """Disabling and enabling gives the bytes back; renaming changes names and nothing else."""
    for file, address in EACH[part::6]:
        before = lab.text(str(file))
        state = lab.run("account", "show", address, "--json").json["state"]
        if state == "active":
            assert lab.run("account", "disable", address).code == 0, address
            assert lab.run("account", "enable", address).code == 0, address
            assert lab.text(str(file)) == before
        local = address.partition("@")[0]
        ended = lab.run("account", "rename", address, f"{local}.renamed")
        assert ended.code == 0, ended.err
        own = [line for line in lab.changed() if line.startswith("+") and f"{local}.renamed:" in line]
        assert len(own) >= 1
        assert all(local in line for line in lab.changed() if "renamed_from" not in line), lab.changed()
        (lab.folder / file).write_bytes(before.encode())
        for other in LAB.glob("**/*.yml"):
            (lab.folder / other.relative_to(LAB)).write_bytes(other.read_bytes())


def test_one_of_3500_takes_little_time(small):
    lines = "".join(f"  user{number:05}: {{name: User N{number}, quota: 2G}}\n" for number in range(3500))
    small.write("widget.example.yml", SMALL.replace("aliases:\n  post", f"{lines}aliases:\n  post"))
    # Of the processor, as what else the machine does is not what is looked at.
    start = time.process_time()
    assert small.run("account", "disable", "user01234@widget.example").code == 0
    assert time.process_time() - start < 4
    assert small.changed()[1] == "+  user01234: {name: User N1234, quota: 2G, state: disabled}"
