# SPDX-License-Identifier: GPL-3.0-or-later
"""A file of Postfix's queue: enough of its format to see whether a message of ours is in it, whole.

A record is a letter, a length in groups of seven bits (lowest first, the high bit says that more follow) and so many
bytes. `N` is a line of the message, `L` a piece of one that goes on, `M` begins the message, `X` ends it, `E` ends the
file. A file without `E` was not finished when it was cut, so nobody was told that it is accepted.
"""

from __future__ import annotations


def content(data: bytes) -> bytes | None:
    """The message in a queue file with line ends of files, or None if the file is not complete."""
    position, text, within, ended = 0, bytearray(), False, False
    while position < len(data):
        kind = data[position : position + 1]
        position += 1
        length, shift = 0, 0
        while True:
            if position >= len(data):
                return None
            byte = data[position]
            position += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        record = data[position : position + length]
        if len(record) < length:
            return None
        position += length
        if kind == b"M":
            within = True
        elif kind == b"X":
            within = False
        elif kind == b"E":
            ended = True
        elif within and kind == b"N":
            text += record + b"\n"
        elif within and kind == b"L":
            text += record
    return bytes(text) if ended else None
