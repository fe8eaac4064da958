# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether slapd had to read all entries for a search, because a filter had no index to use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack

from bench_tools import Host

ROOT_BIND = "-Q -Y EXTERNAL -H ldapi:///"
WHAT = "not indexed|index_param failed"
# Nothing of the platform asks for it, so it has no index. Asked last, it shows that the log says so, to the end.
PROBE = "mailroomQuota"
# The account code asks once whether any entry has a password. The search ends at the second that has one, which is a
# service's; an index of presence would cost a write for each mailbox and never be of use.
# And these stand behind an address in the same filter, which leaves one entry to look at.
ALLOWED = {
    "<= mdb_presence_candidates: (userPassword) not indexed",
    "<= mdb_presence_candidates: (mailroomPoster) not indexed",
    "<= mdb_equality_candidates: (mailroomKind) not indexed",
}


def unindexed(hosts: tuple[Host, ...], work: Callable[[], object]) -> None:
    """Do the work with slapd's log of filters on; end the benchmark if a search had no index."""
    with ExitStack() as stack:
        cursors = {}
        for host in hosts:
            level = host.run(
                f"ldapsearch -LLL {ROOT_BIND} -b cn=config -s base olcLogLevel | sed -n 's/^olcLogLevel: //p'"
            )
            stack.callback(_log, host, level.strip())
            _log(host, "filter")
            cursors[host] = host.run("journalctl -n 0 --show-cursor").partition("cursor: ")[2].strip()
        work()
        for host in hosts:
            host.run(f"ldapsearch -LLL {ROOT_BIND} -b ou=domains,dc=mailroom,dc=example '({PROBE}=1)' 1.1")
            journal = f"journalctl --sync; journalctl -u slapd -o cat --after-cursor='{cursors[host]}'"
            said = set(host.run(f"{journal} | grep -aE '{WHAT}'").splitlines())
            probe = f"<= mdb_equality_candidates: ({PROBE}) not indexed"
            if said - ALLOWED != {probe}:
                sys.exit(f"{host.name}: searches without an index: {sorted(said)}, expected only {probe}")


def _log(host: Host, level: str) -> None:
    change = f"dn: cn=config\nchangetype: modify\nreplace: olcLogLevel\nolcLogLevel: {level}\n"
    host.run(f"ldapmodify {ROOT_BIND}", change)
