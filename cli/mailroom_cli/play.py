# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook, as a rule that of accounts, and tell what came of it. Ansible does the work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mailroom.codec import decode

from . import project
from .context import Context
from .errors import INVALID, OK, REFUSED, Failure

_CALLBACKS = project.ROOT / "cli" / "callback_plugins"
# How much of Ansible's own output is shown when it fails for a reason of its own.
_LAST_LINES = 30
# How the message begins if a gate stops the plan.
_REFUSED = "Refused, nothing was written."


@dataclass
class Wishes:
    """What a run is asked for: variables of the play, a limit of hosts, more arguments for ansible-playbook."""

    variables: dict[str, Any] = field(default_factory=dict)
    limit: str = ""
    rest: Sequence[str] = ()


@dataclass
class Outcome:
    """What came of a run. `result` is that of the task that counts, {} if it was not reached."""

    code: int
    output: str
    results: list[dict[str, Any]]
    # The module of the task that counts.
    module: str = "mail_accounts"

    @property
    def result(self) -> dict[str, Any]:
        # The last one counts: the first may only have asked how much mail there is.
        found = [line["result"] for line in self.results if line["module"] == self.module]
        return _whole(found[-1]) if found else {}

    @property
    def text(self) -> str:
        """The plan as the module shows it."""
        diff = self.result.get("diff") or {}
        parts = diff if isinstance(diff, list) else [diff]
        return "".join(part.get("prepared", "") for part in parts) or f"{self.result.get('summary', '')}\n"

    def failure(self) -> Failure | None:
        """What went wrong, in the words of the task that failed."""
        if not self.code:
            return None
        failed = [line for line in self.results if line["status"] != "ok"]
        if not failed:
            lines = self.output.splitlines()[-_LAST_LINES:]
            return Failure(f"ansible-playbook ended with {self.code}", findings=lines)
        last = failed[-1]
        result = last["result"]
        first, _line, others = str(result.get("msg", "no message")).partition("\n")
        # A module that crashed; the last line of its traceback says most.
        others += "\n".join(str(result.get("module_stderr", "")).splitlines()[-1:])
        details = {"plan": _whole(result)["plan"], "summary": result.get("summary")} if "plan" in result else {}
        if result.get("findings"):
            return Failure(first, code=INVALID, findings=others.splitlines())
        if first == _REFUSED:
            return Failure(first, code=REFUSED, findings=others.splitlines(), details=details)
        where = f"{last['host']}: {last['task']}: "
        return Failure(where + first, findings=others.splitlines(), details=details)


def run(
    context: Context,
    wishes: Wishes,
    *,
    check: bool,
    playbook: Path = project.PLAYBOOK,
    module: str = "mail_accounts",
) -> Outcome:
    """Run a playbook; the result of its task with `module` counts. Raises Failure if it cannot be started."""
    command = ["ansible-playbook", str(playbook), "--inventory", str(context.inventory), "--diff"]
    if check:
        command.append("--check")
    if wishes.limit:
        command += ["--limit", wishes.limit]
    # Without this Ansible gets no more steps than it can carry fast.
    variables = {**wishes.variables, "mailroom_whole_plan": True}
    if context.accounts_named:
        variables["mailroom_accounts_dir"] = str(context.accounts.resolve())
    command += ["--extra-vars", json.dumps(variables, ensure_ascii=False)]
    with tempfile.TemporaryDirectory(prefix="mailroom-") as scratch:
        file = Path(scratch) / "results"
        done = _start([*command, *wishes.rest], file)
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    return Outcome(done.returncode, done.stdout or "", [json.loads(line) for line in text.splitlines()], module)


def apply(context: Context, wishes: Wishes, before: Mapping[str, Any] | None = None) -> int:
    """Apply the account files and tell what was done; `before` is what an edit has to say in the same JSON."""
    outcome = run(context, wishes, check=False)
    if (failure := outcome.failure()) is not None:
        raise failure
    result = outcome.result
    if result.get("changed"):
        context.print(outcome.text)
        writes, fresh = result.get("writes", 0), result.get("pending") or []
        context.note(f"Applied with {writes} {'write' if writes == 1 else 'writes'} to the directory.")
        if fresh:
            context.note(f"One-time passwords were made for: {', '.join(fresh[:5])}{' ...' if len(fresh) > 5 else ''}")
    else:
        context.note("Nothing to apply.")
    for warning in result.get("warnings", []):
        context.note(f"warning: {warning}")
    facts = {key: result.get(key) for key in ("changed", "summary", "writes", "pending", "plan", "actions", "warnings")}
    context.data({**before, "applied": facts} if before is not None else {"ok": True, **facts})
    return OK


def _whole(result: Mapping[str, Any]) -> dict[str, Any]:
    """A result of mail_accounts with all steps in its plan, also those of a large plan, which come packed."""
    whole = dict(result)
    if packed := whole.pop("steps_packed", None):
        whole["plan"] = {"steps": decode(packed), **whole["plan"]}
    return whole


def _start(command: Sequence[str], file: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{project.ROOT / '.venv' / 'bin'}:{os.environ.get('PATH', '')}",
        "ANSIBLE_CONFIG": os.environ.get("ANSIBLE_CONFIG") or str(project.ANSIBLE_CONFIG),
        "ANSIBLE_CALLBACK_PLUGINS": str(_CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "mailroom_result",
        "MAILROOM_RESULT": str(file),
        # Ansible wants a locale that knows UTF-8, and so do names in account files.
        "LC_ALL": "C.UTF-8",
    }
    verbose = any(word.startswith("-v") for word in command)
    try:
        return subprocess.run(
            command,
            check=False,
            text=True,
            env=environment,
            # Standard output is for the result; who wants to see Ansible at work finds it on standard error.
            stdout=sys.stderr if verbose else subprocess.PIPE,
            stderr=None if verbose else subprocess.STDOUT,
        )
    except FileNotFoundError:
        raise Failure("ansible-playbook is not installed", f"run make -C {project.ROOT} .setup") from None
