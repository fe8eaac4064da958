# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison behind the cluster_cib module: what changes, what is left alone, what is refused."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from clustertools import ALL, EMPTY, MONITOR, added, applied, data, desired, device, edited, resource
from mailroom import cib
from mailroom.cib import compare, interrupted, version
from mailroom.cib_build import CibError, build
from mailroom.cib_live import Action


def steps(plan) -> list[str]:
    return [f"{step.action} {step.kind} {step.name}" for step in plan.steps]


def changes(plan, name: str) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    (step,) = [step for step in plan.steps if step.name == name]
    return {change.attribute: (change.old, change.new) for change in step.changes}


def drift(plan) -> list[str]:
    return [f"{item.what}: {item}" for item in plan.drift]


def order(xml: str, path: str) -> list[str]:
    return [str(item.get("id")) for item in ET.fromstring(xml).findall(path)]  # noqa: S314


def test_a_new_cluster_gets_all_and_a_second_run_changes_nothing():
    first = compare(desired(), EMPTY)
    assert steps(first.plan) == [
        "create location fence-mail1-avoids-mail1",
        "create location fence-mail2-avoids-mail2",
        "create location prefers",
        "create operation defaults mailroom-operation-defaults",
        "create resource defaults mailroom-resource-defaults",
        "create device fence-mail1",
        "create device fence-mail2",
        "update cluster properties",
        "create resource address",
        "create resource daemon",
        "create resource disk",
        "create group mail",
    ]
    assert first.plan.existing == 0
    assert not first.plan.refusals
    assert order(first.xml, "configuration/resources/group/primitive") == ["disk", "address", "daemon"]
    assert [item.get("id") for item in first.touched] == ["fence-mail1", "fence-mail2", "disk", "address", "daemon"]
    second = compare(desired(), first.xml)
    assert not second.plan.changed
    assert second.plan.drift == ()
    assert version(second.xml) == "0.8"
    assert second.plan.existing == 9
    assert ET.canonicalize(second.xml) == ET.canonicalize(first.xml)


def test_ids_are_those_that_pcs_would_give():
    xml = applied()
    assert order(xml, ".//primitive[@id='disk']/operations/op") == ["disk-monitor-interval-10s"]
    pairs = order(xml, ".//primitive[@id='disk']/instance_attributes/nvpair")
    assert pairs[0] == "disk-instance_attributes-device"


def test_the_version_grows_so_that_a_write_in_between_is_noticed():
    assert version(EMPTY) == "0.7"
    outcome = compare(desired(), EMPTY)
    assert version(outcome.xml) == "0.8"
    assert ET.fromstring(outcome.xml).get("num_updates") == "0"  # noqa: S314


def test_from_nothing_at_all():
    outcome = compare(desired(), cib.EMPTY)
    names = [item.tag for item in ET.fromstring(outcome.xml).find("configuration")]  # noqa: S314
    assert names == ["crm_config", "resources", "constraints", "rsc_defaults", "op_defaults", "tags"]


# updates


def changed(name: str, **fields):
    return [{**item, **fields} if item["name"] == name else item for item in data()["resources"]]


def test_a_parameter_changes_in_place():
    resources = changed("address", parameters={"ip": "10.80.1.9", "nodad": True})
    outcome = compare(desired(resources=resources), applied())
    assert steps(outcome.plan) == ["update resource address"]
    assert changes(outcome.plan, "address") == {
        "parameter ip": (("10.80.1.10",), ("10.80.1.9",)),
        "parameter nodad": ((), ("true",)),
    }
    assert [item.get("id") for item in outcome.touched] == ["address"]
    assert order(outcome.xml, "configuration/resources/group/primitive") == ["disk", "address", "daemon"]
    assert not compare(desired(resources=resources), outcome.xml).plan.changed


def test_operations_and_what_they_hand_to_the_agent():
    operations = [MONITOR, {"name": "monitor", "interval": "20s", "timeout": "9s", "OCF_CHECK_LEVEL": 10}]
    resources = changed("disk", operations=[*operations, {"name": "stop", "timeout": "99s", "on-fail": "fence"}])
    outcome = compare(desired(resources=resources), applied())
    assert changes(outcome.plan, "disk") == {
        "operation monitor every 20s": ((), ("OCF_CHECK_LEVEL=10", "timeout=9s")),
        "operation stop": ((), ("on-fail=fence", "timeout=99s")),
    }
    assert not compare(desired(resources=resources), outcome.xml).plan.changed


def test_the_same_interval_in_other_words_is_no_change():
    live = edited(applied(), ".//op[@id='disk-monitor-interval-10s']", interval="10000ms", id="other")
    assert not compare(desired(), live).plan.changed


def test_what_was_added_to_ours_by_hand_goes():
    live = added(
        applied(), ".//primitive[@id='disk']", "<utilization id='u'><nvpair id='v' name='m' value='1'/></utilization>"
    )
    live = edited(live, ".//primitive[@id='disk']", description="x")
    outcome = compare(desired(), live)
    assert changes(outcome.plan, "disk") == {"utilization m": (("1",), ()), "description": (("x",), ())}


def test_a_set_with_conditions_is_somebodys_change():
    inside = "<rule id='r' score='1'/><nvpair id='v' name='device' value='/dev/x'/>"
    rule = f"<instance_attributes id='c'>{inside}</instance_attributes>"
    outcome = compare(desired(), added(applied(), ".//primitive[@id='disk']", rule))
    assert changes(outcome.plan, "disk") == {
        "parameter (a set with conditions)": (("c",), ()),
        "parameter device": (("/dev/x",), ("/dev/sdb",)),
    }
    outcome = compare(desired(), added(applied(), ".//group", "<meta_attributes id-ref='c'/>"))
    assert changes(outcome.plan, "mail") == {"meta (a set with conditions)": (("c",), ())}


def test_the_order_in_a_group():
    groups = [{"name": "mail", "resources": ["disk", "daemon", "address"]}]
    outcome = compare(desired(groups=groups), applied())
    assert changes(outcome.plan, "mail") == {
        "resources": (("disk", "address", "daemon"), ("disk", "daemon", "address")),
    }
    assert order(outcome.xml, "configuration/resources/group/primitive") == ["disk", "daemon", "address"]


def test_a_new_member_and_a_resource_of_its_own():
    resources = [*data()["resources"], resource("six", ip="fd80::1"), resource("alone", ip="10.80.1.99")]
    groups = [{"name": "mail", "resources": ["disk", "address", "six", "daemon"], "meta": {"priority": 5}}]
    wanted = desired(resources=resources, groups=groups)
    outcome = compare(wanted, applied())
    assert steps(outcome.plan) == ["create resource alone", "update group mail", "create resource six"]
    assert changes(outcome.plan, "mail")["meta priority"] == ((), ("5",))
    assert order(outcome.xml, "configuration/resources/group/primitive") == ["disk", "address", "six", "daemon"]
    assert not compare(wanted, outcome.xml).plan.changed
    # Out of the group, and into it.
    resources = [*data()["resources"], resource("six", ip="fd80::1"), resource("alone", ip="10.80.1.99")]
    groups = [{"name": "mail", "resources": ["disk", "address", "alone", "daemon"]}]
    moved = compare(desired(resources=resources, groups=groups), outcome.xml)
    assert steps(moved.plan) == ["update group mail"]
    assert order(moved.xml, "configuration/resources/group/primitive") == ["disk", "address", "alone", "daemon"]
    assert order(moved.xml, "configuration/resources/primitive") == ["fence-mail1", "fence-mail2", "six"]


def test_a_clone_with_two_roles():
    resources = [resource("drbd", "ocf:linbit:drbd", drbd_resource="r0"), *data()["resources"]]
    more = {
        "resources": resources,
        "clones": [{"name": "drbd-clone", "resource": "drbd", "meta": {"promotable": True}}],
        "constraints": [
            {"name": "c", "type": "colocation", "resource": "mail", "with": "drbd-clone", "with_role": "Promoted"},
            {"name": "o", "type": "order", "first": "drbd-clone", "first_action": "promote", "then": "mail"},
        ],
    }
    outcome = compare(desired(**more), applied(constraints=[]))
    assert steps(outcome.plan) == [
        "create colocation c",
        "create order o",
        "create resource drbd",
        "create clone drbd-clone",
    ]
    assert order(outcome.xml, "configuration/resources/clone/primitive") == ["drbd"]
    assert not compare(desired(**more), outcome.xml).plan.changed
    gone = compare(desired(constraints=[]), outcome.xml, ["drbd-clone", "drbd"])
    assert not gone.plan.refusals
    assert order(gone.xml, "configuration/resources/clone") == []


def test_properties_change_and_leave_with_the_data():
    live = applied(properties={"stonith-timeout": "60s", "batch-limit": 5})
    outcome = compare(desired(properties={"stonith-timeout": "90s"}), live)
    assert changes(outcome.plan, "properties") == {
        "stonith-timeout": (("60s",), ("90s",)),
        "batch-limit": (("5",), ()),
    }
    assert not compare(desired(properties={"stonith-timeout": "90s"}), outcome.xml).plan.changed


def test_no_fencing_is_a_property():
    outcome = compare(build({**data(), "fencing": False}), applied())
    assert changes(outcome.plan, "properties") == {"stonith-enabled": (("true",), ("false",))}


def test_defaults_change_and_go():
    outcome = compare(desired(resource_defaults={"resource-stickiness": 7}), applied())
    assert steps(outcome.plan) == ["update resource defaults mailroom-resource-defaults"]
    outcome = compare(desired(resource_defaults={}, operation_defaults={"timeout": None}), outcome.xml)
    assert steps(outcome.plan) == [
        "update operation defaults mailroom-operation-defaults",
        "update resource defaults mailroom-resource-defaults",
    ]
    assert order(outcome.xml, "configuration/rsc_defaults/*") == []


def test_constraints_and_levels_change_in_place():
    level = {"name": "l1", "target": "mail1", "level": 1, "devices": ["fence-mail1"]}
    live = applied(fence_levels=[level])
    prefers = {"name": "prefers", "type": "order", "first": "fence-mail1", "then": "mail", "kind": "Optional"}
    outcome = compare(desired(constraints=[prefers], fence_levels=[{**level, "level": 2}]), live)
    assert changes(outcome.plan, "l1") == {"index": (("1",), ("2",))}
    assert changes(outcome.plan, "prefers")["kind"] == (("rsc_location",), ("Optional",))
    assert order(outcome.xml, "configuration/constraints/*")[-1] == "prefers"
    assert compare(desired(constraints=[prefers]), live, ["l1"]).plan.of("delete")[0].kind == "level"


# what others made


FOREIGN = [
    (
        "configuration/constraints",
        "<rsc_location id='cli-ban-mail-on-mail1' rsc='mail' node='mail1' score='-INFINITY'/>",
        "foreign: location cli-ban-mail-on-mail1 "
        "(made by hand for a while; `crm_resource --clear --resource mail` ends it)",
    ),
    (
        "configuration/constraints",
        "<rsc_order id='o' first='disk' then='daemon'/>",
        "foreign: order o",
    ),
    (
        "configuration/resources",
        "<primitive id='extra' class='ocf' provider='pacemaker' type='Dummy'/>",
        "foreign: primitive extra",
    ),
    (
        ".//group",
        "<primitive id='extra' class='ocf' provider='pacemaker' type='Dummy'/>",
        "foreign: primitive extra (in mail)",
    ),
    (
        "configuration/crm_config/cluster_property_set",
        "<nvpair id='m' name='maintenance-mode' value='true'/>",
        "foreign: property maintenance-mode=true",
    ),
    (
        "configuration/nodes/node[@uname='mail2']",
        "<instance_attributes id='n'><nvpair id='s' name='standby' value='on'/><nvpair id='t' name='x' value='y'/>"
        "</instance_attributes>",
        "changed by hand: node mail2: standby=on",
    ),
    (
        ".//primitive[@id='disk']",
        "<meta_attributes id='d'><nvpair id='e' name='target-role' value='Stopped'/></meta_attributes>",
        "changed by hand: disk: target-role=Stopped",
    ),
    (
        ".//group",
        "<meta_attributes id='d'><nvpair id='e' name='is-managed' value='false'/></meta_attributes>",
        "changed by hand: mail: is-managed=false",
    ),
    (
        "configuration/rsc_defaults",
        "<meta_attributes id='d'><nvpair id='e' name='priority' value='1'/></meta_attributes>",
        "foreign: resource defaults: priority=1",
    ),
]


@pytest.mark.parametrize(("path", "text", "expected"), FOREIGN, ids=[item[2].split(" (")[0] for item in FOREIGN])
def test_what_others_made_is_reported_and_left_alone(path, text, expected):
    live = added(applied(), path, text)
    outcome = compare(desired(), live)
    assert not outcome.plan.changed
    assert drift(outcome.plan) == [expected]
    # A change of ours beside it does not touch it either.
    groups = [{"name": "mail", "resources": ["disk", "daemon", "address"], "meta": {"priority": 5}}]
    operations = [{**MONITOR, "timeout": "33s"}]
    resources = [{**item, "operations": operations} for item in data()["resources"]]
    outcome = compare(desired(groups=groups, resources=resources), live)
    identity = ET.fromstring(text).iter()  # noqa: S314
    last = [item.get("id") for item in identity if item.get("id")][-1]
    assert f'id="{last}"' in outcome.xml
    assert expected in drift(outcome.plan)
    assert not compare(desired(groups=groups, resources=resources), outcome.xml).plan.changed


def test_what_an_administrator_set_can_be_ours_if_the_data_says_so():
    live = added(applied(), ".//primitive[@id='disk']", FOREIGN[6][1])
    outcome = compare(desired(resources=changed("disk", meta={"target-role": "Started"})), live)
    assert changes(outcome.plan, "disk") == {"meta target-role": (("Stopped",), ("Started",))}


def test_an_object_that_was_made_by_hand_is_adopted():
    live = added(EMPTY, "configuration/resources", "<primitive id='alone' class='ocf' provider='x' type='y'/>")
    alone = {"name": "alone", "agent": "ocf:x:y"}
    outcome = compare(build({"resources": [alone]}), live)
    assert changes(outcome.plan, "alone") == {"owner": ((), ("mailroom",))}
    assert outcome.touched == []
    again = compare(build({"resources": [alone]}), outcome.xml)
    assert not again.plan.changed
    assert steps(compare(build({}), outcome.xml, ["alone"]).plan) == ["delete resource alone"]


def test_a_property_that_was_set_by_hand_is_adopted():
    live = added(EMPTY, ".//cluster_property_set", "<nvpair id='x' name='stonith-enabled' value='true'/>")
    outcome = compare(build({}), live)
    assert changes(outcome.plan, "properties") == {"owner": ((), ("stonith-enabled",))}
    assert not compare(build({}), outcome.xml).plan.changed


# removals


def test_removals_must_be_named():
    wanted = desired(
        resources=data()["resources"][:2],
        groups=[{"name": "mail", "resources": ["disk", "address"]}],
        constraints=[],
    )
    refused = compare(wanted, applied())
    assert [str(item) for item in refused.plan.refusals] == [
        "location prefers, resource daemon would be removed from the cluster. "
        'If that is meant, name it: -e \'{"cluster_allow_removals": ["daemon", "prefers"]}\''
    ]
    half = compare(wanted, applied(), ["daemon"])
    assert "location prefers would be removed" in str(half.plan.refusals[0])
    done = compare(wanted, applied(), ["daemon", "prefers"])
    assert not done.plan.refusals
    assert "daemon" not in done.xml
    assert not compare(wanted, done.xml).plan.changed


def test_a_constraint_goes_with_its_resource():
    live = applied(fence_devices=[*data()["fence_devices"], device("mail1", name="pdu")])
    outcome = compare(desired(), live, ["pdu"])
    assert steps(outcome.plan) == ["delete location pdu-avoids-mail1", "delete device pdu"]
    assert not outcome.plan.refusals


def test_a_group_goes_and_its_members_stay():
    wanted = desired(groups=[], constraints=[])
    outcome = compare(wanted, applied(), ["mail"])
    assert steps(outcome.plan) == ["delete location prefers", "delete group mail"]
    assert not outcome.plan.refusals
    assert order(outcome.xml, "configuration/resources/*")[2:] == ["disk", "address", "daemon"]


def test_removal_of_what_others_build_upon_is_refused():
    live = added(applied(), "configuration/constraints", FOREIGN[1][1])
    wanted = desired(
        resources=data()["resources"][:2], groups=[{"name": "mail", "resources": ["disk", "address"]}], constraints=[]
    )
    outcome = compare(wanted, live, ALL)
    assert [str(item) for item in outcome.plan.refusals] == [
        "o, which this project did not make, is about daemon, which would be removed. "
        "Remove it first: pcs constraint delete o"
    ]
    live = added(applied(), ".//group", FOREIGN[3][1])
    with pytest.raises(CibError, match="mail would be removed, but extra in it is not ours"):
        compare(desired(groups=[], constraints=[]), live, ALL)
    live = added(
        EMPTY,
        "configuration/resources",
        "<group id='theirs'><primitive id='a' class='ocf' provider='x' type='y'/></group>",
    )
    live = compare(build({"resources": [{"name": "a", "agent": "ocf:x:y"}]}), live, ALL)
    assert [str(item) for item in live.plan.refusals] == [
        "group theirs would be left without resources. Remove it by hand first."
    ]


# what cannot be


@pytest.mark.parametrize(
    ("live", "message"),
    [
        ("nonsense", "the cluster's CIB cannot be read"),
        ("<cib/>", "the cluster's CIB has no configuration"),
        (added(EMPTY, "configuration/resources", "<group id='disk'/>"), "disk is a group in the cluster, and the data"),
        (
            added(
                EMPTY,
                "configuration/resources",
                "<clone id='c'><primitive id='disk' class='ocf' provider='heartbeat' type='Filesystem'/></clone>",
            ),
            "disk is inside clone c, which this project did not make: take it out",
        ),
    ],
)
def test_live_configurations_that_cannot_be_worked_with(live, message):
    with pytest.raises(CibError, match=message):
        compare(desired(), live)


def test_our_group_inside_a_clone_of_others():
    disk = "<primitive id='disk' class='ocf' provider='heartbeat' type='Filesystem'/>"
    inside = f"<clone id='c'><group id='mail'>{disk}</group></clone>"
    with pytest.raises(CibError, match="mail is inside clone c"):
        compare(desired(), added(EMPTY, "configuration/resources", inside))


@pytest.mark.parametrize(
    ("changes", "secrets", "message"),
    [
        ({"groups": [{"name": "g", "resources": ["nothing"]}]}, {}, "g: there is no resource nothing"),
        (
            {"resources": [resource("a"), resource("a-b")], "constraints": [{"name": "a-b", "type": "order"}]},
            {},
            "a-b: two",
        ),
        ({"constraints": [{"name": "c", "type": "order", "node": "x"}]}, {}, "c: a order constraint has no field node"),
        ({}, {"fence-mail1": {"password": "x"}}, "secrets for fence-mail1, and there is no such fencing device"),
    ],
)
def test_data_that_cannot_be_built(changes, secrets, message):
    with pytest.raises(CibError, match=message):
        build(changes, secrets)


# secrets


def test_secrets_are_masked_also_when_they_go():
    live = applied({"fence-mail1": {"password": "hunter2"}})
    assert "hunter2" in live
    other = compare(desired({"fence-mail1": {"password": "hunter3"}}), live)
    gone = compare(desired(), live)
    away = compare(desired(fence_devices=[device("mail2", delay="2s")]), live, ALL)
    for outcome in (other, gone, away):
        shown = outcome.plan.text() + outcome.plan.json() + outcome.plan.markdown()
        assert "hunter" not in shown
        assert outcome.plan.changed
    assert "parameter password: ******** -> ********" in other.plan.text()


def test_devices_know_their_host_and_their_delay():
    wanted = build(
        {
            "fence_devices": [
                device("mail1", delay="2s"),
                device("mail2", parameters={"pcmk_host_map": "mail2:vm2"}, delay=0),
            ]
        }
    )
    found = [{pair.get("name"): pair.get("value") for pair in item.iter("nvpair")} for item in wanted.primitives()]
    assert found == [
        {"pcmk_host_list": "mail1", "pcmk_host_check": "static-list", "pcmk_delay_base": "mail1:2s", "ip": "10.80.3.1"},
        {"pcmk_host_check": "static-list", "pcmk_host_map": "mail2:vm2"},
    ]


# interruptions


def test_interruptions_must_be_named():
    found = [Action("disk", "restart", "mail1", reason="due to parameters"), Action("daemon", "stop", "mail1")]
    assert interrupted(found, ["disk", "daemon"]) == []
    assert interrupted(found, ["disk"]) == [
        "This would interrupt what runs: stop daemon (mail1). "
        'If that is meant, name it: -e \'{"cluster_allow_interruptions": ["daemon"]}\''
    ]
