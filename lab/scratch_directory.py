# SPDX-License-Identifier: GPL-3.0-or-later
"""A second directory beside the lab's: the same server and settings, a tree without domains, sockets of its own.

What writes much, or kills servers, uses it so that the lab's mail goes on and its tree stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Runs a shell script as root on a host and returns what it prints; raises (or ends the program) if it fails.
Run = Callable[[str], str]

FOLDER = "/var/lib/mailroom-scratch"
URI = f"ldapi://{FOLDER.replace('/', '%2F')}%2Fldapi"
BASE = "ou=domains,dc=mailroom,dc=example"
UNIT = "mailroom-scratch.service"
PORT = 1636
BIND = f"-Q -Y EXTERNAL -H {URI}"
# Seconds after which systemd ends the servers, should nobody else do so.
LONGEST = 7200
# Variables of playbooks/accounts.yml. Runs are limited to the provider: no mail host knows these accounts.
VARIABLES = {"mailroom_directory_uri": URI, "mailroom_state_folder": f"{FOLDER}/state"}

# Not running, or not failed, is what is wanted: that a unit is unknown is no error.
_STOP = f"""
systemctl stop {UNIT} 2>/dev/null || true
systemctl reset-failed {UNIT} 2>/dev/null || true
"""
# Starts a server that is configured, and waits until it answers.
START = f"""
for attempt in $(seq 50); do  # A unit that was killed is not forgotten at once.
  systemctl reset-failed {UNIT} 2>/dev/null || true
  systemd-run --quiet --collect --unit {UNIT} --property RuntimeMaxSec={LONGEST} \\
    slapd -d 0 -u openldap -g openldap -F {FOLDER}/config -h 'ldaps://:{PORT} {URI}' 2>/dev/null && break
  sleep 0.1
done
for attempt in $(seq 100); do ldapwhoami {BIND} >/dev/null 2>&1 && exit; sleep 0.1; done
journalctl -n 20 -u {UNIT} >&2; exit 1
"""
# The lab's configuration with other folders and, on the replica, another port of the provider.
_CONFIGURE = rf"""
set -eu
{_STOP}
rm -rf {FOLDER}
install -d -m 0755 {FOLDER}
install -d -m 0750 {FOLDER}/config {FOLDER}/db
slapcat -o ldif-wrap=no -n0 | sed -E 's#^olcDbDirectory: .*#olcDbDirectory: {FOLDER}/db#
  s#^(olcPidFile|olcArgsFile): .*/#\1: {FOLDER}/#; s#provider=ldaps://([^/: ]+)[^ ]*#provider=ldaps://\1:{PORT}#' \
  >{FOLDER}/config.ldif
slapadd -n0 -F {FOLDER}/config -l {FOLDER}/config.ldif
slapcat -o ldif-wrap=no -n1 | awk -v RS= -v ORS='\n\n' '!/^dn:[^\n]*,{BASE}/ && !/^dn:: /' >{FOLDER}/tree.ldif
"""
_EMPTY = f"""
set -eu
{_STOP}
rm -rf {FOLDER}/db/* {FOLDER}/state
test ! -e {FOLDER}/tree.ldif || slapadd -q -n1 -F {FOLDER}/config -l {FOLDER}/tree.ldif
chown -R openldap: {FOLDER}
{START}
"""


class ScratchDirectory:
    """The provider's half, and with `replica` a replica of it."""

    def __init__(self, provider: Run, replica: Run | None = None) -> None:
        self.provider, self.replica = provider, replica

    def __enter__(self) -> ScratchDirectory:
        self.provider(_CONFIGURE)
        if self.replica:
            self.replica(_CONFIGURE + f"rm {FOLDER}/tree.ldif")
        try:
            self.empty()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_reason: object) -> None:
        for run in filter(None, (self.provider, self.replica)):
            run(f"{_STOP}rm -rf {FOLDER}")

    def empty(self) -> None:
        """Start anew without any domain. The replica fills itself from the provider."""
        if self.replica:
            self.replica(_STOP)
        self.provider(_EMPTY)
        if self.replica:
            self.replica(_EMPTY)

    def start(self) -> None:
        """Start the provider again after something ended it."""
        self.provider(START)

    @contextmanager
    def logged(self) -> Iterator[list[tuple[str, str]]]:
        """Have the provider log what it is asked; the list has all writes (what, DN) at the end."""
        writes: list[tuple[str, str]] = []
        cursor = self.provider("journalctl -n0 --show-cursor").partition("cursor: ")[2].strip()
        self._log_level("stats")
        try:
            yield writes
        finally:
            self._log_level("none")
        log = self.provider(f"journalctl --sync; journalctl -o cat -t slapd --after-cursor='{cursor}'")
        found = re.findall(r" (ADD|MOD|MODRDN|DEL) dn=\"([^\"]*)\"", log)
        writes += [(what, dn) for what, dn in found if dn != "cn=config"]

    def _log_level(self, level: str) -> None:
        change = f"dn: cn=config\nchangetype: modify\nreplace: olcLogLevel\nolcLogLevel: {level}\n"
        self.provider(f"ldapmodify {BIND} <<'END'\n{change}END\n")

    def newest(self) -> list[str]:
        """Number of the newest change (contextCSN) that each server has."""
        search = f"ldapsearch -LLL {BIND} -s base -b {BASE.partition(',')[2]} contextCSN"
        return [run(search) for run in (self.provider, self.replica) if run]

    def hashes(self) -> list[str]:
        """Number of entries and hash of the sorted LDIF with operational attributes, of each server."""
        return [run(f"python3 - <<'END'\n{_HASH}END\n") for run in (self.provider, self.replica) if run]

    def differences(self) -> str:
        """What the servers do not have in common, and the newest change of each; for people."""
        search = f"ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE} '*' '+'"
        names, sides = ("provider", "replica"), []
        for run in filter(None, (self.provider, self.replica)):
            sides.append({"\n".join(sorted(entry.splitlines())) for entry in run(search).split("\n\n")})
        lines = [f"{name}: {newest.strip()}" for name, newest in zip(names, self.newest(), strict=False)]
        for name, mine, others in zip(names, sides, reversed(sides), strict=False):
            lines += [f"only the {name} has:\n{entry}" for entry in sorted(mine - others)[:5]]
        return "\n".join(lines)


# Without what each server keeps for itself.
_HASH = f"""
import hashlib, subprocess
command = "ldapsearch -LLL {BIND} -o ldif-wrap=no -b {BASE} * +".split()
text = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
own = (b"contextCSN:", b"pwdFailureTime:", b"pwdAccountLockedTime:")
entries = [
    b"\\n".join(sorted(line for line in entry.splitlines() if not line.startswith(own)))
    for entry in text.split(b"\\n\\n") if entry
]
print(len(entries), hashlib.sha256(b"\\n\\n".join(sorted(entries))).hexdigest())
"""
