# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up histories."""

from __future__ import annotations

from mailroom_drill.logic.model import ACCEPTED, Attempt, Copy

BOX, OTHER = "box1@drill.example", "box2@drill.example"


def attempt(identity="a", outcome=ACCEPTED, ended=100.0, **more) -> Attempt:
    given = {"recipient": BOX, "digest": f"hash of {identity}", "route": "outside", "started": ended - 0.1, **more}
    return Attempt(identity=identity, outcome=outcome, ended=ended, **given)


def copy(identity="a", stored=100.2, **more) -> Copy:
    return Copy(**{"mailbox": BOX, "identity": identity, "digest": f"hash of {identity}", "stored": stored, **more})
