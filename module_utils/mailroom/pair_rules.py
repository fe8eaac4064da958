# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be done with a mail pair now, judged by what its nodes say of themselves and of each other.

A view is what the module `pair_status` returned for a host, or how Ansible failed to get one. Each judgement returns
sentences that say what stands in the way; none means that it may be done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .pair import lag

# Names of views that were not to be had are told with Ansible's own words, which may be long.
_SHORT = 160


@dataclass(frozen=True)
class Rules:
    """What is the installation's choice. Seconds; `unfenced` for a cluster that is declared a test without fencing."""

    group: str = "mail"
    max_lag: float = 10
    unfenced: bool = False


@dataclass
class Verdict:
    """Whether something may be done: refusals, what is worth knowing anyway, and whether there is anything to do."""

    refused: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    needed: bool = True
    facts: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        # One reason may be found by two ways.
        refused, warnings = list(dict.fromkeys(self.refused)), list(dict.fromkeys(self.warnings))
        return {"refused": refused, "warnings": warnings, "needed": self.needed, **self.facts}


class Pair:
    """The two nodes as they are now."""

    def __init__(self, views: Mapping[str, Mapping[str, Any]], rules: Rules | None = None) -> None:
        self.rules = rules or Rules()
        self.views = views
        self.names = sorted(views)
        self.blind = {name: reason for name in self.names if (reason := blind(views[name]))}
        self.seen = {name: views[name] for name in self.names if name not in self.blind}
        # What each node that runs the cluster says of it.
        self.said = {name: view["cluster"] for name, view in self.seen.items() if view["cluster"].get("nodes")}
        # A node that cannot be asked has the mail if the cluster says so; else what is mounted counts.
        self.active = [name for name in self.names if self._has_mail(name)]

    def _has_mail(self, name: str) -> bool:
        if name in self.seen:
            return bool(self.seen[name]["storage"]["mounted"])
        return any(name in item["nodes"] for view in self.said.values() for item in self.members(view).values())

    def other(self, name: str) -> str:
        return next((one for one in self.names if one != name), "")

    def known(self, name: str) -> list[str]:
        """Return a refusal if there is no node of that name, or no pair."""
        if len(self.names) != 2:
            return [f"This is no pair: the group cluster has {len(self.names)} hosts."]
        if name not in self.names:
            return [f"There is no node {name or '(no name given)'}: the pair is {' and '.join(self.names)}."]
        return []

    def said_of(self, name: str) -> dict[str, str]:
        """Return what each node with a running cluster says of the state of `name`."""
        return {who: view["nodes"].get(name, {}).get("state", "unknown") for who, view in self.said.items()}

    def runs_on(self, name: str) -> bool:
        """Return whether the node has the mail or any part of the group, by any account."""
        return name in self.active or any(
            name in resource["nodes"] for view in self.said.values() for resource in self.members(view).values()
        )

    def members(self, view: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
        """Return the resources of the group."""
        return {key: item for key, item in view["resources"].items() if item["group"] == self.rules.group}

    # --- parts of judgements -------------------------------------------------------------------------------------

    def unfit(self, name: str, *, standby_is_fine: bool = False) -> Iterator[str]:
        """Yield why a node could not take the service over."""
        if name in self.blind:
            yield f"{name} cannot be asked: {self.blind[name]}"
            return
        view = self.seen[name]
        if name not in self.said:
            yield f"{name}: the cluster does not run there: {view['cluster'].get('problem') or 'no answer'}"
        for who, state in self.said_of(name).items():
            if state != "online" and not (standby_is_fine and state == "standby"):
                yield f"{name} is {state}, says {who}." + (_STANDBY if state == "standby" else "")
        yield from self.replica_faults(name)
        for check in view.get("checks", []):
            if check["problem"]:
                yield f"{name}: the configuration of {check['name']} is not good: {check['problem']}"
        for failure in self.failures(name):
            yield (
                f"{name}: {failure['resource']} failed there ({failure['task']}: {failure['reason']}). Look into it, "
                f"then: crm_resource --cleanup --resource {failure['resource']} --node {name}"
            )
        for view in self.said.values():
            for ban in view["bans"]:
                if ban["node"] == name and ban["resource"] in {self.rules.group, *self.members(view)}:
                    yield (
                        f"{name}: the constraint {ban['id']} keeps {ban['resource']} away from it. If it is left over: "
                        f"crm_resource --clear --resource {ban['resource']} --node {name}"
                    )

    def failures(self, name: str) -> list[Mapping[str, Any]]:
        """Return failures of the group that the cluster remembers of a node, each once."""
        found = {}
        for view in self.said.values():
            members = self.members(view)
            for failure in view["failures"]:
                if failure["node"] == name and failure["resource"] in members:
                    found[failure["resource"], failure["task"]] = failure
        return list(found.values())

    def replica_faults(self, name: str) -> Iterator[str]:
        """Yield what is wrong with the directory on a node; daemons there could not work with it."""
        have = self.seen[name]["directory"]
        if have["problem"]:
            yield f"{name}: its directory does not answer: {have['problem']}"
        elif not have["csn"]:
            yield f"{name}: its copy of the directory is not complete yet."
        else:
            for ahead, csn in self.ahead(name):
                behind = lag(have["csn"], csn)
                if behind is not None and behind > self.rules.max_lag:
                    yield f"{name}: its directory is {behind:.0f} s behind {ahead} ({have['csn']}, {csn})."

    def ahead(self, name: str) -> Iterator[tuple[str, str]]:
        """Yield what the directory of a node has to be measured by: its provider, else the other node's copy."""
        mine = self.seen[name]["directory"]
        if mine["provider_csn"]:
            yield f"its provider {mine['provider']}", mine["provider_csn"]
        elif (other := self.other(name)) in self.seen:
            theirs = self.seen[other]["directory"]
            yield f"that of {other}", theirs["provider_csn"] or theirs["csn"]

    def disturbed(self) -> Iterator[str]:
        """Yield what would keep the cluster from doing what it is told, whichever node it is about."""
        if not self.said:
            yield "The cluster runs on neither node that can be asked."
        for who, view in self.said.items():
            if not view["quorum"]:
                yield f"The part of the cluster that {who} sees has no quorum."
            if view["maintenance"]:
                yield "The cluster is in maintenance mode, so it moves nothing (property maintenance-mode)."
            if view["stopped"]:
                yield "The cluster is told to run nothing (property stop-all-resources)."
            if not view["dc"]:
                yield f"The cluster has no coordinator at the moment, says {who}."
            for key, item in self.members(view).items():
                if item["blocked"] or (item["failed"] and item["nodes"]):
                    yield f"{key} has failed on {' and '.join(item['nodes']) or 'no node'}, says {who}."
                if not item["managed"]:
                    yield f"{key} is not managed by the cluster at the moment."
                if item["wanted"] and item["wanted"].lower() == "stopped":
                    yield f"{key} is told to be stopped (target-role)."
        if len(self.active) > 1:
            yield f"Both {' and '.join(self.active)} say that they have the mail: see to the fencing first."

    def unfenced(self) -> Iterator[str]:
        """Yield why a node might not be fenced."""
        if self.rules.unfenced:
            return
        for who, view in self.said.items():
            if not view["fencing"]:
                yield "Fencing is switched off (property stonith-enabled)."
            devices = {key: item for key, item in view["resources"].items() if item["agent"].startswith("stonith:")}
            if not devices:
                yield "The cluster has no fencing device."
            for key, item in devices.items():
                reasons = [one["reason"] for one in view["failures"] if one["resource"] == key]
                if item["role"] != "Started" or item["failed"]:
                    because = f" ({reasons[-1]})" if reasons else ""
                    yield f"The fencing device {key} does not work{because}, says {who}."

    def warnings(self) -> Iterator[str]:
        """Yield what does not stand in the way of anything, but should be known."""
        for name, view in self.seen.items():
            for link in view["links"]:
                for peer, state in link["peers"].items():
                    if state != "connected":
                        yield f"Corosync's link {link['link']} ({link['address']}) of {name} to {peer} is {state}."
            if view["directory"]["provider_problem"]:
                uri = view["directory"]["provider"]
                yield f"The directory's provider {uri} does not answer {name}: accounts cannot be changed."
        for view in self.said.values():
            for failure in view["failures"]:
                item = view["resources"].get(failure["resource"], {})
                if item.get("role") == "Started" and item.get("agent", "").startswith("stonith:"):
                    yield (
                        f"{failure['resource']} works, but failed at {failure['when'] or 'some time'} "
                        f"({failure['reason']})."
                    )

    # --- judgements ----------------------------------------------------------------------------------------------

    def switch(self, target: str = "") -> Verdict:
        """May the service go to `target` (default: the node that does not have it)?"""
        verdict = Verdict(warnings=list(self.warnings()))
        refused = verdict.refused
        if not target and len(self.active) == 1:
            target = self.other(self.active[0])
        verdict.facts = {"target": target, "source": self.other(target)}
        if not self.active and not target:
            refused.append("Neither node that can be asked has the mail, so nothing can be switched. " + _NOWHERE)
            return verdict
        refused += self.known(target)
        if refused:
            return verdict
        if self.active == [target] and not list(self.disturbed()):
            verdict.needed = False
            return verdict
        if not self.active:
            refused.append("Neither node that can be asked has the mail, so nothing can be switched. " + _NOWHERE)
        refused += [*self.disturbed(), *self.unfit(target), *self.unfenced()]
        return verdict

    def out(self, name: str) -> Verdict:
        """May a node be taken out for maintenance?"""
        verdict = Verdict(warnings=list(self.warnings()), refused=self.known(name))
        verdict.facts = {"target": self.other(name), "source": name, "switch": self.runs_on(name)}
        if verdict.refused:
            return verdict
        other = self.other(name)
        states = {node: set(self.said_of(node).values()) for node in self.names}
        if self.said and states[name] <= {"standby", "offline"} and self.active == [other]:
            verdict.needed = False
            return verdict
        if idle := states[other] & {"standby", "offline"}:
            verdict.refused.append(
                f"{other} is {sorted(idle)[0]}: both nodes would be out, and nobody would have the mail."
            )
        verdict.refused += [*self.disturbed(), *self.unfit(other, standby_is_fine=bool(idle))]
        if self.runs_on(name):
            verdict.refused += self.unfenced()
        elif self.active != [other]:
            verdict.refused.append(f"{other} does not have the mail, so {name} must not go.")
        return verdict

    def back(self, name: str) -> Verdict:
        """May a node come back from maintenance? The cluster may be stopped on it, and its replica is waited for."""
        verdict = Verdict(warnings=list(self.warnings()), refused=self.known(name))
        verdict.facts = {"target": name, "source": self.other(name)}
        if verdict.refused:
            return verdict
        if name in self.blind:
            verdict.refused.append(f"{name} cannot be asked: {self.blind[name]}")
            return verdict
        states = set(self.said_of(name).values())
        verdict.needed = not (name in self.said and states == {"online"})
        for check in self.seen[name].get("checks", []):
            if check["problem"]:
                verdict.refused.append(f"{name}: the configuration of {check['name']} is not good: {check['problem']}")
        return verdict

    def fence(self, name: str) -> Verdict:
        """May a node be fenced on purpose, to see that it works?"""
        verdict = Verdict(warnings=list(self.warnings()), refused=self.known(name))
        other = self.other(name)
        verdict.facts = {"target": name, "source": other}
        if verdict.refused:
            return verdict
        if self.runs_on(name):
            verdict.refused.append(
                f"{name} has the mail: fencing it would cut the service off. Fence {other} instead, or switch first "
                "(playbooks/ops/failover.yml)."
            )
        elif self.active != [other]:
            verdict.refused.append(f"{other} does not have the mail: without {name} nobody might.")
        verdict.refused += [*self.disturbed(), *self.unfenced()]
        if other not in self.said:
            verdict.refused.append(f"The cluster does not run on {other}, which would do the fencing.")
        return verdict


_STANDBY = " To bring it back: playbooks/ops/maintenance.yml with its name and -e state=in."
_NOWHERE = "See docs/operations.md, `Nobody has the mail`."


def blind(view: Mapping[str, Any]) -> str:
    """Return why a view is none; "" for one that is."""
    if not view.get("unreachable") and not view.get("failed") and "storage" in view:
        return ""
    words = " ".join(str(view.get("msg") or "it was not asked").split())
    return words if len(words) <= _SHORT else words[: _SHORT - 3] + "..."
