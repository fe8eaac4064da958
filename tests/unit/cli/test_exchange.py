# SPDX-License-Identifier: GPL-3.0-or-later
"""mailroom export and import: what goes out comes back, whatever a spreadsheet did to it on the way."""

from __future__ import annotations

import base64
import csv
import io

import pytest
import yaml
from clitools import LAB, SMALL, Copy, lab, small
from mailroom_cli import ldif

HASH = "{ARGON2}$argon2id$v=19$m=4096,t=2,p=1$c29tZXNhbHRzb21l$JGu5sSGCIKqGmWzDLNKUCcT0C8TVfwiuTPaBJYIkn7I"


def rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.fixture
def sheet(tmp_path):
    """Write an input file and return its name."""

    def write(content: str | bytes, name: str = "in.csv") -> str:
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(file)

    return write


def problems(ended, name: str) -> list[str]:
    return [line.replace(name, "in") for line in ended.err.splitlines()[1:]]


def test_export_to_a_spreadsheet(lab):
    ended = lab.run("export", "widget.example")
    assert ended.code == 0, ended.err
    found = {row["address"]: row for row in rows(ended.out)}
    alice = found["alice.liddell@widget.example"]
    assert (alice["phone"], alice["quota"], alice["aliases"]) == ("'+44 20 7946 0123", "5G", "alice@widget.example")
    assert found["fax.gateway@widget.example"]["keep_copy"] == "false"
    assert found["service@widget.example"]["agents"].startswith("ben.okafor@widget.example=send ")
    assert not any(address.endswith("gadget.example") for address in found)


def test_a_cell_is_no_formula(small):
    small.write("widget.example.yml", SMALL.replace("{name: Ann Lee}", '{name: "=HYPERLINK(1)", title: "-1+1"}'))
    ann = rows(small.run("export").out)[0]
    assert (ann["name"], ann["title"]) == ("'=HYPERLINK(1)", "'-1+1")


@pytest.mark.parametrize("style", ["csv", "ldif"])
def test_there_and_back(lab, tmp_path, capsys, style, sheet):
    """All mailboxes of the lab, written out and read into files that have none, make the same mailboxes."""
    out = str(tmp_path / f"all.{style}")
    assert lab.run("export", "--format", style, "--output", out).code == 0
    empty = tmp_path / "empty"
    empty.mkdir()
    for file in sorted(LAB.glob("*.yml")):
        data = yaml.safe_load(file.read_text())
        head = {key: value for key, value in data.items() if key not in ("mailboxes", "shared")}
        (empty / file.name).write_text(yaml.safe_dump(head, allow_unicode=True))
    society = {"domain": "society.test", "customer": "society", "defaults": {"quota": "500M"}}
    aliases = yaml.safe_load((LAB / "society.test/officers.yml").read_text())["aliases"]
    (empty / "society.test.yml").write_text(yaml.safe_dump({**society, "aliases": aliases}, allow_unicode=True))
    other = Copy(empty, capsys)
    ended = other.run("import", out)
    assert ended.code == 0, ended.err
    before, after = (
        {box["address"]: box for box in copy.run("account", "list", "--json").json} for copy in (lab, other)
    )
    if style == "ldif":  # which has all senders in one attribute, wherever they come from
        for box in (*before.values(), *after.values()):
            del box["send_as"]
    assert after == before


QUIRKS = {
    "Excel in German": '\ufeffaddress;name;quota;phone\r\ncarl@widget.example;"Gauß; Carl";5G;\'+49 30 1\r\n;;;\r\n',
    "tabs": "address\tname\tquota\tphone\ncarl@widget.example\tGauß; Carl\t5 gb\t+49 30 1\n",
    "headings as people write them": "Address,Name,Quota,Phone\ncarl@widget.example,Gauß; Carl,5G,+49 30 1\n",
    "cells left out": "address,name,quota,phone,title\ncarl@widget.example,Gauß; Carl,5G,+49 30 1\n",
    "UTF-16": "address,name,quota,phone\ncarl@widget.example,Gauß; Carl,5G,+49 30 1\n".encode("utf-16"),
}


@pytest.mark.parametrize("content", QUIRKS.values(), ids=QUIRKS)
def test_what_spreadsheets_write(small, sheet, content):
    ended = small.run("import", sheet(content))
    assert ended.code == 0, ended.err
    assert small.changed() == ["+  carl: {name: Gauß; Carl, phone: +49 30 1, quota: 5G}"]


def test_all_problems_at_once_and_nothing_is_written(small, sheet):
    name = sheet(
        "address,name,quota,state,kind,services,expires,forwards,agents,password\n"
        "good@widget.example,Good,,,,,,,,\n"
        ",Nobody,,,,,,,,\n"
        "b d@widget.example,B,,,,,,,,\n"
        "c@elsewhere.example,C,,,,,,,,\n"
        "d@widget.example,,5X,gone,robot,imapp,2026-02-30,x@@y,z=all,secret\n"
        "ann@widget.example,Ann,,,,,,,,\n"
        "good@widget.example,Again,,,,,,,,\n"
        '"e\n@widget.example",Two lines,,,,,,,,\n'
        "f@widget.example,F,,,,,,,,,,\n"
    )
    ended = small.run("import", name)
    assert ended.code == 4
    found = problems(ended, name)
    assert "in:3: address: is missing" in found
    assert "in:5: address: no account file for this domain; add it with: mailroom domain add" in found
    assert "in:6: name: is missing" in found
    assert "in:6: quota: '5X' is not a size such as 500M, 2G or 1T, or unlimited" in found
    assert "in:6: state: 'gone' is not one of active, disabled, quarantined, absent" in found
    assert "in:6: kind: 'robot' is not one of person, shared, send_only, receive_only" in found
    assert "in:6: agents: 'z=all' is not ADDRESS=read, ADDRESS=edit or ADDRESS=send" in found
    assert "in:6: expires: expires and contact go together" in found
    assert any(line.startswith("in:6: password: password in plain text; ") for line in found)
    assert not any("secret" in line for line in found)
    assert "in:7: address: exists already; --update changes those that do" in found
    assert "in:8: address: is on line 2 already" in found
    assert "in:11: has 12 cells, the first line has 10" in found
    assert {line.split(":")[1] for line in found} == {"3", "4", "5", "6", "7", "8", "9", "11"}
    assert small.changed() == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "in:1: the file is empty"),
        ("name\nx\n", "in:1: address: this column is missing; the first line names the columns: "),
        ("address,nmae\n", "in:1: nmae: unknown column; did you mean name?"),
        ("address,name,name\n", "in:1: name: this column is there twice"),
        (b"address,name\nx@widget.example,\xfc\n", "in:2: not UTF-8: save the sheet as `CSV UTF-8`"),
        ('address,name\nx@widget.example,"open\n', "in:2: broken CSV: "),
    ],
)
def test_broken_sheets(small, sheet, content, problem):
    name = sheet(content)
    ended = small.run("import", name)
    assert ended.code == 4
    assert problems(ended, name)[0].startswith(problem)
    assert small.changed() == []


def test_update_by_the_columns_that_are_there(small, sheet):
    name = sheet("address,title,quota\nanna@widget.example,Buyer,\nbob@widget.example,,7G\n")
    assert small.run("import", name).code == 4
    ended = small.run("import", name, "--update")
    assert ended.code == 0, ended.err
    assert small.changed() == [
        "-  anna: {name: Anna Lindqvist, quota: 5G, aliases: [a.lindqvist]}",
        "+  anna: {name: Anna Lindqvist, aliases: [a.lindqvist], title: Buyer}",
        "+    quota: 7G",
    ]
    assert small.run("import", name, "--update").out == "2 accounts: nothing to change\n"


def test_what_the_files_refuse_is_not_written(small, sheet):
    ended = small.run("import", sheet("address,name,forwards\nx@widget.example,X,nobody\n"))
    assert ended.code == 4
    assert "nobody@widget.example does not exist" in ended.err
    assert small.changed() == []


PEOPLE = """\
version: 1

# a comment
 that goes on
dn: uid=carl,dc=old,dc=example
objectClass: inetOrgPerson
mail: carl@widget.example
mail: c.gauss@widget.example
cn:: {name}
sn:: {surname}
telephoneNumber: +49 30
  901820
userPassword: {hash}
jpegPhoto:: /9j/4AAQ

dn: cn=printers,dc=old,dc=example
objectClass: groupOfNames
cn: printers
""".format(
    name=base64.b64encode("Carl Gauß".encode()).decode(), surname=base64.b64encode("Gauß".encode()).decode(), hash=HASH
)


def test_people_of_another_directory(small, sheet):
    name = sheet(PEOPLE, "old.ldif")
    assert small.run("import", name).code == 0
    assert small.changed() == ["+  carl: {name: Carl Gauß, phone: +49 30 901820, aliases: [c.gauss]}"]


def test_their_passwords_only_if_asked_for(small, sheet):
    assert small.run("import", sheet(PEOPLE, "old.ldif"), "--with-passwords").code == 0
    assert f'password: "{HASH}"' in small.text()
    assert small.run("validate").code == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("dn: x\nnonsense\n", "in:2: not LDIF: 'nonsense'"),
        ("dn: x\nchangetype: delete\n", "in:2: changetype: this is a list of changes; entries are needed"),
        ("dn: x\ncn:< file:///etc/passwd\n", "in:2: cn: values out of other files are not read"),
        ("dn: x\ncn:: %%%\n", "in:2: cn: broken base64, or not text"),
        ("dn: x\nobjectClass: person\n", "in:1: no entry of the class inetOrgPerson"),
    ],
)
def test_broken_ldif(small, sheet, text, problem):
    name = sheet(text, "old.ldif")
    ended = small.run("import", name)
    assert (ended.code, problems(ended, name)) == (4, [problem])


def test_ldif_is_what_the_directory_has(small):
    text = small.run("export", "--format", "ldif").out
    assert text.startswith("version: 1\n\ndn: ou=widget.example,ou=domains,dc=mailroom,dc=example\n")
    assert "userPassword" not in text
    assert all(len(line) <= 76 for line in text.splitlines())
    small.write("widget.example.yml", SMALL.replace("{name: Ann Lee}", f'{{name: Ann Lee, password: "{HASH}"}}'))
    assert "userPassword" not in small.run("export", "--format", "ldif").out
    text = small.run("export", "--format", "ldif", "--with-passwords").out
    assert text.replace("\n ", "").count(f"userPassword: {HASH}") == 1
    assert "PENDING" not in text


@pytest.mark.parametrize(
    "value", ["plain", " space", "colon: x", ":x", "<x", "ends ", "Gauß", "", "a" * 200, "#x", "two\nlines"]
)
def test_any_value_comes_back(value):
    entry = {"objectClass": ["inetOrgPerson"], "mail": ["x@y.example"], "cn": [value]}
    found, bad = ldif.read(ldif.write({"uid=x": entry}).encode(), with_passwords=False)
    assert bad == []
    assert found[0].values.get("name", "") == value


def test_export_of_files_with_errors(small):
    small.write("widget.example.yml", SMALL + "  sales: [nobody]\n")
    ended = small.run("export")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("mailroom: the account files have errors; correct them first\n")
