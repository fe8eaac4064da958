# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster role asks of its data and of Pacemaker's tools."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from ansible.errors import AnsibleFilterError
from test_cib_live import STATUS

FILE = Path(__file__).resolve().parents[2] / "filter_plugins/mailroom_cluster.py"
spec = importlib.util.spec_from_file_location("mailroom_cluster", FILE)
assert spec is not None
assert spec.loader is not None
plugin = importlib.util.module_from_spec(spec)
spec.loader.exec_module(plugin)
FILTERS = plugin.FilterModule().filters()


def test_secrets_travel_by_themselves():
    devices = [{"name": "a", "agent": "x", "secret_parameters": {"password": 7}}, {"name": "b", "agent": "y"}]
    assert FILTERS["cluster_without_secrets"](devices) == [{"name": "a", "agent": "x"}, {"name": "b", "agent": "y"}]
    assert FILTERS["cluster_secrets"](devices) == {"a": {"password": "7"}}


def test_who_is_there_and_what_runs_where():
    assert FILTERS["cluster_online"](STATUS) == ["mail1", "mail2"]
    assert FILTERS["cluster_online"](STATUS.replace('present="true"', 'present="false"')) == []
    assert FILTERS["cluster_running_on"](STATUS, "mail1") == ["disk"], "fencing devices serve nobody"
    assert FILTERS["cluster_running_on"](STATUS, "mail2") == []


def test_an_answer_that_is_no_xml():
    with pytest.raises(AnsibleFilterError, match="crm_mon gave no XML"):
        FILTERS["cluster_online"]("crm_mon: no cluster")


def test_what_corosync_does_not_know():
    assert FILTERS["corosync_pending"]("totem {\ntoken: 2\n}\n", "totem.token (u32) = 1\n") == {
        "reload": ["totem.token: 1 -> 2"],
        "restart": [],
    }
