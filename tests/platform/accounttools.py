# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the lab's account files to change, and plays with single steps."""

from __future__ import annotations

import base64
import imaplib
import json
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from conftest import ROOT, PlaybookRun
from mailtools import SUFFIX
from scratch_directory import FOLDER

BASE = f"ou=domains,{SUFFIX}"
PLAY = "playbooks/accounts.yml"
SEARCH = "ldapsearch -LLL -Q -Y EXTERNAL -H ldapi:/// -o ldif-wrap=no"


def content(provider: Any, base: str = BASE) -> str:
    """A hash of all entries below `base` with their operational attributes."""
    # What log-ins of others leave behind is not what a run writes.
    found = provider.run(f"set -o pipefail; {SEARCH} -b {shlex.quote(base)} '*' '+' | grep -v ^pwd | sha256sum")
    assert found.rc == 0, found.stderr
    return found.stdout


def attribute(provider: Any, dn: str, name: str) -> str:
    """The value of an attribute; "" if it is not there."""
    text = provider.run(f"{SEARCH} -s base -b {shlex.quote(dn)} {name}").stdout
    found = re.search(rf"^{name}(::?) (.*)$", text, re.MULTILINE)
    if not found:
        return ""
    return base64.b64decode(found[2]).decode() if found[1] == "::" else found[2]


def logs_in(mail: Any, user: str, password: str) -> bool:
    """Whether IMAP takes the password; anything but a clear yes or no is an error."""
    try:
        mail.imap(user, password).logout()
    except imaplib.IMAP4.error as error:
        assert "AUTHENTICATIONFAILED" in str(error)  # noqa: PT017
        return False
    return True


def packed(run: Callable[[dict[str, str]], Any], provider: Callable[[str], str], name: str) -> str:
    """A call of the module as Ansible packs it for a host: the same as a run of the play, without its start.

    `run` runs the play with these variables of the environment. The call is kept in the second directory's folder.
    """
    home = "/root/.ansible/tmp"
    provider(f"rm -rf {home}")
    run({"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0", "MAILROOM_STRATEGY": "linear"})
    provider(f"mv $(ls -t {home}/*/AnsiballZ_mail_accounts.py | head -1) {FOLDER}/{name} && rm -rf {home}")
    return f"{FOLDER}/{name}"


class AccountFiles:
    """The lab's account files copied to a folder, with one file of our own beside them."""

    def __init__(self, playbook: Any, folder: Path, domain: str) -> None:
        self.playbook, self.domain = playbook, domain
        self.folder = folder / "accounts"
        self.passwords = folder / "passwords.json"
        shutil.copytree(ROOT / "inventories/lab/accounts", self.folder)
        self.file = self.folder / f"{domain}.yml"

    @property
    def where(self) -> tuple[str, str]:
        """What tells a playbook to use these files."""
        places = {"mailroom_accounts_dir": str(self.folder), "mailroom_passwords_file": str(self.passwords)}
        return "-e", json.dumps(places)

    def write(self, data: dict[str, Any] | str) -> None:
        self.file.write_text(data if isinstance(data, str) else yaml.safe_dump(data, allow_unicode=True))

    def apply(
        self, *arguments: str, allow: dict[str, int] | None = None, reuse: Sequence[str] = (), **options: Any
    ) -> PlaybookRun:
        """Run the play; `allow` are removals by domain, `reuse` addresses that may go to somebody else."""
        variables = {"mailroom_allow_removals": allow or {}, "mailroom_allow_reuse": list(reuse)}
        return self.playbook(PLAY, *arguments, *self.where, "-e", json.dumps(variables), **options)


class Steps:
    """Plays made of steps (module, its arguments), with what each step came to."""

    def __init__(self, playbook: Any, folder: Path) -> None:
        self.playbook, self.folder = playbook, folder

    def run(self, steps: list[tuple[str, dict[str, Any]]], secrets: dict[str, str] | None = None) -> PlaybookRun:
        tasks = [
            {"name": f"Step {number}", module: arguments, "ignore_errors": True}
            for number, (module, arguments) in enumerate(steps)
        ]
        play = {"hosts": "directory_provider", "gather_facts": False, "become": True, "tasks": tasks}
        (self.folder / "steps.yml").write_text(yaml.safe_dump([play], sort_keys=False))
        (self.folder / "secrets.json").write_text(json.dumps(secrets or {}))
        return self.playbook(str(self.folder / "steps.yml"), "-vvv", "--diff", "-e", f"@{self.folder / 'secrets.json'}")

    @staticmethod
    def outcomes(run: PlaybookRun) -> list[str]:
        """ok, changed or fatal of each step in turn."""
        return re.findall(r"^(ok|changed|fatal): \[ldap1\]", run.output, re.MULTILINE)
