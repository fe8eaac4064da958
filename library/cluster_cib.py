#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Pacemaker's whole configuration as one planned, previewed and reversible change."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_cib
short_description: Bring Pacemaker's configuration to a desired state
description:
  - Reads the live configuration, builds the desired one from data, and shows the difference as a plan.
  - Asks Pacemaker's own checker and agents whether it is right, and its simulation what it would stop or move.
  - Writes one patch, which the cluster refuses if somebody else wrote meanwhile, and waits until all runs.
  - Touches only what it made itself, which the tag V(mailroom-owned) in the configuration lists. The rest is reported.
options:
  fencing: {description: Whether nodes are fenced. False is for tests only., type: bool, default: true}
  properties: {description: Cluster properties., type: dict, default: {}}
  resource_defaults: {description: Meta attributes of all resources., type: dict, default: {}}
  operation_defaults: {description: Attributes of all operations., type: dict, default: {}}
  fence_devices: {description: "Fencing devices, without secrets.", type: list, elements: dict, default: []}
  secrets: {description: Secret parameters of fencing devices by their name., type: dict, default: {}}
  fence_levels: {description: Orders in which devices are tried., type: list, elements: dict, default: []}
  resources: {description: Resources in order., type: list, elements: dict, default: []}
  groups: {description: Groups of resources., type: list, elements: dict, default: []}
  clones: {description: Resources that run on several nodes., type: list, elements: dict, default: []}
  constraints: {description: Locations and orders., type: list, elements: dict, default: []}
  allow_removals: {description: Objects that may be removed., type: list, elements: str, default: []}
  allow_interruptions: {description: Resources that may be stopped or moved., type: list, elements: str, default: []}
  settle_seconds: {description: How long to wait for the cluster to do what was asked., type: int, default: 180}
attributes:
  check_mode: {support: full, description: Shows the plan and the preview.}
  diff_mode: {support: full, description: Secrets are masked.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Run a daemon on one of two nodes
  cluster_cib:
    fence_devices:
      - {name: fence-a, agent: fence_ipmilan, host: a, parameters: {ip: 192.0.2.1, username: fencing}}
      - {name: fence-b, agent: fence_ipmilan, host: b, parameters: {ip: 192.0.2.2, username: fencing}, delay: 2s}
    secrets: {fence-a: {password: "{{ secret_a }}"}, fence-b: {password: "{{ secret_b }}"}}
    resources:
      - {name: web, agent: "systemd:nginx", operations: [{name: monitor, interval: 10s, timeout: 20s}]}
"""

RETURN = r"""
plan: {description: What changes, type: dict, returned: always}
summary: {description: The plan in one line, type: str, returned: always}
preview: {description: What the cluster does about it, type: list, returned: always}
epoch: {description: Version of the configuration afterwards, type: str, returned: always}
"""

import os
import shutil
import time
from typing import Any

# Mitogen sends along only modules that are named in full: all that run on the target are named here.
import ansible.module_utils.mailroom.cib
import ansible.module_utils.mailroom.cib_build
import ansible.module_utils.mailroom.cib_elements
import ansible.module_utils.mailroom.cib_live
import ansible.module_utils.mailroom.cluster
import ansible.module_utils.mailroom.cluster_values
import ansible.module_utils.mailroom.plan
import ansible.module_utils.mailroom.render
import ansible.module_utils.mailroom.steps  # noqa: F401
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom import cib, cib_live
from ansible.module_utils.mailroom.cib_build import CibError, build

DICTS = ("properties", "resource_defaults", "operation_defaults")
LISTS = ("fence_devices", "fence_levels", "resources", "groups", "clones", "constraints")
WORDS = ("allow_removals", "allow_interruptions")
# cibadmin, when somebody else wrote since we read (EX_OLD, and "not found" of what a patch wants to change).
TRIES = 5


class Cluster:
    """Pacemaker's own tools."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.counter = 0

    def run(self, *command: str, data: str | None = None, ok: tuple[int, ...] = (0,)) -> str:
        code, out, err = self.module.run_command(list(command), data=data)
        if code not in ok:
            raise CibError(f"{' '.join(command)}: {(err.strip() or out.strip())[-1500:]}")
        return out

    def file(self, text: str) -> str:
        """A file that only root reads: a configuration may have passwords in it."""
        self.counter += 1
        path = os.path.join(self.module.tmpdir, f"cib-{os.getpid()}-{self.counter}.xml")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            stream.write(text)
        self.module.add_cleanup_file(path)
        return path

    def live(self) -> str:
        return self.run("cibadmin", "--query")

    def status(self) -> cib_live.Status:
        return cib_live.status(self.run("crm_mon", "--one-shot", "--inactive", "--output-as=xml"))

    def formed(self, seconds: float) -> bool:
        """Whether the cluster has a coordinator and quorum, within some seconds: before, nothing can be said."""

        def check() -> bool:
            status = self.status()
            return status.coordinator != "" and status.quorum

        try:
            return self.wait(seconds, check)
        except CibError as error:
            self.module.debug(str(error))
            return False

    @staticmethod
    def wait(seconds: float, check: Any) -> bool:
        end, pause = time.monotonic() + seconds, 0.1
        while True:
            try:
                if check():
                    return True
            except CibError:
                if time.monotonic() >= end:
                    raise
            if time.monotonic() >= end:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 1)

    def verify(self, text: str) -> None:
        code, out, err = self.module.run_command(["crm_verify", "--verbose", "--xml-file", self.file(text)])
        if code:
            raise CibError(f"Pacemaker refuses the new configuration, nothing was changed: {(out + err).strip()}")

    def simulate(self, text: str) -> list[cib_live.Action]:
        command = ("crm_simulate", "--run", "--output-as=xml", "--xml-file", self.file(text))
        return cib_live.actions(self.run(*command))

    def parameters(self, element: Any) -> dict[str, tuple[str, ...]] | None:
        """What an agent accepts, by its own word; None for what has no agent with parameters."""
        kind = element.get("class")
        if kind == "stonith":
            command = ["stonith_admin", "--metadata", "--agent", element.get("type")]
            agent = element.get("type")
        elif kind == "ocf":
            agent = f"ocf:{element.get('provider')}:{element.get('type')}"
            command = ["crm_resource", "--show-metadata", agent]
        else:
            return None
        code, out, err = self.module.run_command(command)
        if code or "<resource-agent" not in out:
            raise CibError(
                f"{element.get('id')}: there is no agent {agent} on this host ({(err or out).strip()[:200]})"
            )
        return cib_live.parameters(out[out.index("<resource-agent") :], agent)

    def patch(self, old: str, new: str) -> bool:
        """Write what differs, as one change. False if somebody else wrote meanwhile."""
        code, patch, err = self.module.run_command(["crm_diff", "--original", self.file(old), "--new", self.file(new)])
        if code not in (0, 1) or not patch.strip():
            raise CibError(f"crm_diff made no patch: {err.strip() or code}")
        code, out, err = self.module.run_command(["cibadmin", "--patch", "--xml-file", self.file(patch)])
        if code:
            if cib.version(self.live()) != cib.version(old):
                return False
            raise CibError(f"the cluster refused the patch, nothing was changed: {(err + out).strip()}")
        return True


def _wrong(cluster: Cluster, touched: list[Any]) -> list[str]:
    known: dict[tuple[str, ...], dict[str, tuple[str, ...]] | None] = {}
    lines = []
    for element in touched:
        agent = tuple(str(element.get(part)) for part in ("class", "provider", "type"))
        if agent not in known:
            known[agent] = cluster.parameters(element)
        if known[agent] is not None:
            lines += cib_live.wrong_parameters(element, known[agent])
    return lines


def _remarks(module: AnsibleModule, plan: Any, faults: list[str]) -> None:
    """Say in every run what is not ours, or was changed by hand for a while, and what of ours does not run."""
    for item in plan.drift:
        module.warn(f"{item.what}, left alone: {item}")
    for fault in faults:
        module.warn(fault)


def _settle(module: AnsibleModule, cluster: Cluster, wanted: set[str], result: dict[str, Any]) -> None:
    """Wait until the cluster has nothing left to do; fail with the reason of what does not run."""
    began, last = time.monotonic(), []

    def settled() -> bool:
        last[:] = cib_live.pending(cluster.simulate(cluster.live()))
        return not last

    done = cluster.wait(module.params["settle_seconds"], settled)
    result["settled_after"] = round(time.monotonic() - began, 1)
    faults = cib_live.not_running(cluster.status(), wanted)
    if not done:
        still = "; ".join(map(str, last))
        faults.insert(
            0, f"The cluster has not settled in {module.params['settle_seconds']} s, it still wants to: {still}"
        )
    if faults:
        words = ["The configuration was written, and not all that it wants runs.", *faults]
        # The plan has been carried out; what matters now are the reasons.
        module.fail_json(msg="\n".join(words), **{**result, "plan": {}, "preview": []})


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "fencing": {"type": "bool", "default": True},
            **{name: {"type": "dict", "default": {}} for name in DICTS},
            **{name: {"type": "list", "elements": "dict", "default": []} for name in LISTS},
            **{name: {"type": "list", "elements": "str", "default": []} for name in WORDS},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "settle_seconds": {"type": "int", "default": 180},
        },
        supports_check_mode=True,
    )
    cluster = Cluster(module)
    try:
        _main(module, cluster)
    except CibError as error:
        module.fail_json(msg=str(error))


def _main(module: AnsibleModule, cluster: Cluster) -> None:
    options = module.params
    desired = build({name: options[name] for name in ("fencing", *DICTS, *LISTS)}, options["secrets"])
    ready = shutil.which("cibadmin", path=os.environ["PATH"] + ":/usr/sbin:/sbin") is not None
    if not ready and not module.check_mode:
        raise CibError("Pacemaker is not installed on this host; the role's main tasks do that")
    if ready and not cluster.formed(0 if module.check_mode else 60):
        if not module.check_mode:
            raise CibError("the cluster has no coordinator with quorum after 60 s; see crm_mon and corosync-quorumtool")
        ready = False
    if not ready:
        module.warn("There is no cluster here yet; this check compares with an empty configuration.")

    for _try in range(TRIES):
        live = cluster.live() if ready else cib.EMPTY
        outcome = cib.compare(desired, live, options["allow_removals"])
        plan = outcome.plan
        result: dict[str, Any] = {
            "plan": plan.as_dict(),
            "summary": plan.summary,
            "preview": [],
            "epoch": cib.version(live),
            "changed": False,
        }
        text, refusals = plan.text(), list(map(str, plan.refusals))
        if plan.changed and ready:
            if wrong := _wrong(cluster, outcome.touched):
                raise CibError("\n".join(["Nothing was changed.", *wrong]))
            if not refusals:
                cluster.verify(outcome.xml)
            already, then = cluster.simulate(live), cluster.simulate(outcome.xml)
            result["preview"] = [str(item) for item in then]
            text = "".join(f"preview: {item}\n" for item in then) + text
            # A fencing device that starts again interrupts nobody.
            ended = cib_live.interruptions(already, then, plan_resources(desired, fencing=False))
            refusals += cib.interrupted(ended, options["allow_interruptions"])
        if module._diff:
            result["diff"] = {"prepared": text} if plan.changed else {}
        if refusals:
            # Of a task that fails no diff is shown.
            words = ["Refused, nothing was changed.", *refusals, *(f"preview: {item}" for item in result["preview"])]
            module.fail_json(msg="\n".join(words), **result)
        if not plan.changed or module.check_mode:
            result["changed"] = plan.changed
            _remarks(module, plan, cib_live.not_running(cluster.status(), plan_resources(desired)) if ready else [])
            module.exit_json(**result)
        if cluster.patch(live, outcome.xml):
            break
    else:
        raise CibError(f"somebody else wrote to the cluster's configuration {TRIES} times while this run tried to")
    _remarks(module, plan, [])
    result.update(changed=True, epoch=cib.version(cluster.live()))
    _settle(module, cluster, plan_resources(desired), result)
    module.exit_json(**result)


def plan_resources(desired: Any, *, fencing: bool = True) -> set[str]:
    """The names of all resources that the data wants to run."""
    return {str(item.get("id")) for item in desired.primitives() if fencing or item.get("class") != "stonith"}


if __name__ == "__main__":
    main()
