# SPDX-License-Identifier: GPL-3.0-or-later
"""A small mail pair as data, and live CIBs, for the tests of the cluster's logic."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ET
from typing import Any

from mailroom.cib import compare
from mailroom.cib_build import build

MONITOR = {"name": "monitor", "interval": "10s", "timeout": "20s"}
NODES = [
    {"name": "mail1", "addresses": ["10.80.1.11", "10.80.3.11"]},
    {"name": "mail2", "addresses": ["10.80.1.12", "10.80.3.12"]},
]


def device(host: str, **more: Any) -> dict[str, Any]:
    return {"name": f"fence-{host}", "agent": "fence_docker", "host": host, "parameters": {"ip": "10.80.3.1"}, **more}


def resource(name: str, agent: str = "ocf:heartbeat:IPaddr2", **parameters: Any) -> dict[str, Any]:
    return {"name": name, "agent": agent, "parameters": parameters, "operations": [dict(MONITOR)]}


def data(**changes: Any) -> dict[str, Any]:
    """The role's variables, without `cluster_`; all is well with them."""
    found = {
        "node_name": "mail1",
        "nodes": NODES,
        "link_priorities": [],
        "authkey": "k" * 256,
        "token_ms": 3000,
        "consensus_ms": 3600,
        "sched_rr": True,
        "two_node": True,
        "wait_for_all": True,
        "quorum_device": {},
        "start_at_boot": True,
        "watchdog_device": "",
        "unfenced_test": False,
        "fence_devices": [device("mail1"), device("mail2", delay="2s")],
        "fence_levels": [],
        "properties": {},
        "resource_defaults": {"resource-stickiness": 1000},
        "operation_defaults": {"timeout": "60s"},
        "resources": [
            resource("disk", "ocf:heartbeat:Filesystem", device="/dev/sdb", directory="/srv/mailroom", fstype="ext4"),
            resource("address", ip="10.80.1.10"),
            resource("daemon", "ocf:mailroom:service", unit="postfix", check="smtp"),
        ],
        "groups": [{"name": "mail", "resources": ["disk", "address", "daemon"]}],
        "clones": [],
        "constraints": [{"name": "prefers", "type": "location", "resource": "mail", "node": "mail1", "score": 50}],
        "failback": False,
    }
    return copy.deepcopy({**found, **changes})


def desired(secrets: dict[str, dict[str, str]] | None = None, **changes: Any) -> Any:
    return build({**data(**changes), "fencing": True}, secrets)


EMPTY = """
<cib epoch="7" num_updates="3" admin_epoch="0" validate-with="pacemaker-4.0">
  <configuration>
    <crm_config><cluster_property_set id="cib-bootstrap-options">
      <nvpair id="cib-bootstrap-options-dc-version" name="dc-version" value="3.0.0"/>
    </cluster_property_set></crm_config>
    <nodes><node id="1" uname="mail1"/><node id="2" uname="mail2"/></nodes>
    <resources/><constraints/>
  </configuration>
  <status/>
</cib>"""


def applied(secrets: dict[str, dict[str, str]] | None = None, live: str = EMPTY, **changes: Any) -> str:
    """The CIB after a run with some data."""
    return compare(desired(secrets, **changes), live, ALL).xml


class _All:
    def __contains__(self, name: object) -> bool:
        return True


ALL: Any = _All()


def edited(xml: str, path: str, **attributes: str) -> str:
    """A CIB in which somebody changed attributes of an element."""
    root = ET.fromstring(xml)  # noqa: S314
    element = root.find(path)
    assert element is not None, path
    for name, value in attributes.items():
        element.set(name.replace("_", "-"), value)
    return ET.tostring(root, encoding="unicode")


def added(xml: str, path: str, text: str) -> str:
    """A CIB in which somebody added an element."""
    root = ET.fromstring(xml)  # noqa: S314
    element = root.find(path)
    assert element is not None, path
    element.append(ET.fromstring(text))  # noqa: S314
    return ET.tostring(root, encoding="unicode")
