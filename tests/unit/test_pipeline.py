# SPDX-License-Identifier: GPL-3.0-or-later
"""Transactions in their order, the next one told while the one before is done."""

from __future__ import annotations

import importlib.util
import sys
import threading
import types
from pathlib import Path

import pytest
from mailroom.operation import ADD, Operation

UTILS = Path(__file__).resolve().parents[2] / "module_utils"
BATCHES = [[Operation(ADD, f"uid=a{number}")] for number in range(4)]


@pytest.fixture(scope="module")
def pipeline():
    """The module as Ansible would import it, with errors of its own instead of those of python-ldap."""
    names = {name: types.ModuleType(name) for name in ("ansible.module_utils.mailroom_writes",)}
    writes = names["ansible.module_utils.mailroom_writes"]
    writes.Refused = type("Refused", (Exception,), {})
    writes.Writer = object
    package = types.ModuleType("utils_of_modules")
    package.__path__ = [str(UTILS)]
    names |= {"utils_of_modules": package}
    old = {name: sys.modules.get(name) for name in names}
    sys.modules.update(names)
    try:
        spec = importlib.util.spec_from_file_location(
            "utils_of_modules.mailroom_pipeline", UTILS / "mailroom_pipeline.py"
        )
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        for name, was in old.items():
            if was is None:
                del sys.modules[name]
            else:
                sys.modules[name] = was
    return module


class Server:
    """Two connections to a server that refuses what it is told to refuse."""

    def __init__(self, refused: type[Exception], stage: str = "", commit: str = "") -> None:
        self.refused, self.bad_stage, self.bad_commit = refused, stage, commit
        self.log: list[str] = []
        self.told = threading.Event()
        self.writers = [Connection(self, number) for number in range(2)]


class Connection:
    def __init__(self, server: Server, number: int) -> None:
        self.server, self.number, self.open = server, number, b""

    def stage(self, batch: list[Operation]) -> bytes:
        assert not self.open, "a connection has one transaction at a time"
        name = batch[0].dn
        if name == self.server.bad_stage:
            raise self.server.refused(name)
        self.open = name.encode()
        self.server.log.append(f"stage {name}")
        self.server.told.set()
        return self.open

    def commit(self, identifier: bytes) -> None:
        assert identifier == self.open
        self.open = b""
        name = identifier.decode()
        if name == self.server.bad_commit:
            raise self.server.refused(name)
        self.server.log.append(f"commit {name}")

    def abort(self, identifier: bytes) -> None:
        assert identifier == self.open
        self.open = b""
        self.server.log.append(f"abort {identifier.decode()}")


def names(batches):
    return [batch[0].dn for batch in batches]


def test_all_are_done_in_order_and_announced(pipeline):
    server = Server(pipeline.Refused)
    begun = []
    assert names(pipeline.committed(BATCHES, server.writers, begun.append)) == names(BATCHES)
    assert [line for line in server.log if line.startswith("commit")] == [f"commit {name}" for name in names(BATCHES)]
    assert names(begun) == names(BATCHES)


def test_the_next_is_told_while_one_is_done(pipeline):
    server = Server(pipeline.Refused)

    class Slow(Connection):
        def commit(self, identifier):
            if identifier == b"uid=a0":
                server.told.clear()
                assert server.told.wait(10), "nothing was told while this was done"
            super().commit(identifier)

    server.writers = [Slow(server, number) for number in range(2)]
    assert names(pipeline.committed(BATCHES[:2], server.writers)) == names(BATCHES[:2])


def test_nothing_after_a_refused_one_is_done(pipeline):
    server = Server(pipeline.Refused, commit="uid=a1")
    done = []
    with pytest.raises(pipeline.Failed) as failed:
        done.extend(pipeline.committed(BATCHES, server.writers))
    assert failed.value.tried
    assert names([failed.value.batch]) == ["uid=a1"]
    assert "abort uid=a2" in server.log
    assert not {"commit uid=a2", "stage uid=a3"} & set(server.log)


def test_one_that_is_refused_when_told_leaves_the_one_before_done(pipeline):
    server = Server(pipeline.Refused, stage="uid=a2")
    done = []
    with pytest.raises(pipeline.Failed) as failed:
        done.extend(pipeline.committed(BATCHES, server.writers))
    assert not failed.value.tried
    assert names(done) == ["uid=a0", "uid=a1"]
    assert names([failed.value.batch]) == ["uid=a2"]


def test_the_first_may_be_refused_and_none_is_nothing(pipeline):
    server = Server(pipeline.Refused, stage="uid=a0")
    with pytest.raises(pipeline.Failed):
        list(pipeline.committed(BATCHES, server.writers))
    assert list(pipeline.committed([], server.writers)) == []
