# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tools of a mail pair print, as plain data: Pacemaker, Corosync, the queue, certificates, change numbers.

Nothing is asked here, so that everything can be tried with recorded output.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from xml.etree import ElementTree

# What a node of the cluster can be, the worst first; `crm_mon` tells them one by one.
_STATES = ("unclean", "pending", "maintenance", "standby")
# Agents that move addresses: our own and that of resource-agents.
_ADDRESS_AGENTS = ("address", "IPaddr2")
_LINK = re.compile(r"^LINK ID (\d+)")
_ADDRESS = re.compile(r"^\s+addr\s*=\s*(\S+)")
_PEER = re.compile(r"^\s+nodeid:\s*(\d+):\s*(\S.*?)\s*$")
_CSN = re.compile(r"^(\d{14})(?:\.(\d{1,6}))?Z#")
# What a daemon's checker writes before a line that matters, also where it ends with 0.
_COMPLAINT = re.compile(r"(?:^|\s)\(?(?:warning|error|fatal|panic)\b[:)]", re.IGNORECASE)


class Unreadable(ValueError):
    """A tool answered something else than it should; the text says what."""


def cluster(text: str) -> dict[str, Any]:
    """Return what `crm_mon --output-as=xml` tells. Raises Unreadable if it is no such text."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - our own tool, and no network or entities are behind it
    except ElementTree.ParseError as error:
        raise Unreadable(f"crm_mon printed no XML: {error}") from error
    if (away := root.find("crm-mon-disconnected")) is not None:
        raise Unreadable(f"Pacemaker does not answer: {away.get('description') or away.get('pacemakerd-state') or '?'}")
    centre, options = root.find("summary/current_dc"), root.find("summary/cluster_options")
    if centre is None or options is None:
        raise Unreadable("crm_mon printed no summary")
    return {
        "dc": centre.get("name", ""),
        "quorum": _true(centre, "with_quorum"),
        "mixed": _true(centre, "mixed_version"),
        # Pacemaker 3.0.0 says stonith, newer ones say fencing.
        "fencing": _true(options, "stonith-enabled") or _true(options, "fencing-enabled"),
        "maintenance": _true(options, "maintenance-mode"),
        "stopped": _true(options, "stop-all-resources"),
        "nodes": {node.get("name", ""): _node(node) for node in root.findall("nodes/node")},
        "resources": dict(_resources(root.find("resources"))),
        "failures": [_failure(item) for item in root.findall("failures/failure")],
        "fencings": [_fencing(item) for item in root.findall("fence_history/fence_event")],
        "bans": [{key: item.get(key, "") for key in ("id", "resource", "node")} for item in root.findall("bans/ban")],
    }


def _true(element: ElementTree.Element, name: str) -> bool:
    return element.get(name) == "true"


def _node(element: ElementTree.Element) -> dict[str, Any]:
    states = [name for name in _STATES if _true(element, name) or _true(element, f"{name}_onfail")]
    state = states[0] if states else "online"
    if not _true(element, "online") and state not in ("unclean", "pending"):
        state = "offline"
    return {"id": element.get("id", ""), "state": state, "standby": _true(element, "standby")}


def _resources(above: ElementTree.Element | None, group: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for element in above if above is not None else ():
        if element.tag == "group":
            yield from _resources(element, element.get("id", ""))
        elif element.tag == "resource":
            yield (
                element.get("id", ""),
                {
                    "agent": element.get("resource_agent", ""),
                    "group": group,
                    "role": element.get("role", ""),
                    "wanted": element.get("target_role", ""),
                    "nodes": [node.get("name", "") for node in element.findall("node")],
                    "pending": element.get("pending", ""),
                    **{key: _true(element, key) for key in ("managed", "failed", "blocked")},
                },
            )


def _failure(element: ElementTree.Element) -> dict[str, Any]:
    # fence-mail1_monitor_60000: names of resources may have such signs in them, so it is read from the end.
    resource, task, _interval = (element.get("op_key") or element.get("id") or "__").rsplit("_", 2)
    reason = element.get("exitreason") or element.get("exitstatus") or element.get("status") or ""
    when = element.get("last-rc-change", "")
    return {"resource": resource, "task": task, "node": element.get("node", ""), "reason": reason, "when": when}


def _fencing(element: ElementTree.Element) -> dict[str, Any]:
    keys = ("target", "action", "status", "delegate", "completed")
    found = {key: element.get(key, "") for key in keys}
    return found | {"reason": element.get("exit-reason") or element.get("extended-status") or ""}


def addresses(text: str) -> list[str]:
    """Return the addresses that the cluster moves, in order, from the XML of `cibadmin`."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - as above
    except ElementTree.ParseError:
        return []
    moved = (item for item in root.iter("primitive") if item.get("type") in _ADDRESS_AGENTS)
    pairs = (pair for item in moved for pair in item.iter("nvpair") if pair.get("name") == "ip")
    return list(dict.fromkeys(pair.get("value", "") for pair in pairs))


def links(text: str, names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return Corosync's links from `corosync-cfgtool -s`, with the state of each other node (`names` by number)."""
    found: list[dict[str, Any]] = []
    for line in text.splitlines():
        if match := _LINK.match(line):
            found.append({"link": int(match[1]), "address": "", "peers": {}})
        elif found and (match := _ADDRESS.match(line)):
            found[-1]["address"] = match[1]
        elif found and (match := _PEER.match(line)) and match[2] != "localhost":
            found[-1]["peers"][names.get(match[1], match[1])] = match[2]
    return found


def complaint(code: int, output: str) -> str:
    """Return what a daemon's checker does not like, in one line; "" if it likes everything."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    bad = [line for line in lines if _COMPLAINT.search(line)]
    if code or bad:
        return (bad or lines or [f"it ended with {code}"])[0]
    return ""


def queue(lines: Iterable[str]) -> dict[str, Any]:
    """Return number and arrival of the oldest message from `postqueue -j`."""
    count, oldest = 0, None
    for line in lines:
        try:
            arrived = int(json.loads(line)["arrival_time"])
        except (ValueError, KeyError, TypeError):
            continue
        count += 1
        oldest = arrived if oldest is None else min(oldest, arrived)
    return {"count": count, "oldest": oldest}


def certificate_days(text: str, now: float) -> float:
    """Return the days left from `openssl x509 -enddate`; negative if it has ended. Raises Unreadable."""
    _name, _sign, date = text.strip().partition("=")
    try:
        end = datetime.strptime(date, "%b %d %H:%M:%S %Y GMT").replace(tzinfo=UTC)
    except ValueError as error:
        raise Unreadable(f"no end date: {text.strip() or 'nothing'}") from error
    return (end.timestamp() - now) / 86400


def csn_time(csn: str) -> float | None:
    """Return when a change was made, in seconds since 1970; None for no change number."""
    match = _CSN.match(csn)
    if not match:
        return None
    moment = datetime.strptime(match[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC).timestamp()
    return moment + int((match[2] or "0").ljust(6, "0")) / 1e6


def lag(behind: str, ahead: str) -> float | None:
    """Return the seconds between the newest changes of a replica and its provider; 0 if it is not behind."""
    have, want = csn_time(behind), csn_time(ahead)
    if have is None or want is None:
        return None
    return max(0.0, want - have)


def greets(protocol: str, line: str) -> bool:
    """Return whether the first line of a server is that of one at work."""
    if protocol == "smtp":
        # 421 4.7.0: Postfix is at work, and this client came too often.
        return line.startswith(("220 ", "220-", "421 4.7.0 "))
    return line.startswith({"imap": "* OK", "pop3": "+OK", "sieve": '"'}[protocol])


def outage(attempts: Iterable[tuple[float, bool]]) -> float:
    """Return the seconds from the last good answer before a gap to the first good one after it; the longest gap.

    `attempts` are moments and whether a server answered well. A gap at the end counts up to the last attempt.
    """
    good = last = None
    longest, failed = 0.0, False
    for last, well in attempts:
        if well and failed and good is not None:
            longest = max(longest, last - good)
        if well:
            good, failed = last, False
        else:
            failed = True
    if failed and good is not None and last is not None:
        longest = max(longest, last - good)
    return longest
