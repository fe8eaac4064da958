# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running Corosync does not know yet of its file."""

from __future__ import annotations

from mailroom.corosync import pending, running, settings

FILE = """\
# A comment
totem {
    version: 2
    cluster_name: mailroom
    token: 1000
    interface {
        linknumber: 1
        knet_link_priority: 10
    }
    interface {
        knet_link_priority: 1
    }
}

nodelist {
    node {
        name: mail1
        nodeid: 1
        ring0_addr: fd80:80:1::11
    }
    node {
        name: mail2
        nodeid: 2
        ring0_addr: fd80:80:1::12
    }
}
system {
    sched_rr: no
}
"""

CMAP = """\
totem.version (u32) = 2
totem.cluster_name (str) = mailroom
totem.token (u32) = 1000
totem.interface.0.knet_link_priority (u8) = 1
totem.interface.1.knet_link_priority (u8) = 10
nodelist.node.0.name (str) = mail1
nodelist.node.0.nodeid (u32) = 1
nodelist.node.0.ring0_addr (str) = fd80:80:1::11
nodelist.node.1.name (str) = mail2
nodelist.node.1.nodeid (u32) = 2
nodelist.node.1.ring0_addr (str) = fd80:80:1::12
nodelist.local_node_pos (u32) = 0
runtime.config.totem.token (u32) = 1000
system.sched_rr (str) = no
something that is no value
"""


def test_names_are_those_of_the_running_one():
    assert settings(FILE) == {
        "totem.version": "2",
        "totem.cluster_name": "mailroom",
        "totem.token": "1000",
        "totem.interface.1.knet_link_priority": "10",
        "totem.interface.0.knet_link_priority": "1",
        "nodelist.node.0.name": "mail1",
        "nodelist.node.0.nodeid": "1",
        "nodelist.node.0.ring0_addr": "fd80:80:1::11",
        "nodelist.node.1.name": "mail2",
        "nodelist.node.1.nodeid": "2",
        "nodelist.node.1.ring0_addr": "fd80:80:1::12",
        "system.sched_rr": "no",
    }
    assert running(CMAP)["totem.token"] == "1000"
    assert len(running(CMAP)) == 14


def test_nothing_pending():
    assert pending(FILE, CMAP).as_dict() == {"reload": [], "restart": []}


def test_a_reload_is_enough():
    file = FILE.replace("token: 1000", "token: 2000").replace("fd80:80:1::12", "fd80:80:1::99")
    file = file.replace("system {", "quorum {\n    two_node: 1\n}\nsystem {")
    assert pending(file, CMAP).as_dict() == {
        "reload": [
            "nodelist.node.1.ring0_addr: fd80:80:1::12 -> fd80:80:1::99",
            "quorum.two_node: (not set) -> 1",
            "totem.token: 1000 -> 2000",
        ],
        "restart": [],
    }


def test_a_node_that_leaves_is_noticed():
    cmap = CMAP + "nodelist.node.2.name (str) = mail3\nnodelist.node.2.nodeid (u32) = 3\n"
    assert pending(FILE, cmap).reload == [
        "nodelist.node.2.name: mail3 -> (not set)",
        "nodelist.node.2.nodeid: 3 -> (not set)",
    ]


def test_what_only_a_start_reads():
    file = FILE.replace("sched_rr: no", "sched_rr: yes").replace("cluster_name: mailroom", "cluster_name: other")
    assert pending(file, CMAP).as_dict() == {
        "reload": [],
        "restart": ["system.sched_rr: no -> yes", "totem.cluster_name: mailroom -> other"],
    }
