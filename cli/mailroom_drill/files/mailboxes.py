# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on the active node behind logic/messages.py. Arguments: a time, mailboxes.

Prints a JSON line for each file of mail that was stored since then.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable


def main(read: Callable[[bytes], tuple[str, str]], stored: Callable[[str], float]) -> None:
    since = float(sys.argv[1])
    for user in sys.argv[2:]:
        asked = subprocess.run(["doveadm", "user", "-f", "home", user], capture_output=True, text=True, check=True)
        for folder, _folders, names in os.walk(os.path.join(asked.stdout.strip(), "Maildir")):
            if os.path.basename(folder) not in ("cur", "new"):
                continue
            for name in names:
                if 0 < stored(name) < since:
                    continue
                with open(os.path.join(folder, name), "rb") as file:
                    identity, digest = read(file.read())
                found = {"mailbox": user, "identity": identity, "digest": digest, "stored": stored(name)}
                print(json.dumps({**found, "where": name}))
