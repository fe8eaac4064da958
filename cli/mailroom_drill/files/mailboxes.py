# Runs on the active node behind logic/messages.py, which gives it read() and maildir_time().
# SPDX-License-Identifier: GPL-3.0-or-later
# Arguments: mailboxes. Prints one JSON line for each message in the files of their store.
import json
import os
import subprocess
import sys

for user in sys.argv[1:]:
    asked = subprocess.run(["doveadm", "user", "-f", "home", user], capture_output=True, text=True, check=True)
    top = os.path.join(asked.stdout.strip(), "Maildir")
    for folder, _folders, names in os.walk(top):
        if os.path.basename(folder) not in ("cur", "new"):
            continue
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                identity, digest = read(file.read())  # noqa: F821
            found = {"mailbox": user, "identity": identity, "digest": digest, "stored": maildir_time(name), "where": name}  # noqa: F821
            print(json.dumps(found))
