# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of a pair mailroom-store works on: the one that has the store and a running Dovecot."""

from __future__ import annotations

import dataclasses
import json
import os

import pytest
from mailroom_store import cli, dovecot
from storetools import settings_in

ADDRESS = "ann@widget.example"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command with settings that differ in some fields; Dovecot runs, and `mounted` is all that is mounted."""
    store = tmp_path / "shared"
    (store / "mail").mkdir(parents=True)
    monkeypatch.setattr(dovecot, "is_running", lambda: True)

    def go(*arguments, mounted=(), **fields):
        monkeypatch.setattr(os.path, "ismount", lambda path: path in mounted)
        data = dataclasses.asdict(dataclasses.replace(settings_in(store), **fields))
        file = tmp_path / "store.json"
        file.write_text(json.dumps(data, default=str))
        return cli.main(["--settings", str(file), *arguments])

    go.store = store
    return go


def test_single_host_has_the_mail(run, capsys):
    assert run("active") == 0
    assert capsys.readouterr().out == "this host has the mail\n"


def test_node_of_a_pair_has_it_while_the_store_is_mounted(run, capsys):
    mount = str(run.store)
    assert run("active", "--json", mount_point=mount, mounted=[mount]) == 0
    assert json.loads(capsys.readouterr().out) == {"active": True}
    assert run("active", mount_point=mount) == 4
    assert capsys.readouterr().err == f"mailroom-store: not the active mail host: nothing is mounted at {mount}\n"


def test_without_dovecot_a_host_does_not_have_it(run, monkeypatch):
    monkeypatch.setattr(dovecot, "is_running", lambda: False)
    assert run("active") == 4


@pytest.mark.parametrize(
    "command", [("archive", ADDRESS), ("restore", ADDRESS), ("purge",), ("lock", "--all"), ("list",)]
)
def test_passive_node_does_nothing_and_makes_nothing(run, command, capsys):
    before = sorted(run.store.rglob("*"))
    assert run(*command, mount_point=str(run.store)) == 4
    assert "not the active mail host" in capsys.readouterr().err
    assert sorted(run.store.rglob("*")) == before


def test_doveadm_has_the_pairs_name_in_its_locks(run, monkeypatch):
    monkeypatch.delenv(dovecot.HOSTNAME, raising=False)
    assert run("active", lock_hostname="mail.widget.example") == 0
    assert os.environ[dovecot.HOSTNAME] == "mail.widget.example"
    monkeypatch.delenv(dovecot.HOSTNAME)
