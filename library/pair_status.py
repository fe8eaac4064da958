#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a host of the platform knows of the mail pair and of the directory. Asks only; mailroom.pair understands it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: pair_status
short_description: What one host sees of the mail pair, the directory and the mail
description:
  - Asks Pacemaker, Corosync, slapd, Postfix, the shared file system and the certificates, all at once, and returns what
    they say. Whoever does not answer in time is reported as such; the module itself ends in time and does not fail.
  - Changes nothing. Works on hosts that have only a part of it, such as the directory's provider.
options:
  mount_point:
    description: Where the shared file system is mounted on the node that has the mail.
    type: path
    default: /srv/mailroom
  certificates:
    description: Certificates whose end is looked at.
    type: list
    elements: path
    default: [/etc/mailroom/tls/host.crt, /etc/mailroom/tls/ca.crt]
  services:
    description: What answers on the addresses that the cluster moves, each as C(protocol:port).
    type: list
    elements: str
    default: ["smtp:25", "imap:993"]
  checks:
    description: Whether each daemon's own checker reads its configuration.
    type: bool
    default: false
  fencing:
    description: Whether each device that would fence another node from here is tried (its monitor action).
    type: bool
    default: false
  packages:
    description: Packages whose version is returned.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that each question may take.
    type: float
    default: 3
attributes:
  check_mode: {support: full, description: Reads only.}
  diff_mode: {support: none, description: Nothing changes.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: See how the pair is
  pair_status:
    checks: true
  register: view
"""

RETURN = r"""
node: {description: Name of the host in the cluster., type: str, returned: always}
time: {description: Seconds since 1970 on this host., type: float, returned: always}
cluster: {description: Nodes, resources, failures and fencings; or C(problem)., type: dict, returned: always}
addresses: {description: Addresses that the cluster moves., type: list, elements: str, returned: always}
links: {description: Corosync's links and the state of each peer., type: list, elements: dict, returned: always}
storage: {description: Whether the shared file system is mounted; its space., type: dict, returned: always}
queue: {description: Messages in the queue and arrival of the oldest., type: dict, returned: always}
certificates: {description: Days that each has left., type: list, elements: dict, returned: always}
directory:
  description: Role, newest change (C(contextCSN)), the provider and its newest change, and who was made provider.
  type: dict
  returned: always
greetings: {description: What is wrong with each service; empty if it greets., type: dict, returned: always}
units: {description: State of the units corosync, pacemaker and slapd., type: dict, returned: always}
checks: {description: What each daemon's checker says., type: list, elements: dict, returned: always}
fencing: {description: What each fencing device says that was tried., type: list, elements: dict, returned: always}
versions: {description: Installed versions., type: dict, returned: always}
"""

import os
import re
import shutil
import socket
import time
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom import pair
from ansible.module_utils.mailroom_ldap import IMPORT_ERROR, DirectoryError, Session, Unreachable
from ansible.module_utils.mailroom_pair import ask, cluster, greeting, mounts, together

UNITS = ("corosync", "pacemaker", "slapd")
CHECKS = {
    "slapd": (["slaptest", "-u", "-F", "/etc/ldap/slapd.d"],),
    "Dovecot": (["doveconf", "-n"],),
    # `postfix check` wants the queue, which only one node of the pair has.
    "Postfix": (["postconf", "-n"], ["postconf", "-M"]),
    "Corosync": (["corosync", "-t"],),
}
NO_DIRECTORY = {
    "role": "none",
    "suffix": "",
    "csn": "",
    "read_only": False,
    "record": [],
    "provider": "",
    "provider_csn": "",
    "provider_problem": "",
    "problem": "no slapd here",
}
_SYNCREPL = re.compile(r'(\w[\w-]*)=(?:"([^"]*)"|(\S+))')


def storage(mount_point: str) -> dict[str, Any]:
    found = mounts().get(mount_point)
    if found is None:
        return {"mounted": False}
    device, _point, kind, options = found
    # A device that has gone makes this wait for ever; the thread is then left behind.
    about = {"mounted": True, "device": device, "type": kind, "writable": "rw" in options.split(",")}
    space = together({"space": lambda: os.statvfs(mount_point)}, 2).get("space")
    if space is None:
        return about | {"problem": "the file system does not answer"}
    total, free = space.f_blocks * space.f_frsize, space.f_bavail * space.f_frsize
    return about | {"size": total, "free": free, "inodes": space.f_files, "inodes_free": space.f_favail, "problem": ""}


def queue(seconds: float) -> dict[str, Any]:
    code, out, err = ask(["postqueue", "-j"], seconds)
    problem = "" if code == 0 else err.strip() or f"postqueue ended with {code}"
    return {**pair.queue(out.splitlines()), "problem": problem}


def certificate(path: str, seconds: float) -> dict[str, Any]:
    code, out, err = ask(["openssl", "x509", "-noout", "-enddate", "-in", path], seconds)
    try:
        return {"path": path, "days": pair.certificate_days(out, time.time()), "problem": ""}
    except pair.Unreadable as error:
        return {"path": path, "days": None, "problem": err.strip().partition("\n")[0] if code else str(error)}


def directory(seconds: float, grace: float) -> dict[str, Any]:
    """What slapd here holds, and what its provider holds, asked as the replica asks it."""
    if not os.path.exists("/usr/sbin/slapd"):
        return NO_DIRECTORY
    if IMPORT_ERROR:
        return {**NO_DIRECTORY, "problem": f"python3-ldap: {IMPORT_ERROR}"}
    found = {**NO_DIRECTORY, "problem": ""}
    patience = max(1, round(seconds))
    try:
        with Session(timeout=patience, patience=patience) as local:
            wanted = ["olcSuffix", "olcSyncrepl", "olcReadOnly"]
            config = local.read("cn=config", where="(objectClass=olcMdbConfig)", attributes=wanted)
            entry = next(iter(config.values()), {})
            found["suffix"] = entry.get("olcSuffix", [""])[0]
            if not found["suffix"]:
                return {**found, "problem": "slapd has no database of ours"}
            found["read_only"] = entry.get("olcReadOnly", ["FALSE"])[0] == "TRUE"
            found["role"] = "replica" if entry.get("olcSyncrepl") else "provider"
            found["csn"] = newest(local, found["suffix"])
            record = local.read(f"cn=provider,{found['suffix']}", "base", attributes=["description"])
            found["record"] = next(iter(record.values()), {}).get("description", [])
            if found["role"] == "replica":
                found |= provider(local, entry["olcSyncrepl"][0], found["suffix"], patience, grace)
                found["csn"] = newest(local, found["suffix"])
    except DirectoryError as error:
        found["problem"] = str(error)
    return found


def newest(session: Session, suffix: str) -> str:
    """The newest change that a server knows of ("" for an empty database)."""
    rows = session.read(suffix, "base", attributes=["contextCSN"])
    return max((csn for entry in rows.values() for csn in entry.get("contextCSN", [])), default="")


def provider(local: Session, syncrepl: str, suffix: str, patience: int, grace: float) -> dict[str, str]:
    """Ask the provider as this replica does. The copy gets `grace` seconds to take in what is under way."""
    told = {key: quoted or bare for key, quoted, bare in _SYNCREPL.findall(syncrepl)}
    uri = told.get("provider", "")
    who, password, ca = (told.get(key, "") for key in ("binddn", "credentials", "tls_cacert"))
    try:
        with Session(uri, who, password, ca, patience, patience) as session:
            csn = newest(session, suffix)
    except Unreachable as error:
        return {"provider": uri, "provider_csn": "", "provider_problem": str(error)}
    except DirectoryError as error:
        return {"provider": uri, "provider_csn": "", "provider_problem": f"answers, but: {error}"}
    end = time.monotonic() + grace
    while newest(local, suffix) < csn and time.monotonic() < end:
        time.sleep(0.1)
    return {"provider": uri, "provider_csn": csn, "provider_problem": ""}


def checks(seconds: float) -> list[dict[str, str]]:
    found = []
    for name, commands in CHECKS.items():
        for command in commands:
            if not shutil.which(command[0], path="/usr/sbin:/usr/bin"):
                continue
            code, out, err = ask(command, seconds)
            # What is printed is the configuration itself; complaints come the other way.
            problem = pair.complaint(code, err or (out if code else ""))
            found.append({"name": name, "command": " ".join(command), "problem": problem})
    return found


def fencing(peers: list[str], seconds: float) -> list[dict[str, Any]]:
    """Try each device that would fence another node from here."""
    found = []
    for peer in peers:
        code, out, err = ask(["stonith_admin", "--list", peer, "--output-as=xml"], seconds)
        try:
            names = [item.text or "" for item in ElementTree.fromstring(out).iter("item")]  # noqa: S314
        except ElementTree.ParseError:
            names = []
        if not names:
            problem = err.strip() or f"no device could fence it ({code})"
            found.append({"device": "", "target": peer, "seconds": 0.0, "problem": problem})
        for name in names:
            start = time.monotonic()
            code, out, err = ask(["stonith_admin", "--query", name, "--timeout", str(round(seconds))], seconds + 2)
            problem = "" if code == 0 else (err or out).strip() or f"its monitor ended with {code}"
            took = round(time.monotonic() - start, 2)
            found.append({"device": name, "target": peer, "seconds": took, "problem": problem})
    return found


def versions(packages: list[str], seconds: float) -> dict[str, str]:
    if not packages:
        return {}
    out = ask(["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", *packages], seconds)[1]
    return dict(line.split(" ", 1) for line in out.splitlines() if " " in line)


def units(seconds: float) -> dict[str, str]:
    out = ask(["systemctl", "is-active", *UNITS], seconds)[1].split()
    return dict(zip(UNITS, out, strict=False))


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "mount_point": {"type": "path", "default": "/srv/mailroom"},
            "certificates": {
                "type": "list",
                "elements": "path",
                "default": ["/etc/mailroom/tls/host.crt", "/etc/mailroom/tls/ca.crt"],
            },
            "services": {"type": "list", "elements": "str", "default": ["smtp:25", "imap:993"]},
            "checks": {"type": "bool", "default": False},
            "fencing": {"type": "bool", "default": False},
            "packages": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 3},
        },
        supports_check_mode=True,
    )
    options = module.params
    seconds = options["timeout"]
    late = {"problem": f"no answer within {seconds:g} s"}
    jobs: dict[str, Callable[[], Any]] = {
        "cluster": lambda: cluster(seconds),
        "cib": lambda: ask(["cibadmin", "--query", "--scope", "resources"], seconds)[1],
        "links": lambda: ask(["corosync-cfgtool", "-s"], seconds)[1],
        "storage": lambda: storage(options["mount_point"]),
        "queue": lambda: queue(seconds),
        # A judgement may wait a little longer than a screen.
        "directory": lambda: directory(seconds, 5 if options["checks"] else 1),
        "units": lambda: units(seconds),
        "versions": lambda: versions(options["packages"], seconds),
        "certificates": lambda: [certificate(path, seconds) for path in options["certificates"]],
        # Several checkers, one after another.
        "checks": lambda: checks(seconds * 3) if options["checks"] else [],
    }
    found = together(jobs, seconds + 1 if not options["checks"] else seconds * 4)
    view = {name: found.get(name, late) for name in ("cluster", "units", "queue")}
    view["storage"] = found.get("storage", {"mounted": False, **late})
    view["directory"] = found.get("directory", {**NO_DIRECTORY, **late})
    view["certificates"] = found.get("certificates", [])
    view["versions"] = found.get("versions", {})
    view["checks"] = found.get("checks", [{"name": "everything", "command": "", **late}])
    if not view["storage"]["mounted"]:
        # The folder of the queue is not there, and what lies in its place is nobody's mail.
        view["queue"] = {"count": 0, "oldest": None, "problem": ""}
    nodes = view["cluster"].get("nodes", {})
    view["links"] = pair.links(found.get("links", ""), {node["id"]: name for name, node in nodes.items()})
    view["addresses"] = pair.addresses(found.get("cib", ""))
    services = [(address, *service.split(":")) for address in view["addresses"] for service in options["services"]]
    greetings = together(
        {
            f"{protocol} {address}": (lambda a=address, p=protocol, n=port: greeting(a, p, int(n), seconds / 2))
            for address, protocol, port in services
        },
        seconds,
    )
    view["greetings"] = {
        f"{protocol} {address}": greetings.get(f"{protocol} {address}", late["problem"])
        for address, protocol, _port in services
    }
    node = ask(["crm_node", "--name"], seconds)[1].strip() if nodes else ""
    node = node or socket.gethostname().partition(".")[0]
    tried = fencing(sorted(set(nodes) - {node}), seconds * 5) if options["fencing"] else []
    module.exit_json(changed=False, node=node, time=time.time(), fencing=tried, **view)


if __name__ == "__main__":
    main()
