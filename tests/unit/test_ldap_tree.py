# SPDX-License-Identifier: GPL-3.0-or-later
"""Unit tests of the comparison behind the ldap_tree module."""

from __future__ import annotations

import pytest
from mailroom.ldap_tree import Desired, Mod, Rules, TreeError, Write, assumed, bare, load, reconcile, ssha512

DB = "olcDatabase={1}mdb,cn=config"
CONFIG = Rules("cn=config", config=True, prune=[DB])
SUFFIX = "dc=mailroom,dc=example"
TREE = Rules(SUFFIX, prune=[f"ou=services,{SUFFIX}"])


def desired(*entries: tuple[str, dict[str, object]]) -> list[Desired]:
    return load([{"dn": dn, "attributes": attributes} for dn, attributes in entries], {"x": "s3cret" * 4})


def config_live(**database: list[str]) -> dict[str, dict[str, list[str]]]:
    return {
        "cn=config": {"objectClass": ["olcGlobal"], "cn": ["config"]},
        DB: {"objectClass": ["olcMdbConfig"], "olcDatabase": ["{1}mdb"], **database},
    }


def config_desired(*more: tuple[str, dict[str, object]], **database: object) -> list[Desired]:
    return desired(
        ("cn=config", {"objectClass": "olcGlobal"}), (DB, {"objectClass": "olcMdbConfig", **database}), *more
    )


def overlay(name: str, **attributes: object) -> tuple[str, dict[str, object]]:
    return f"olcOverlay={name},olcDatabase=mdb,cn=config", {"objectClass": "olcOverlayConfig", **attributes}


def live_overlay(number: int, name: str) -> dict[str, dict[str, list[str]]]:
    dn = f"olcOverlay={{{number}}}{name},{DB}"
    return {dn: {"objectClass": ["olcOverlayConfig"], "olcOverlay": [f"{{{number}}}{name}"]}}


# --- loading


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"dn": "cn=a", "attributes": {}, "colour": 1}, "entry 1: unknown field colour"),
        ({"dn": "cn=a"}, "entry 1: needs `dn`"),
        ({"dn": 7, "attributes": {}}, "entry 1: needs `dn`"),
        ({"dn": "nonsense", "attributes": {}}, "entry 1: not a DN"),
        ({"dn": "cn=a", "attributes": {"x": "%secret:none%"}}, "cn=a: there is no secret named 'none'"),
        ({"dn": "cn=a", "attributes": {"x": "%secret:quote%"}}, "cn=a: the secret 'quote' contains a quotation"),
        ({"dn": "cn=a", "attributes": {}, "password": "short"}, "cn=a: the password has fewer than 20"),
    ],
)
def test_load_refuses(entry, message):
    with pytest.raises(TreeError, match=message):
        load([entry], {"short": "abc", "quote": 'a"b'})


def test_load_turns_values_into_text_and_fills_secrets():
    entry = {
        "dn": "cn=a",
        "attributes": {"b": True, "c": [1, False], "gone": None, "s": "c=%secret:x%"},
        "password": "x",
    }
    [found] = load([entry], {"x": "y" * 20})
    assert found.attributes == {"b": ("TRUE",), "c": ("1", "FALSE"), "s": ("c=" + "y" * 20,)}
    assert found.password == "y" * 20


def test_hash_is_salted():
    assert ssha512("a", b"1") != ssha512("a", b"2")
    assert ssha512("a", b"1").startswith("{SSHA512}")


def test_bare_strips_only_a_leading_number():
    assert bare("{12}to  *   by {3}x") == "to * by {3}x"
    assert bare("a  b") == "a b"


# --- configuration


def test_the_same_configuration_changes_nothing():
    live = config_live(olcAccess=["{0}to a  by b", "{1}to *  by c"], olcDbIndex=["b eq", "a eq"])
    result = reconcile(config_desired(olcAccess=["to a by b", "to * by c"], olcDbIndex=["a eq", "b eq"]), live, CONFIG)
    assert not result.plan.changed
    assert result.writes == []


def test_ordered_values_are_replaced_with_numbers():
    live = config_live(olcAccess=["{0}to a by b", "{1}to * by c"])
    result = reconcile(config_desired(olcAccess=["to * by c", "to a  by b"]), live, CONFIG)
    assert result.writes == [Write("update", DB, (Mod("replace", "olcAccess", ("{0}to * by c", "{1}to a by b")),))]


def test_an_attribute_that_is_no_longer_desired_goes():
    live = config_live(olcSyncrepl=['{0}rid=001 credentials="old"'], olcUpdateRef=["ldaps://a"])
    result = reconcile(config_desired(), live, CONFIG)
    assert result.writes == [
        Write("update", DB, (Mod("replace", "olcSyncrepl", ()), Mod("replace", "olcUpdateRef", ())))
    ]
    assert "old" not in result.plan.text()


def test_kept_attributes_stay():
    live = config_live(olcLastMod=["TRUE"])
    rules = Rules("cn=config", config=True, prune=[DB], keep=["olclastmod"])
    assert not reconcile(config_desired(), live, rules).plan.changed
    assert reconcile(config_desired(olcLastMod=False), live, rules).plan.changed


def test_only_differing_values_are_written():
    live = config_live(olcDbIndex=["a eq", "b eq"])
    result = reconcile(config_desired(olcDbIndex=["b eq", "c eq", "d eq"]), live, CONFIG)
    assert result.writes[0].mods == (Mod("delete", "olcDbIndex", ("a eq",)), Mod("add", "olcDbIndex", ("c eq", "d eq")))


def test_a_changed_credential_shows_as_changed_and_masked():
    live = config_live(olcSyncrepl=['{0}rid=001 credentials="old" x=1'])
    result = reconcile(config_desired(olcSyncrepl='rid=001 credentials="%secret:x%" x=1'), live, CONFIG)
    assert "s3cret" in result.writes[0].mods[0].values[0]
    text = result.plan.text()
    assert "s3cret" not in text
    assert "old" not in text
    assert "credentials=******** x=1 (changed)" in text


def test_modules_and_classes_only_grow():
    live = config_live() | {"cn=module{0},cn=config": {"cn": ["module{0}"], "olcModuleLoad": ["{0}back_mdb", "{1}old"]}}
    wanted = config_desired(("cn=module{0},cn=config", {"olcModuleLoad": ["back_mdb", "new"]}))
    result = reconcile(wanted, live, CONFIG)
    assert result.writes == [Write("update", "cn=module{0},cn=config", (Mod("add", "olcModuleLoad", ("new",)),))]
    assert "old" not in result.plan.text()
    grown = reconcile(desired(("cn=config", {"objectClass": ["olcGlobal", "extra"]})), live, Rules("cn=config", True))
    assert grown.writes == [Write("update", "cn=config", (Mod("add", "objectClass", ("extra",)),))]


# --- overlays


def test_overlays_are_added_with_their_place():
    live = config_live() | live_overlay(0, "b")
    result = reconcile(config_desired(overlay("a"), overlay("b"), overlay("c")), live, CONFIG)
    assert [(write.action, write.dn.split(",")[0]) for write in result.writes] == [
        ("add", "olcOverlay={0}a"),
        ("add", "olcOverlay={2}c"),
    ]
    assert Mod("add", "olcOverlay", ("a",)) in result.writes[0].mods


def test_undesired_overlays_go_from_the_highest_number_and_the_rest_is_found_again():
    live = config_live() | live_overlay(0, "a") | live_overlay(1, "b") | live_overlay(2, "c")
    result = reconcile(config_desired(overlay("c", olcX="1")), live, CONFIG)
    assert [(write.action, write.dn.split(",")[0]) for write in result.writes] == [
        ("delete", "olcOverlay={1}b"),
        ("delete", "olcOverlay={0}a"),
        ("update", "olcOverlay={0}c"),
    ]


def test_overlays_in_another_order_are_made_anew():
    live = config_live() | live_overlay(0, "a") | live_overlay(1, "b") | live_overlay(2, "c")
    result = reconcile(config_desired(overlay("a"), overlay("c"), overlay("b")), live, CONFIG)
    assert [(write.action, write.dn.split(",")[0]) for write in result.writes] == [
        ("delete", "olcOverlay={2}c"),
        ("delete", "olcOverlay={1}b"),
        ("add", "olcOverlay={1}c"),
        ("add", "olcOverlay={2}b"),
    ]
    assert "misplaced" in result.plan.text()


def test_below_a_removed_entry_everything_goes_first():
    live = {
        SUFFIX: {"dc": ["mailroom"]},
        f"ou=services,{SUFFIX}": {"ou": ["services"]},
        f"cn=a,ou=services,{SUFFIX}": {"cn": ["a"]},
        f"cn=b,cn=a,ou=services,{SUFFIX}": {"cn": ["b"]},
    }
    result = reconcile(desired((SUFFIX, {"dc": "mailroom"}), (f"ou=services,{SUFFIX}", {"ou": "services"})), live, TREE)
    assert [write.dn for write in result.writes] == [
        f"cn=b,cn=a,ou=services,{SUFFIX}",
        f"cn=a,ou=services,{SUFFIX}",
    ]


# --- schema

TYPE = "( 1.1 NAME 'a' DESC '{}' )"
CLASS = "( 2.1 NAME 'c' MUST a )"
SCHEMA = "cn=mailroom,cn=schema,cn=config"


def schema_live():
    return {
        "cn=config": {"cn": ["config"]},
        "cn=schema,cn=config": {"cn": ["schema"]},
        "cn={3}mailroom,cn=schema,cn=config": {
            "cn": ["{3}mailroom"],
            "olcAttributeTypes": ["{0}" + TYPE.format("old")],
            "olcObjectClasses": ["{0}" + CLASS],
        },
    }


def schema_writes(**attributes):
    return reconcile(desired((SCHEMA, attributes)), schema_live(), Rules("cn=config", config=True)).writes


def test_changed_attribute_takes_the_classes_with_it():
    [write] = schema_writes(olcAttributeTypes=[TYPE.format("new")], olcObjectClasses=[CLASS])
    assert write.dn == "cn={3}mailroom,cn=schema,cn=config"
    assert write.mods == (
        Mod("delete", "olcObjectClasses", ("{0}" + CLASS,)),
        Mod("delete", "olcAttributeTypes", ("{0}" + TYPE.format("old"),)),
        Mod("add", "olcAttributeTypes", (TYPE.format("new"),)),
        Mod("add", "olcObjectClasses", (CLASS,)),
    )


def test_new_attribute_comes_before_the_class_that_uses_it():
    more, bigger = "( 1.2 NAME 'b' )", "( 2.1 NAME 'c' MUST a MAY b )"
    [write] = schema_writes(olcAttributeTypes=[TYPE.format("old"), more], olcObjectClasses=[bigger], olcOther="z")
    assert write.mods == (
        Mod("delete", "olcObjectClasses", ("{0}" + CLASS,)),
        Mod("add", "olcAttributeTypes", (more,)),
        Mod("add", "olcObjectClasses", (bigger,)),
        Mod("replace", "olcOther", ("z",)),
    )


def test_schema_without_attributes_and_classes():
    [write] = schema_writes(olcOther="z")
    assert write.mods == (
        Mod("delete", "olcObjectClasses", ("{0}" + CLASS,)),
        Mod("delete", "olcAttributeTypes", ("{0}" + TYPE.format("old"),)),
        Mod("replace", "olcOther", ("z",)),
    )


# --- tree


def test_tree_is_made_top_down_and_naming_attributes_are_added():
    wanted = desired((SUFFIX, {"objectClass": "dcObject"}), (f"ou=x,{SUFFIX}", {"objectClass": "organizationalUnit"}))
    result = reconcile(wanted, {}, TREE)
    assert [write.dn for write in result.writes] == [SUFFIX, f"ou=x,{SUFFIX}"]
    assert Mod("add", "dc", ("mailroom",)) in result.writes[0].mods
    assert result.plan.summary.startswith("Creates=2, Updates=0, Deletes=0, Existing=0, Checksum=")


def test_renaming_replaces_one_value():
    live = {SUFFIX: {"dc": ["mailroom"], "objectClass": ["top", "dcObject"], "o": ["Old"]}}
    result = reconcile(desired((SUFFIX, {"objectClass": "dcObject", "dc": "mailroom", "o": "New"})), live, TREE)
    assert result.writes == [Write("update", SUFFIX, (Mod("replace", "o", ("New",)),))]


def test_passwords_are_set_when_made_or_refreshed_and_never_shown():
    raw = [{"dn": f"cn={name},{SUFFIX}", "attributes": {"cn": name}, "password": "p"} for name in ("a", "b", "c")]
    wanted = load([{"dn": SUFFIX, "attributes": {"dc": "mailroom"}}, *raw], {"p": "p" * 20})
    live = {
        SUFFIX: {"dc": ["mailroom"]},
        f"cn=a,{SUFFIX}": {"cn": ["a"], "userPassword": ["{SSHA512}old"]},
        f"cn=b,{SUFFIX}": {"cn": ["b"], "userPassword": ["{SSHA512}good"]},
    }
    result = reconcile(wanted, live, TREE, {f"cn=a,{SUFFIX}": "{SSHA512}new", f"cn=c,{SUFFIX}": "{SSHA512}first"})
    assert result.writes[0] == Write("update", f"cn=a,{SUFFIX}", (Mod("replace", "userPassword", ("{SSHA512}new",)),))
    assert result.writes[1].dn == f"cn=c,{SUFFIX}"
    assert len(result.writes) == 2
    assert "SSHA512" not in result.plan.text()


def test_desired_twice_or_without_parent_is_refused():
    with pytest.raises(TreeError, match="desired twice"):
        reconcile(desired((DB, {}), ("olcDatabase=mdb,cn=config", {})), {}, CONFIG)
    with pytest.raises(TreeError, match="the entry above does not exist"):
        reconcile(desired((f"cn=a,ou=none,{SUFFIX}", {})), {SUFFIX: {}}, TREE)


def test_a_check_run_on_a_bare_host_assumes_the_parents():
    wanted = desired((SCHEMA, {"olcAttributeTypes": TYPE}))
    assert list(assumed(wanted)) == ["cn=schema,cn=config"]
    result = reconcile(wanted, assumed(wanted), Rules("cn=config", config=True))
    assert [write.action for write in result.writes] == ["add"]
