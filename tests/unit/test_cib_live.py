# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pacemaker's tools say, read from their own output."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from clustertools import desired
from mailroom import cib_live
from mailroom.cib_build import CibError
from mailroom.cib_live import Action

SIMULATION = """<pacemaker-result><actions>
<node_action task="fence" node="mail2" reason="peer is no longer part of the cluster"/>
<rsc_action action="restart" resource="daemon" node="mail1" reason="due to required disk start"/>
<rsc_action action="move" resource="disk" source="mail1" dest="mail2"/>
<rsc_action action="start" resource="address" node="mail2"/>
<rsc_action action="stop" resource="extra" node="mail1" blocked="true"/>
</actions></pacemaker-result>"""

STATUS = """<pacemaker-result><summary>
<current_dc present="true" name="mail1" with_quorum="true"/>
<cluster_options stonith-enabled="true" maintenance-mode="false"/>
</summary><nodes>
<node name="mail1" online="true" standby="false" maintenance="false" pending="false" unclean="false"/>
<node name="mail2" online="true" standby="true" maintenance="false" pending="false" unclean="false"/>
<node name="mail3" online="false" standby="false" pending="false"/>
</nodes><resources>
<resource id="fence-mail2" resource_agent="stonith:fence_docker" active="true" managed="true">
<node name="mail1"/></resource>
<group id="mail">
<resource id="disk" resource_agent="ocf:heartbeat:Filesystem" active="true" managed="true">
<node name="mail1"/></resource>
<resource id="address" active="true" failed="true" managed="true"><node name="mail1"/></resource>
<resource id="daemon" active="false" managed="true"/>
<resource id="other" active="false" managed="true" target_role="Stopped"/>
<resource id="last" active="false" managed="true"/>
</group></resources>
<failures>
<failure op_key="daemon_start_0" node="mail1" exitstatus="error" task="start"
 exitreason="postfix.service did not start"/>
<failure op_key="a_b_monitor_10000" node="mail1" exitstatus="not running" exitreason=""/>
<failure node="mail1"/>
</failures></pacemaker-result>"""


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


def test_actions():
    found = cib_live.actions(SIMULATION)
    assert [str(item) for item in found] == [
        "restart daemon (mail1, due to required disk start)",
        "move disk (mail1 -> mail2)",
        "start address (mail2)",
        "stop extra (mail1)",
    ]
    assert str(Action("x", "stop")) == "stop x"
    assert [item.resource for item in cib_live.pending(found)] == ["daemon", "disk", "address"]


def test_interruptions_are_those_of_the_change_alone():
    after = cib_live.actions(SIMULATION)
    before = [Action("disk", "move", "mail1", "mail2")]
    assert [item.resource for item in cib_live.interruptions(before, after, {"disk", "daemon", "address"})] == [
        "daemon"
    ]
    assert cib_live.interruptions(after, after, {"disk", "daemon"}) == []


def test_status():
    found = cib_live.status(STATUS)
    assert (found.coordinator, found.quorum, found.maintenance) == ("mail1", True, False)
    assert (found.online, found.usable) == (("mail1", "mail2"), ("mail1",))
    assert found.active == {
        "fence-mail2": ("mail1",), "disk": ("mail1",), "address": (), "daemon": (), "other": (), "last": (),
    }  # fmt: skip
    assert found.idle == {"other"}
    assert found.devices == {"fence-mail2"}
    assert [str(item) for item in found.failures] == [
        "daemon: start failed on mail1: postfix.service did not start",
        "a_b: monitor failed on mail1: not running",
        ":  failed on mail1: no reason given",
    ]


def test_what_does_not_run_is_named_with_its_reason():
    found = cib_live.status(STATUS)
    assert cib_live.not_running(found, {"disk", "daemon", "other", "last"}) == [
        "daemon: start failed on mail1: postfix.service did not start",
        "last does not run, and nothing failed: something before it, or a rule",
    ]
    assert cib_live.not_running(found, {"disk"}) == []


def test_nothing_must_run_in_maintenance_or_without_nodes():
    quiet = changed(STATUS, 'maintenance-mode="false"', 'maintenance-mode="true"')
    assert cib_live.not_running(cib_live.status(quiet), {"daemon"}) == []
    assert cib_live.not_running(cib_live.Status(), {"daemon"}) == []


def test_no_coordinator():
    found = cib_live.status(changed(STATUS, 'present="true"', 'present="false"'))
    assert (found.coordinator, found.quorum) == ("", False)
    assert cib_live.status("<pacemaker-result/>") == cib_live.Status()


def test_no_xml():
    with pytest.raises(CibError, match="crm_mon gave no XML"):
        cib_live.status("crm_mon: Connection to cluster failed")


METADATA = """<resource-agent name="x"><parameters>
<parameter name="device" required="1"><content type="string"/></parameter>
<parameter name="directory" required="1"><content type="string"/></parameter>
<parameter name="fstype" required="1"><content type="string" default="ext4"/></parameter>
<parameter name="options"><content type="string"/></parameter>
<parameter name="plug" required="1" obsoletes="port"><content type="string"/></parameter>
<parameter name="port" required="1" deprecated="1"><content type="string"/></parameter>
</parameters></resource-agent>"""


def primitive(name: str) -> ET.Element:
    (found,) = [item for item in desired().primitives() if item.get("id") == name]
    return found


def test_parameters_by_the_agents_own_word():
    known = cib_live.parameters(METADATA, "ocf:heartbeat:Filesystem")
    assert known == {
        "device": ("device",),
        "directory": ("directory",),
        "fstype": (),
        "options": (),
        "plug": ("plug", "port"),
        "port": (),
    }
    assert cib_live.wrong_parameters(primitive("disk"), known) == ["disk: Filesystem needs the parameter plug"]
    assert cib_live.wrong_parameters(primitive("address"), known) == [
        "address: IPaddr2 has no parameter ip (it has device, directory, fstype, options, plug, port)",
        "address: IPaddr2 needs the parameter device",
        "address: IPaddr2 needs the parameter directory",
        "address: IPaddr2 needs the parameter plug",
    ]
    # The fencer fills in which node, and takes parameters of its own.
    assert cib_live.wrong_parameters(primitive("fence-mail1"), {"ip": ("ip",), "plug": ("plug",)}) == []
    assert cib_live.wrong_parameters(primitive("fence-mail1"), {"ip": (), "ipx": ("ipx", "ip")}) == []
