# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/storage.md gives to copy, which the lab cannot run: the cluster's logic takes it."""

from __future__ import annotations

import re

import yaml
from clustertools import data, desired
from mailroom.cluster import problems


def test_the_mirror_in_the_cluster(request) -> None:
    text = (request.config.rootpath / "docs/storage.md").read_text()
    blocks = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    shown = next(block for block in blocks if "cluster_clones" in block)
    usual = data()
    changes = {
        "resources": shown["cluster_resources"] + usual["resources"],
        "clones": shown["cluster_clones"],
        "constraints": shown["cluster_constraints"] + usual["constraints"],
    }
    assert problems(data(**changes)) == []
    assert desired(**changes)
