# SPDX-License-Identifier: GPL-3.0-or-later
"""Senders against a server that answers as it is told: what counts as accepted, refused, undecided."""

import dataclasses
import socket
import threading
import time

import pytest
from mailroom_drill import readers, senders
from mailroom_drill.history import History
from mailroom_drill.logic.messages import read
from mailroom_drill.senders import Crew, Load, Sender, routes
from mailroom_drill.target import Account, Target


class Server(threading.Thread):
    """Speaks as much SMTP as a sender needs; `say` changes an answer by the first word of a command, "" hangs up."""

    def __init__(self, **say):
        super().__init__(daemon=True)
        self.say = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go", "DOT": "250 taken", "GREET": "220 hi", **say}
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.taken = []
        self.start()

    def run(self):
        while True:
            try:
                connection, _peer = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                self.serve(file)

    def serve(self, file):
        if not self.answer(file, "GREET"):
            return
        while line := file.readline():
            word = line.split()[0].decode().upper()
            if not self.answer(file, word, "250 ok"):
                return
            if word == "DATA" and self.say["DATA"].startswith("354"):
                lines = []
                while (line := file.readline()) not in (b".\r\n", b""):
                    lines.append(line)
                self.taken.append(b"".join(lines))
                if not self.answer(file, "DOT"):
                    return

    def answer(self, file, word, otherwise="250 ok"):
        text = self.say.get(word, otherwise)
        if text:
            file.write(text.encode() + b"\r\n")
            file.flush()
        return bool(text)


@pytest.fixture
def crew(tmp_path, monkeypatch):
    monkeypatch.setattr(Target, "tls", lambda _self: None)
    made = []

    def make(server, **load):
        services = dict.fromkeys(("smtp", "submission", "imap"), ("127.0.0.1", server.port))
        target = Target("test", {}, services, (Account("box@drill.example", "x"),))
        one = Crew(target, History(tmp_path / "h.jsonl"), "run.1-x", "seed", Load(**load))
        made.append((one, server))
        return one

    yield make
    for one, server in made:
        server.socket.close()
        one.history.close()


def outcomes(crew):
    return [(event["outcome"], event["stage"]) for event in crew.history.of("send")]


def test_accepted(crew):
    server = Server()
    one = crew(server)
    Sender(one, routes(one.target)[0], 0).deliver("run.1-x.00001")
    assert outcomes(one) == [("accepted", "sent")]
    event = one.history.of("send")[0]
    assert read(server.taken[0]) == ("run.1-x.00001", event["hash"])
    assert event["wall"] >= event["began"]


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        ({"GREET": "421 no"}, ("refused", "connect")),
        ({"GREET": ""}, ("refused", "connect")),
        ({"MAIL": "452 full"}, ("refused", "mail")),
        ({"RCPT": "451 later"}, ("refused", "rcpt")),
        ({"DATA": "451 later"}, ("refused", "data")),
        ({"DATA": ""}, ("refused", "data")),
        ({"DOT": "451 later"}, ("refused", "sent")),
        ({"DOT": ""}, ("undecided", "sent")),
    ],
)
def test_not_accepted_is_tried_again_a_limited_number_of_times(crew, say, outcome):
    one = crew(Server(**say), tries=3)
    Sender(one, routes(one.target)[0], 0).deliver("run.1-x.00001")
    assert outcomes(one) == [outcome] * 3


def test_silence_is_undecided(crew, monkeypatch):
    monkeypatch.setattr(senders, "LAST_ANSWER", 0.1)
    server = Server()
    server.answer = lambda file, word, otherwise="250 ok": (
        Server.answer(server, file, word, otherwise) if word != "DOT" else time.sleep(1)
    )
    one = crew(server, tries=1)
    Sender(one, routes(one.target)[0], 0).deliver("run.1-x.00001")
    assert outcomes(one) == [("undecided", "sent")]


def test_nobody_is_there(crew):
    server = Server()
    one = crew(server, tries=2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    one.target = dataclasses.replace(one.target, services=dict.fromkeys(one.target.services, ("127.0.0.1", port)))
    Sender(one, routes(one.target)[0], 0).deliver("run.1-x.00001")
    assert outcomes(one) == [("refused", "connect")] * 2


def test_the_count_is_bounded_and_given_up_in_the_end(crew):
    one = crew(Server(), messages=2)
    assert [one.next_identity() for _ in range(3)] == ["run.1-x.00001", "run.1-x.00002", None]
    one.deadline = time.monotonic() - 1
    Sender(one, routes(one.target)[0], 0).deliver("run.1-x.00001")
    assert outcomes(one) == []


def test_a_crew_sends_over_both_ways_and_ends(crew):
    server = Server()
    one = crew(server, rate=50, workers=1)
    for sender in one.senders:
        sender.route = dataclasses.replace(sender.route, login=False)
    began = time.time()
    one.start()
    check = senders.accepted_since(one.history, began)
    end = time.monotonic() + 5
    while not check() and time.monotonic() < end:
        time.sleep(0.02)
    one.stop(2)
    assert check()
    assert not any(sender.is_alive() for sender in one.senders)


def test_what_a_fetch_brings():
    # The UID stands before the literal, or behind it; flags that changed come as lines of their own.
    data = [(b"1 (UID 7 BODY[] {1}", b"a"), b")", (b"2 (BODY[] {1}", b"b"), b" UID 8)", b"3 (FLAGS (\\Seen))", None]
    assert readers._fetched(data) == [(7, b"a"), (8, b"b")]
    assert readers._fetched([None]) == []
    assert readers._fetched([(b"1 (BODY[] {1}", b"a")]) == []
