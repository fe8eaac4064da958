# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether hosts see one disk."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

_SPEC = importlib.util.spec_from_file_location(
    "mailroom_storage_filter", Path(__file__).resolve().parents[2] / "filter_plugins/mailroom_storage.py"
)
assert _SPEC is not None
assert _SPEC.loader is not None
module = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(module)
different = module.FilterModule().filters()["different_disks"]

ONE = {"uuid": "u1", "size": 100, "serial": "naa.1", "state": "ours"}


@pytest.mark.parametrize(
    "other",
    [
        ONE,
        {**ONE, "serial": ""},
        # What is not on the disk itself may differ.
        {**ONE, "state": "blank"},
    ],
)
def test_one_disk(other) -> None:
    assert different({"mail1": ONE, "mail2": other}) == ""


def test_a_single_host_sees_what_it_sees() -> None:
    assert different({"mail1": ONE}) == different({}) == ""


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({**ONE, "uuid": "u2"}, "by their UUID these are different disks: mail1 u1, mail2 u2"),
        ({**ONE, "uuid": ""}, "by their UUID these are different disks: mail1 u1, mail2 none"),
        ({**ONE, "size": 99}, "by their size these are different disks: mail1 100, mail2 99"),
        ({**ONE, "serial": "naa.2"}, "by their serial number these are different disks: mail1 naa.1, mail2 naa.2"),
    ],
)
def test_two_disks_are_named(other, said) -> None:
    assert different({"mail1": ONE, "mail2": other}) == said


def test_empty_disks_are_told_apart_by_what_the_hardware_says() -> None:
    blank = {**ONE, "uuid": ""}
    assert different({"mail1": blank, "mail2": dict(blank)}) == ""
    assert "serial number" in different({"mail1": blank, "mail2": {**blank, "serial": "naa.2"}})
