# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages, queue files and lists of UIDs as they lie on disks."""

import pytest
from mailroom_drill.logic import cut, messages, queuefile


@pytest.mark.parametrize("number", range(12))
def test_a_message_is_known_again_over_smtp_and_in_files(number):
    raw, digest = messages.build(f"run.1-x.{number}", "a@elsewhere.example", "b@drill.example", 1_700_000_000)
    assert messages.read(raw) == (f"run.1-x.{number}", digest)
    stored = b"Return-Path: <a@elsewhere.example>\n" + raw.replace(b"\r\n", b"\n")
    assert messages.read(stored) == (f"run.1-x.{number}", digest)
    assert not any(line.startswith(b".") for line in raw.splitlines())
    assert max(map(len, raw.splitlines())) < 998


def test_bodies_differ_and_a_changed_one_shows():
    first, digest = messages.build("a", "s@x.example", "r@x.example", 0)
    assert messages.build("b", "s@x.example", "r@x.example", 0)[1] != digest
    assert messages.build("a", "s@x.example", "r@x.example", 99)[1] == digest
    assert messages.read(first[:-40])[1] != digest
    assert messages.read(first + b"x\r\n")[1] != digest


def test_others_have_no_id_and_a_header_in_the_text_is_none():
    assert messages.read(b"Subject: x\n\nX-Mailroom-Drill: a\n")[0] == ""
    assert messages.read(b"")[0] == ""
    assert messages.read(b"x-mailroom-drill: a.1\n")[0] == "a.1"


def test_times_of_maildir_names():
    assert messages.maildir_time("1700000000.M250000P12.mail1,S=3,W=4:2,S") == 1700000000.25
    assert messages.maildir_time("whatever") == 0.0


def record(kind, data=b""):
    length, out = len(data), bytearray(kind)
    while True:
        out.append((length & 0x7F) | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(out) + data


def test_a_queue_file():
    long = b"y" * 300
    data = b"".join(
        [
            record(b"C", b"   1000"),
            record(b"N", b"not of the message"),
            record(b"M"),
            record(b"N", b"X-Mailroom-Drill: a.1"),
            record(b"N"),
            record(b"L", long),
            record(b"N", b"end"),
            record(b"X"),
            record(b"R", b"box1@drill.example"),
            record(b"E"),
        ]
    )
    found = queuefile.content(data)
    assert found == b"X-Mailroom-Drill: a.1\n\n" + long + b"end\n"
    assert messages.read(found)[0] == "a.1"
    for end in range(len(data) - 1):
        assert queuefile.content(data[:end]) is None, "a file that was not finished is no message"


def test_zeros_are_no_message():
    assert queuefile.content(b"\0" * 64) is None


def test_uidlist():
    text = "3 V77 N5 Gabc\n1 :100.M1P1.h:2,S\n2 W5 :101.M1P1.h\nx :102\n3\n2 :103.M1P1.h\n"
    assert cut.uidlist(text) == {1: "100.M1P1.h", 2: "103.M1P1.h"}
    assert cut.uidlist("") == {}
    assert cut.uidlist("1 V77\n1 :100\n") == {}
