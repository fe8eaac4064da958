# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's data and its tools' answers, shaped for the role. The logic lies in module_utils/mailroom."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

# Modules get module_utils sent along; on the controller the folder has to be named.
_ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
if os.path.join(_ROOT, "module_utils") not in sys.path:
    sys.path.insert(0, os.path.join(_ROOT, "module_utils"))

from mailroom import cib_live, cluster, corosync
from mailroom.cib_build import CibError

Device = Mapping[str, Any]


def cluster_without_secrets(devices: Iterable[Device]) -> list[dict[str, Any]]:
    """Fencing devices without their secrets, which travel by themselves so that they are masked."""
    return [{name: value for name, value in item.items() if name != "secret_parameters"} for item in devices]


def cluster_secrets(devices: Iterable[Device]) -> dict[str, dict[str, str]]:
    """The secrets of each fencing device by its name."""
    found = {}
    for item in devices:
        if secrets := item.get("secret_parameters"):
            found[str(item["name"])] = {str(name): str(value) for name, value in secrets.items()}
    return found


def corosync_pending(file: str, cmap: str) -> dict[str, list[str]]:
    """What of a corosync.conf a running one does not know: {reload: [...], restart: [...]}."""
    return corosync.pending(file, cmap).as_dict()


def _status(text: str) -> cib_live.Status:
    try:
        return cib_live.status(text)
    except CibError as error:
        raise AnsibleFilterError(str(error)) from error


def cluster_online(text: str) -> list[str]:
    """The nodes that are in the cluster, from crm_mon's XML; none while the cluster has no coordinator."""
    found = _status(text)
    return list(found.online) if found.coordinator else []


def cluster_running_on(text: str, node: str) -> list[str]:
    """The resources, apart from fencing devices, that run on a node, from crm_mon's XML."""
    found = _status(text)
    return sorted(name for name, nodes in found.active.items() if node in nodes and name not in found.devices)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Any]:
        return {
            "cluster_fence_packages": cluster.fence_packages,
            "cluster_online": cluster_online,
            "cluster_problems": cluster.problems,
            "cluster_running_on": cluster_running_on,
            "cluster_secrets": cluster_secrets,
            "cluster_units": cluster.boot_units,
            "cluster_without_secrets": cluster_without_secrets,
            "corosync_pending": corosync_pending,
        }
