# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench FLAGS=--directory`: the directory with 100,000 mailboxes beside itself with the lab's own, in one run.

Loads account files by the play that people use, measures what daemons ask, looks for limits and missing indexes,
removes what it loaded and compares the tree with the one before, also when it fails. 10 to 20 minutes.
"""

from __future__ import annotations

import json
import os
import platform
import re
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import many_accounts
from bench_indexes import unindexed
from bench_lookups import look_ups, sample
from bench_tools import ROOT, Host, lab_info, mail_host, timed

DOMAINS, MAILBOXES = 500, 100_000
SUFFIX = "dc=mailroom,dc=example"
ROOT_BIND = "-Q -Y EXTERNAL -H ldapi:///"
# Seconds that the replica may take for all of it.
REPLICA_WAIT = 900
# Sorted, and without what each server keeps for itself: contextCSN, and failed log-ins where they happened.
TREE_HASH = f"""
import hashlib, subprocess
text = subprocess.run(["slapcat", "-o", "ldif-wrap=no"], stdout=subprocess.PIPE, check=True).stdout
entries = []
for entry in filter(None, text.split(b"\\n\\n")):
    own = (b"contextCSN:", b"pwdFailureTime:", b"pwdAccountLockedTime:")
    if entry.startswith(b"dn: {SUFFIX}\\n"):
        own += (b"entryCSN:", b"modif")
    entries.append(b"\\n".join(sorted(line for line in entry.splitlines() if not line.startswith(own))))
print(len(entries), hashlib.sha256(b"\\n\\n".join(sorted(entries))).hexdigest())
"""


class Lab:
    """The two directories, and the play that fills them."""

    def __init__(self, folder: Path) -> None:
        self.info = lab_info()
        self.provider, self.mail = Host(self.info, "ldap1"), mail_host(self.info)
        self.accounts = folder / "accounts"
        shutil.copytree(ROOT / "inventories/lab/accounts", self.accounts)
        self._variables = {
            "mailroom_accounts_dir": str(self.accounts),
            "mailroom_passwords_file": str(folder / "passwords.json"),
        }

    def apply(self) -> tuple[float, str]:
        return timed("ansible-playbook", "playbooks/accounts.yml", "-v", "-e", json.dumps(self._variables))

    def tree(self) -> tuple[int, str]:
        """Number of entries and hash of the tree, once both have the same."""
        end = time.monotonic() + REPLICA_WAIT
        while True:
            hashes = [host.run("python3 -", TREE_HASH) for host in (self.provider, self.mail)]
            if hashes[0] == hashes[1]:
                return int(hashes[0].split()[0]), hashes[0].split()[1]
            if time.monotonic() > end:
                sys.exit(f"After {REPLICA_WAIT} s the replica still differs from the provider: {hashes}")
            time.sleep(1)

    def unload(self) -> None:
        """Remove what was loaded, by the server's own means."""
        search = f"ldapsearch -LLL {ROOT_BIND} -b ou=domains,{SUFFIX} -s one '(ou=*{many_accounts.ENDING})' 1.1"
        self.provider.run(f"set -o pipefail; {search} | sed -n 's/^dn: //p' | ldapdelete -r {ROOT_BIND}")
        # A check of the quota makes folders for a mailbox that mail was offered to.
        root = json.loads(self.mail.run("cat /etc/mailroom/store.json"))["mail_root"]
        self.mail.run(f"rm -rf {root}/*{many_accounts.ENDING}")


def sizes(lab: Lab) -> None:
    for host in (lab.provider, lab.mail):
        print(size(host), flush=True)


def size(host: Host) -> str:
    """Memory and database of slapd."""
    memory = host.run("cat /proc/$(pidof slapd)/status")
    own, mapped = (int(re.findall(rf"Rss{kind}:\s+(\d+)", memory)[0]) // 1024 for kind in ("Anon", "File"))
    # The file has as many pages as the database ever used.
    file = int(host.run("stat -c %s /var/lib/ldap/data.mdb"))
    most = int(re.findall(r"olcDbMaxSize: (\d+)", host.run("slapcat -n 0"))[0])
    database = f"database {file / 2**20:.0f} of {most / 2**20:.0f} MiB ({file / most:.1%})"
    return f"{host.name}: slapd {own} MiB of its own and {mapped} MiB of mapped database; {database}"


def complete(lab: Lab, mailboxes: int) -> None:
    """Nothing is cut by a limit: Dovecot lists all mailboxes, and the play reads all entries."""
    listed = int(lab.mail.run("doveadm user '*' | wc -l"))
    if listed != mailboxes:
        sys.exit(f"doveadm lists {listed} of {mailboxes} mailboxes")
    seconds, output = lab.apply()
    below = int(lab.provider.run(f"slapcat -s ou=domains,{SUFFIX} | grep -c ^dn:")) - 1
    found = re.findall(r"summary: Creates=0, Updates=0, Deletes=0, Existing=(\d+)", output)
    if found != [str(below)] or not re.search(r"changed=0 +unreachable=0 +failed=0", output):
        sys.exit(f"The second run did not find the {below} entries unchanged:\n{output[-2000:]}")
    print(
        f"doveadm lists {listed} mailboxes; accounts.yml found {below} entries unchanged in {seconds:.0f} s", flush=True
    )


def few(lab: Lab) -> None:
    """All that is asked of both servers, in small: a log of filters has dozens of lines for each search."""
    many_accounts.write(lab.accounts, 1, 20)
    lab.apply()
    lab.tree()
    look_ups(lab.mail, lab.info, sample(lab.mail, SUFFIX, 5))


def measure(lab: Lab) -> None:
    sizes(lab)
    mailboxes = int(lab.mail.run("doveadm user '*' | wc -l"))
    first = look_ups(lab.mail, lab.info, sample(lab.mail, SUFFIX))
    unindexed((lab.provider, lab.mail), lambda: few(lab))
    print("no search without an index, on either host", flush=True)
    many_accounts.write(lab.accounts, DOMAINS, MAILBOXES)
    took, _output = lab.apply()
    started = time.monotonic()
    entries, _hash = lab.tree()
    later = time.monotonic() - started
    print(f"accounts.yml: {entries} entries in {took:.0f} s; the replica was equal {later:.0f} s after it", flush=True)
    sizes(lab)
    complete(lab, mailboxes + MAILBOXES)
    large = look_ups(lab.mail, lab.info, sample(lab.mail, SUFFIX))
    # Once more without them: how far the two differ is what the machine does to figures.
    unload(lab)
    again = look_ups(lab.mail, lab.info, sample(lab.mail, SUFFIX))
    print(f"\n| milliseconds each | {mailboxes} mailboxes | {mailboxes + MAILBOXES} | {mailboxes} again | ratio |")
    print("|---|---|---|---|---|")
    for what, value in large.items():
        ratio = value / statistics.mean([first[what], again[what]])
        print(f"| {what} | {first[what]:.3f} | {value:.3f} | {again[what]:.3f} | {ratio:.2f} |")


def unload(lab: Lab) -> None:
    started = time.monotonic()
    lab.unload()
    lab.tree()
    print(f"unloaded from both in {time.monotonic() - started:.0f} s", flush=True)


def main() -> int:
    print(f"{platform.platform()}, {os.cpu_count()} cores", flush=True)
    with tempfile.TemporaryDirectory(prefix="mailroom-bench-") as folder:
        lab = Lab(Path(folder))
        before = lab.tree()
        try:
            measure(lab)
        finally:
            lab.unload()
            after = lab.tree()
            print(f"both trees as before: {after == before}", flush=True)
    return 0 if after == before else 1
