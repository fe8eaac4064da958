# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of dns_zones on the primary: from the arguments to the result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from ansible.module_utils.mailroom.codec import decode
from ansible.module_utils.mailroom.limits import Limits
from ansible.module_utils.mailroom.zones.limits import Allowed
from ansible.module_utils.mailroom.zones.model import VIEWS, Zone, ZoneKey, from_data
from ansible.module_utils.mailroom.zones.names import absolute
from ansible.module_utils.mailroom.zones.plan import File, Outcome, plan_zones
from ansible.module_utils.mailroom.zones.read import Live
from ansible.module_utils.mailroom.zones.served import (
    catalog,
    catalog_key,
    catalog_name,
    list_name,
    listed,
    zone_lists,
)
from ansible.module_utils.mailroom_named import Named, NamedError, Staged, updatable
from ansible.module_utils.mailroom_result import described, judge

# Mitogen sends along only what is named in full, outside of functions: all that runs on the target is named here.
if TYPE_CHECKING:
    import ansible.module_utils.mailroom.addresses
    import ansible.module_utils.mailroom.collector
    import ansible.module_utils.mailroom.plan
    import ansible.module_utils.mailroom.render
    import ansible.module_utils.mailroom.steps
    import ansible.module_utils.mailroom.zones.files
    import ansible.module_utils.mailroom.zones.gates
    import ansible.module_utils.mailroom.zones.rdata
    import ansible.module_utils.mailroom.zones.render
    import ansible.module_utils.mailroom.zones.serial
    import ansible.module_utils.mailroom.zones.special
    import ansible.module_utils.mailroom.zones.strings  # noqa: F401


class ZonesRun:
    """`module` has the arguments of dns_zones."""

    def __init__(self, module: Any, named: Named) -> None:
        self._module, self._named, self._params = module, named, module.params
        self._today = date.fromisoformat(self._params["today"])
        self._zones = from_data(decode(self._params["zones"]))
        self._times: dict[str, float] = {}
        self._started = self._lap = time.monotonic()

    def finish(self) -> None:
        """Do it, and end the module with the result."""
        params, named = self._params, self._named
        shared = updatable(self._zones.values()) | named.updated()
        live = named.live(shared)
        self._time("read")
        outcome = self._plan(self._zones, live, remarks=tuple(params["remarks"]))
        lists, catalogs = self._lists(), self._catalogs()
        waiting = named.pending()
        self._time("plan")
        result = {**described(outcome.plan, whole=params["whole_plan"]), "loaded": [], "lists": sorted(lists)}
        judge(self._module, outcome.plan, result)
        with named.staged(outcome.files, self._module.tmpdir if self._module.check_mode else None) as staged:
            self._check(staged, result)
            self._time("check")
            if not self._module.check_mode:
                result["loaded"] = self._apply(
                    _Work(named, outcome, live, lists, catalogs, waiting), staged, shared, result
                )
                self._time("write")
        result["seconds"] = {**self._times, "all": round(time.monotonic() - self._started, 3)}
        for remark in outcome.plan.remarks:
            self._module.warn(remark)
        changed = bool(outcome.plan.changed or outcome.files or lists or catalogs or waiting is not None)
        self._module.exit_json(changed=changed, **result)

    def _plan(
        self, zones: Mapping[ZoneKey, Zone], live: Mapping[ZoneKey, str | Live], remarks: tuple[str, ...] = ()
    ) -> Outcome:
        params = self._params
        words = ("record_removals", "zone_removals", "nameserver_removals", "mail_removals", "tlsa_breaks", "adoptions")
        allowed = {word: params[f"allow_{word}"] for word in words}
        special = [*params["allow_special_addresses"], *params["special"]]
        return plan_zones(
            zones,
            live,
            today=self._today,
            limits=Limits.of(params["limits"]),
            allowed=Allowed(**allowed, special_addresses=special),
            documentation=params["documentation"],
            remarks=remarks,
        )

    def _lists(self) -> dict[str, str]:
        """The lists of zones that are not as they shall be, by view."""
        params = self._params
        policies = {absolute(name): policy for name, policy in params["dnssec_policies"].items()}
        wanted = zone_lists(
            self._zones.values(), params["folder"], params["catalog_suffix"], policies, params["signed_views"]
        )
        return {view: text for view, text in wanted.items() if self._named.text(list_name(view)) != text}

    def _catalogs(self) -> dict[ZoneKey, File]:
        """The catalogs that are not as they shall be, by their zone."""
        suffix, found = self._params["catalog_suffix"], {}
        for view in VIEWS:
            names = [key.name for key in self._zones if key.view == view]
            if file := catalog(view, suffix, names, self._named.text(catalog_name(view)), self._today):
                found[catalog_key(view, suffix)] = file
        return found

    def _check(self, staged: Staged, result: dict[str, Any]) -> None:
        if not self._named.has_checkers():
            if self._module.check_mode:
                self._module.warn("BIND is not installed yet, so the new zone files were not checked.")
                return
            self._module.fail_json(msg="named-checkzone is not installed: run the role bind first.", **result)
        if problems := self._named.check(staged):
            told = "\n".join(["named-checkzone refuses these zones, nothing was written:", *problems])
            self._module.fail_json(msg=told, written=False, **result)

    def _apply(self, work: _Work, staged: Staged, shared: set[ZoneKey], result: dict[str, Any]) -> list[str]:
        """Write and load; return the zones that named loaded."""
        try:
            frozen = work.freeze(shared)
            try:
                # A frozen zone cannot change any more: what was added to it since it was read is kept.
                again = self._plan({key: self._zones[key] for key in frozen}, self._named.live(frozen))
                work.put(staged, {key: again.files.get(key) for key in frozen})
            finally:
                work.thaw()
            return [str(key) for key in work.load()]
        except NamedError as error:
            self._module.fail_json(msg=str(error), **result)

    def _time(self, what: str) -> None:
        now = time.monotonic()
        self._times[what], self._lap = round(now - self._lap, 3), now


class _Work:
    """What a plan makes to do: files to write, zones to load, and what to take back where that fails.

    `waiting` are zones that a run before this one wrote and perhaps never loaded; None if there was no such run.
    """

    def __init__(
        self,
        named: Named,
        outcome: Outcome,
        live: Mapping[ZoneKey, str | Live],
        lists: Mapping[str, str],
        catalogs: Mapping[ZoneKey, File],
        waiting: set[ZoneKey] | None,
    ) -> None:
        self._named, self._live, self._lists, self._catalogs = named, live, lists, catalogs
        self._anew = bool(lists) or waiting is not None
        self._old_lists = {view: named.text(list_name(view)) or "" for view in VIEWS}
        # Zones that named serves by the list that it has; it loads others when it reads the new one.
        self._known = {ZoneKey(view, name) for view, text in self._old_lists.items() for name in listed(text)}
        self._gone = outcome.removals
        groups = {step.group for step in outcome.plan.steps}
        # Files whose comments alone change keep their serial, and need no loading.
        self._changed = {key for key in outcome.files if str(key) in groups} | ((waiting or set()) & live.keys())
        # Zones that others change too, and those of them that cannot be changed for the moment.
        self._shared: set[ZoneKey] = set()
        self._frozen: set[ZoneKey] = set()
        self.files = dict(outcome.files)

    def freeze(self, shared: set[ZoneKey]) -> set[ZoneKey]:
        """Stop updates of zones that are about to change, as far as named takes any; return those."""
        self._shared = shared
        self._frozen = {key for key in sorted(self.files.keys() & shared & self._known) if self._named.freeze(key)}
        return set(self._frozen)

    def thaw(self) -> None:
        """Have named read frozen zones, and take updates again."""
        for key in sorted(self._frozen):
            self._named.thaw(key)

    def put(self, staged: Staged, frozen: Mapping[ZoneKey, File | None]) -> None:
        """Put all files in place, or leave all as they were if named-checkconf refuses the lists.

        `frozen` has other files for zones that were frozen, None for what needs no change any more.
        """
        named = self._named
        named.note(self._changed)
        # What named wrote of a zone of that name before it went would not fit the new file.
        named.remove(self.files.keys() - self._live.keys())
        # The journal of a zone that others change is their only copy; of a frozen one named sees to it itself.
        named.forget_journals((self.files.keys() - self._frozen) | (self._changed - self._shared))
        named.put(staged, frozen)
        for key, file in frozen.items():
            if file is None:
                self._changed.discard(key)
            else:
                self.files[key] = file
                named.restore(key, file.text)
        for key, file in self._catalogs.items():
            named.write(catalog_name(key.view), file.text)
        for view, text in self._lists.items():
            named.write(list_name(view), text)
        if self._lists and (problem := named.check_configuration()):
            for view in self._lists:
                named.write(list_name(view), self._old_lists[view])
            self._take_back(self._changed)
            named.done()
            raise NamedError(f"named-checkconf refuses the new lists of zones; all is as it was: {problem}")

    def load(self) -> list[ZoneKey]:
        """Tell named, see that it serves what it was told, and return the zones that it loaded."""
        named = self._named
        if self._anew:
            named.reconfigure()
        known = self._known if self._lists else self._changed
        refused = named.load((self._changed & known) - self._frozen)
        serials = {key: file.serial for key, file in self.files.items() if key in self._changed - refused.keys()}
        failed = [*refused, *named.not_loaded(serials)]
        self._take_back(failed)
        named.load([key for key in failed if key in self._live])
        # Secondaries hear of new zones when these can be transferred already.
        named.load([key for key in self._catalogs if key in self._known])
        named.remove(self._gone)
        # Of these the files are right, so no plan would bring them up again.
        if left := [key for key in failed if key not in self.files]:
            named.note(left)
        else:
            named.done()
        if failed:
            told = ", ".join(f"{key} ({refused[key]})" if key in refused else str(key) for key in failed[:10])
            raise NamedError(
                f"named did not load {told}: these are as they were, the others are done. Its journal says why "
                "(journalctl -u named)."
            )
        return sorted(self._changed)

    def _take_back(self, keys: Iterable[ZoneKey]) -> None:
        for key in keys:
            old = self._live.get(key)
            if isinstance(old, str):
                self._named.restore(key, old)
            elif old is None:
                self._named.remove([key])
