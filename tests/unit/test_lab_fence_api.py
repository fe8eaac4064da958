# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's power switch: which requests it takes."""

from __future__ import annotations

import pytest
from fence_api import Refused, Wanted, describe, judge, owns, running

CONTAINERS = ("mailroom-mail1", "mailroom-mail2")
PEERS = ("10.80.3.11", "10.80.3.12")
BASE = "/v1.40/containers"


def ask(method: str, target: str, peer: str = PEERS[0]) -> Wanted | Refused:
    return judge(method, target, peer, CONTAINERS, PEERS)


@pytest.mark.parametrize(
    ("method", "target", "wanted"),
    [
        ("GET", f"{BASE}/json", Wanted("list")),
        ("GET", f"{BASE}/json?all=1", Wanted("list")),
        ("GET", f"{BASE}/mailroom-mail2/json", Wanted("inspect", "mailroom-mail2")),
        ("POST", f"{BASE}/mailroom-mail1/kill", Wanted("kill", "mailroom-mail1")),
        ("POST", f"{BASE}/mailroom-mail1/kill?signal=SIGKILL", Wanted("kill", "mailroom-mail1")),
        ("POST", f"{BASE}/mailroom-mail1/start", Wanted("start", "mailroom-mail1")),
        ("POST", "/v1.11/containers/mailroom-mail1/start", Wanted("start", "mailroom-mail1")),
    ],
)
def test_what_a_fence_agent_asks_is_taken(method: str, target: str, wanted: Wanted) -> None:
    assert ask(method, target) == wanted


@pytest.mark.parametrize("name", ["mailroom-ldap1", "mailroom-mail", "mailroom-mail11", "mail1", "MAILROOM-MAIL1"])
@pytest.mark.parametrize(("method", "verb"), [("GET", "json"), ("POST", "kill"), ("POST", "start")])
def test_other_containers_are_refused(name: str, method: str, verb: str) -> None:
    assert ask(method, f"{BASE}/{name}/{verb}") == Refused(f"{name} is not a container of the cluster")


@pytest.mark.parametrize("peer", ["10.80.3.1", "10.80.3.13", "10.80.1.11", "198.51.100.90", "127.0.0.1"])
def test_others_may_not_even_list(peer: str) -> None:
    for method, target in (("GET", f"{BASE}/json"), ("POST", f"{BASE}/mailroom-mail1/kill")):
        assert ask(method, target, peer) == Refused(f"{peer} is not one of the cluster's hosts")


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/_ping",
        "/v1.40/version",
        "/v1.40/images/json",
        f"{BASE}/create",
        f"{BASE}/mailroom-mail1",
        f"{BASE}/mailroom-mail1/exec",
        f"{BASE}/mailroom-mail1/stop",
        # It would let the host end its work first, which a power switch does not.
        f"{BASE}/mailroom-mail1/restart",
        f"{BASE}/mailroom-mail1/kill/",
        f"{BASE}/mailroom-ldap1/../mailroom-mail1/kill",
        f"{BASE}/mailroom-mail1%2Fkill",
        f"{BASE}//mailroom-mail1/kill",
        f"http://10.80.3.1:2375{BASE}/mailroom-mail1/kill",
        "/v1.40/libpod/containers/json",
        "//[",
        "",
    ],
)
def test_nothing_else_can_be_asked(target: str) -> None:
    for method in ("GET", "POST"):
        assert ask(method, target) == Refused("no such thing can be asked here")


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("POST", f"{BASE}/json"),
        ("POST", f"{BASE}/mailroom-mail1/json"),
        ("GET", f"{BASE}/mailroom-mail1/kill"),
        ("DELETE", f"{BASE}/mailroom-mail1/kill"),
        ("PUT", f"{BASE}/mailroom-mail1/start"),
        ("GET", f"{BASE}/kill"),
    ],
)
def test_the_wrong_method_is_refused(method: str, target: str) -> None:
    assert ask(method, target) == Refused(f"{method} is not the way to ask for this")


@pytest.mark.parametrize(
    "query", ["kill?signal=TERM", "kill?signal=KILL&signal=TERM", "kill?signal=", "kill?x=1", "start?detachKeys=a"]
)
def test_a_kill_is_always_hard(query: str) -> None:
    assert ask("POST", f"{BASE}/mailroom-mail1/{query}") == Refused("no arguments can be given")


def test_a_list_cannot_be_widened() -> None:
    assert ask("GET", f"{BASE}/json?filters=x") == Refused("only `all` can be asked of the list")


@pytest.mark.parametrize(("runs", "start"), [(True, "Up"), (False, "Exit")])
def test_states_are_as_the_agent_reads_them(runs: bool, start: str) -> None:
    shown = describe("mailroom-mail1", runs)
    assert shown["State"]["Running"] == runs
    assert shown["Names"] == ["/mailroom-mail1"]
    assert shown["Status"].startswith(start)


def test_a_number_that_another_program_got_since_is_not_ended(tmp_path) -> None:
    file = tmp_path / "pid"
    assert running(file) is None
    file.write_text("1\n")
    assert owns(file, 1)
    assert not owns(file, 2)
    assert running(file) is None
