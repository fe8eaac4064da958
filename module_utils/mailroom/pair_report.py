# SPDX-License-Identifier: GPL-3.0-or-later
"""One screen about the mail pair and the directory: what is, and what needs somebody's attention."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .pair import lag
from .pair_rules import Pair, Rules
from .promotion import host_of, read_record

_WIDTH = 100


@dataclass(frozen=True)
class Alarms:
    """From when on something needs attention: shares in percent, ages in seconds."""

    disk: float = 85
    inodes: float = 85
    days: float = 14
    queue_count: int = 1000
    queue_age: float = 4 * 3600
    lag: float = 10


class Report:
    """What `playbooks/ops/status.yml` shows. `views` are those of all hosts; `nodes` names the pair's."""

    def __init__(
        self,
        views: Mapping[str, Mapping[str, Any]],
        nodes: Sequence[str],
        directories: Sequence[str],
        rules: Rules,
        alarms: Alarms | None = None,
    ) -> None:
        self.alarms = alarms or Alarms(lag=rules.max_lag)
        self.views = views
        self.directories = list(directories)
        self.pair = Pair({name: views.get(name, {}) for name in nodes}, rules)
        everybody = Pair(views, rules)
        self.blind, self.seen = everybody.blind, everybody.seen
        self.now = max((view["time"] for view in self.seen.values()), default=0.0)
        self.attention = list(dict.fromkeys(self._attention()))

    # --- what is wrong -------------------------------------------------------------------------------------------

    def _attention(self) -> Iterator[str]:
        for name, reason in self.blind.items():
            yield f"{name} cannot be asked: {reason}"
        if self.pair.names:
            yield from self._pair_attention()
        yield from self._directory_attention()
        for name, view in self.seen.items():
            for item in view["certificates"]:
                if item["days"] is None:
                    yield f"{name}: {item['path']} cannot be read: {item['problem']}"
                elif item["days"] < self.alarms.days:
                    yield f"{name}: {item['path']} ends in {item['days']:.0f} days."

    def _pair_attention(self) -> Iterator[str]:
        pair = self.pair
        yield from pair.disturbed()
        if pair.said and not pair.active:
            yield "Nobody has the mail: neither node that can be asked has the shared file system mounted."
        for view in pair.said.values():
            for key, item in pair.members(view).items():
                if item["role"] != "Started":
                    yield f"{key} is {item['role'].lower() or 'not started'}."
        for name in pair.names:
            # A node that cannot be asked was named already.
            if name in pair.seen:
                yield from (text for text in pair.unfit(name) if "directory" not in text)
        for name, states in ((name, set(pair.said_of(name).values())) for name in pair.blind):
            yield from (f"{name} is {state}." for state in sorted(states - {"online"}))
        yield from pair.unfenced()
        yield from (text for text in pair.warnings() if "provider" not in text)
        for target, event in self._last_fencings().items():
            if event["status"] == "failed":
                yield f"The last fencing of {target} failed ({event['reason'] or event['completed']})."
        for name in pair.active:
            yield from self._active_attention(name)

    def _active_attention(self, name: str) -> Iterator[str]:
        view = self.seen[name]
        for service, problem in view["greetings"].items():
            if problem:
                yield f"{service} does not serve: {problem}"
        storage, queue = view["storage"], view["queue"]
        if storage["problem"]:
            yield f"{name}: {storage['problem']}"
        elif not storage["writable"]:
            yield f"{name}: the shared file system is mounted read-only."
        else:
            for what, limit, share in (
                ("space", self.alarms.disk, _share(storage["size"], storage["free"])),
                ("inodes", self.alarms.inodes, _share(storage["inodes"], storage["inodes_free"])),
            ):
                if share >= limit:
                    yield f"The shared file system has used {share:.0f} % of its {what}."
        if queue.get("problem"):
            yield f"{name}: the queue cannot be read: {queue['problem']}"
        elif queue["count"] > self.alarms.queue_count:
            yield f"The queue has {queue['count']} messages."
        if queue.get("oldest") and self.now - queue["oldest"] > self.alarms.queue_age:
            yield f"The oldest message in the queue is {age(self.now - queue['oldest'])} old."

    def _directory_attention(self) -> Iterator[str]:
        providers = [name for name in self._answering() if self.seen[name]["directory"]["role"] == "provider"]
        if len(providers) > 1:
            yield f"{' and '.join(providers)} both take changes to the directory: there must be one provider."
        for name in self.directories:
            if name not in self.seen:
                continue
            have = self.seen[name]["directory"]
            if have["problem"]:
                yield f"{name}: its directory does not answer: {have['problem']}"
            elif not have["csn"]:
                yield f"{name}: its copy of the directory is not complete."
            elif (behind := self._behind(name) or 0.0) > self.alarms.lag:
                yield f"{name}: its directory is {behind:.0f} s behind."
            if have["provider_problem"]:
                yield f"{name} does not reach its directory's provider {have['provider']}: {have['provider_problem']}"
            if have["read_only"]:
                yield f"{name}: its directory takes no changes at the moment (olcReadOnly)."

    def _answering(self) -> list[str]:
        return [name for name in self.directories if name in self.seen and not self.seen[name]["directory"]["problem"]]

    def _behind(self, name: str) -> float | None:
        have = self.seen[name]["directory"]
        if have["role"] == "provider":
            # After a crash it tells an older change than its replicas have, until the next one is made.
            return 0.0
        newest = have["provider_csn"] or max(self.seen[one]["directory"]["csn"] for one in self._answering())
        return lag(have["csn"], newest)

    def _last_fencings(self) -> dict[str, Mapping[str, Any]]:
        """Return the last fencing of each node; crm_mon tells the newest first."""
        found: dict[str, Mapping[str, Any]] = {}
        for view in self.pair.said.values():
            for event in view["fencings"]:
                if event["completed"] >= found.get(event["target"], {"completed": ""})["completed"]:
                    found.setdefault(event["target"], event)
        return found

    # --- the screen ----------------------------------------------------------------------------------------------

    def text(self) -> str:
        """Return the screen; lines about what is wrong begin with an exclamation mark."""
        count = len(self.attention)
        state = "all is well" if not count else f"{count} thing{'s need' if count > 1 else ' needs'} attention"
        moment = datetime.fromtimestamp(self.now, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if self.seen else "?"
        lines = [f"{moment}  {state}", ""]
        for label, rows in self._rows():
            for number, row in enumerate(rows):
                lines.append(f"  {label if not number else '':<13}{row}")
        if count:
            lines += ["", *(f"! {text}" for text in self.attention)]
        return "\n".join(lines)

    def _rows(self) -> Iterator[tuple[str, list[str]]]:
        if self.pair.names:
            yield from self._pair_rows()
        else:
            yield "pair", ["none in this inventory (group cluster)"]
        yield "directory", [self._directory_row(name) for name in self.directories]
        days = [
            f"{name} {min(found):.0f} days"
            for name, view in self.seen.items()
            if (found := [item["days"] for item in view["certificates"] if item["days"] is not None])
        ]
        yield "certificates", [", ".join(days) or "none could be read"]

    def _pair_rows(self) -> Iterator[tuple[str, list[str]]]:
        pair = self.pair
        view = next((pair.said[name] for name in pair.active if name in pair.said), None)
        view = view or next(iter(pair.said.values()), None)
        services: dict[str, list[str]] = {}
        for name in pair.active:
            for service, problem in self.seen[name]["greetings"].items():
                protocol, _space, address = service.partition(" ")
                if not problem:
                    services.setdefault(address, []).append(protocol)
        serving = "; ".join(f"{address} {' '.join(found)}" for address, found in services.items())
        yield "active", [f"{' and '.join(pair.active) or 'nobody'}{f' ({serving})' if serving else ''}"]
        if view is None:
            yield "cluster", ["no node that can be asked runs it"]
        else:
            states = [f"{name} {view['nodes'].get(name, {}).get('state', 'unknown')}" for name in pair.names]
            quorum = "quorum" if view["quorum"] else "no quorum"
            yield "nodes", [f"{', '.join(states)}; {quorum}, coordinator {view['dc'] or 'none'}"]
            yield "links", [", ".join(self._links()) or "none"]
            members = pair.members(view)
            started = [key for key, item in members.items() if item["role"] == "Started"]
            missing = [key for key in members if key not in started]
            yield (
                "resources",
                [f"{len(started)} of {len(members)} started{f'; not: {chr(32).join(missing)}' if missing else ''}"],
            )
            yield "fencing", list(self._fencing_rows(view)) or ["no device"]
        for name in pair.active:
            yield from self._active_rows(name)

    def _links(self) -> Iterator[str]:
        numbers: dict[int, set[str]] = {}
        for view in self.pair.seen.values():
            for link in view["links"]:
                numbers.setdefault(link["link"], set()).update(link["peers"].values())
        for number, states in sorted(numbers.items()):
            yield f"{number} {' / '.join(sorted(states)) or 'alone'}"

    def _fencing_rows(self, view: Mapping[str, Any]) -> Iterator[str]:
        last = self._last_fencings()
        for key, item in view["resources"].items():
            if item["agent"].startswith("stonith:"):
                works = item["role"] == "Started" and not item["failed"]
                where = f"watched by {' '.join(item['nodes'])}" if item["nodes"] else item["role"].lower()
                yield f"{key} {'works' if works else 'DOES NOT WORK'} ({where})"
        for target, event in sorted(last.items()):
            yield f"last {event['action']} of {target}: {event['status']} {event['completed']}".rstrip()
        if not last:
            yield "nobody was fenced as far as the cluster remembers"

    def _active_rows(self, name: str) -> Iterator[tuple[str, list[str]]]:
        storage, queue = self.seen[name]["storage"], self.seen[name]["queue"]
        oldest = f", the oldest {age(self.now - queue['oldest'])}" if queue.get("oldest") else ""
        yield "queue", [f"{queue.get('count', '?')} messages{oldest}"]
        if storage.get("size"):
            used = _share(storage["size"], storage["free"])
            inodes = _share(storage["inodes"], storage["inodes_free"])
            free, size = _size(storage["free"]), _size(storage["size"])
            yield "disk", [f"{used:.0f} % used, {free} free of {size}; inodes {inodes:.0f} % used"]

    def _directory_row(self, name: str) -> str:
        if name not in self.seen:
            return f"{name}: cannot be asked"
        have = self.seen[name]["directory"]
        if have["problem"]:
            return f"{name}: does not answer"
        record = read_record(have["record"])
        if have["role"] == "provider":
            since = f", provider since {record.since}" if record.provider == name else ""
            return f"{name}: provider, newest change {have['csn'].partition('#')[0] or 'none'}{since}"
        behind = self._behind(name)
        late = f"{behind:.0f} s behind" if behind else "up to date"
        text = "not complete" if behind is None else late
        reached = "" if have["provider_csn"] else ", does not reach it"
        return f"{name}: replica of {host_of(have['provider'])}, {text}{reached}"

    def as_dict(self) -> dict[str, Any]:
        """Return the same as data."""
        return {
            "well": not self.attention,
            "attention": self.attention,
            "time": self.now,
            "active": self.pair.active,
            "hosts": {
                name: {"unreachable": self.blind[name]}
                if name in self.blind
                else {
                    key: self.seen[name][key]
                    for key in (
                        *("cluster", "links", "storage", "queue", "certificates", "directory", "greetings", "units"),
                    )
                }
                for name in self.views
            },
        }


def _share(whole: float, free: float) -> float:
    return 100 * (whole - free) / whole if whole else 0.0


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} TiB"


def age(seconds: float) -> str:
    """Return a time in the largest unit of which there are two."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0):.0f} seconds"
