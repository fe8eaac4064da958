# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of what is read from slapd's files and tools."""

from __future__ import annotations

import pytest
from mailroom import slapd

OURS = "dc=mailroom,dc=example"
DEFAULT = slapd.Database("dc=nodomain", "cn=admin,dc=nodomain", ["dc=nodomain"])


def test_ldif_is_unfolded_and_decoded():
    text = "# comment\ndn: dc=a\nolcSuffix: dc=long,\n dc=name\ncn:: w5xuw68=\nnothing\n\n\ndn: dc=b\n"
    assert slapd.parse_ldif(text) == [
        {"dn": ["dc=a"], "olcsuffix": ["dc=long,dc=name"], "cn": ["Ünï"]},
        {"dn": ["dc=b"]},
    ]


def test_databases_of_a_configuration():
    files = {
        "frontend": "dn: olcDatabase={-1}frontend\n",
        "mdb": "dn: olcDatabase={1}mdb\nolcSuffix: dc=x\nolcRootDN: cn=admin,dc=x\nolcDbDirectory: /d\n",
        "bare": "dn: olcDatabase={2}mdb\nolcSuffix: dc=y\n",
    }
    assert slapd.databases(files) == [("dc=x", "cn=admin,dc=x", "/d"), ("dc=y", "", "")]


@pytest.mark.parametrize(
    ("found", "has_config", "action"),
    [
        ([], False, slapd.BOOTSTRAP),
        ([], True, slapd.READY),
        ([slapd.Database(OURS, "gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth")], True, slapd.READY),
        ([slapd.Database("dc=Mailroom, dc=example", "cn=admin,dc=x")], True, slapd.READY),
        ([DEFAULT], True, slapd.BOOTSTRAP),
        # Emptied by an interrupted run.
        ([slapd.Database("dc=nodomain", "cn=admin,dc=nodomain", [])], True, slapd.BOOTSTRAP),
        # The package takes the host's domain as suffix.
        ([slapd.Database(OURS, f"cn=admin,{OURS}", [OURS])], True, slapd.BOOTSTRAP),
        ([slapd.Database(OURS, f"cn=admin,{OURS}", [OURS, f"ou=people,{OURS}"])], True, slapd.READY),
        ([slapd.Database("dc=x", "cn=admin,dc=x", ["dc=x", "ou=people,dc=x"])], True, slapd.REFUSE),
        ([slapd.Database("dc=x", "cn=other,dc=x", ["dc=x"])], True, slapd.REFUSE),
    ],
)
def test_what_to_do_with_a_host(found, has_config, action):
    assert slapd.decide(found, OURS, has_config)[0] == action


def test_a_refusal_names_both_suffixes_and_what_to_do():
    reason = slapd.decide([slapd.Database("dc=x", "", ["dc=x"])], OURS, True)[1]
    assert "dc=x (1 entries)" in reason
    assert OURS in reason
    assert "docs/directory.md" in reason


@pytest.mark.parametrize(
    ("text", "letters"),
    [("none", ""), ("=0", ""), ("auth", "dx"), ("=xw", "awxz"), ("=waz", "awz"), ("write", "acdrswxz"), ("=az", "awz")],
)
def test_privileges(text, letters):
    assert slapd.privileges(text) == letters


@pytest.mark.parametrize("text", ["reed", "=q"])
def test_unknown_privileges(text):
    with pytest.raises(ValueError, match="unknown"):
        slapd.privileges(text)


def test_access_tests_multiply_and_group():
    raw = [{"who": ["a", "b"], "what": "x", "attributes": ["m", "n"], "expect": "read"}]
    raw.append({"who": "a", "what": "x", "attributes": "o", "expect": "none"})
    tests = slapd.load_access_tests(raw)
    assert len(tests) == 5
    assert {pair: len(found) for pair, found in slapd.group(tests).items()} == {("a", "x"): 3, ("b", "x"): 2}


def test_an_access_test_with_other_fields_is_refused():
    with pytest.raises(ValueError, match="access test 1: needs exactly"):
        slapd.load_access_tests([{"who": "a"}])


def test_arguments_of_slapacl():
    assert slapd.slapacl_arguments("anonymous", "dc=x", ["mail"], True) == ["-b", "dc=x", "mail"]
    assert slapd.slapacl_arguments("cn=a", "dc=x", ["mail"], False) == ["-u", "-D", "cn=a", "-b", "dc=x", "mail"]


def test_answers_of_slapacl_are_judged():
    output = 'authcDN: "cn=a"\nmail: read(=rscxd)\nuserPassword: =wx\nentry: none(=0)\nsn: auth(=xd)\n'
    found = slapd.parse_slapacl(output)
    assert found == {"mail": "cdrsx", "userpassword": "awxz", "entry": "", "sn": "dx"}
    tests = [slapd.AccessTest("a", "dc=x", name, "read") for name in ("mail", "sn", "userPassword", "cn")]
    assert slapd.judge(tests, found) == [
        "a to sn of dc=x: expected read, found auth",
        "a to userPassword of dc=x: expected read, found =awxz",
        "a to cn of dc=x: expected read, found no answer",
    ]
