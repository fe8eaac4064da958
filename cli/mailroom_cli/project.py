# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: the project's own files, the inventory, and the account files that belong to it."""

from __future__ import annotations

import configparser
import os
from pathlib import Path

import yaml

from .errors import USAGE, Failure

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "schemas" / "domain.schema.json"
DELEGATION_SCHEMA = ROOT / "schemas" / "delegation.schema.json"
DNS_PLAYBOOK = ROOT / "playbooks" / "dns.yml"
RECORDS_PLAYBOOK = ROOT / "playbooks" / "ops" / "dns-records.yml"
PLAYBOOK = ROOT / "playbooks" / "accounts.yml"
ANSIBLE_CONFIG = ROOT / "ansible.cfg"

_VARIABLE = "mailroom_accounts_dir"
_HERE = "{{ inventory_dir }}"


def inventory(given: str | None) -> Path:
    """The inventory: as given, from ANSIBLE_INVENTORY, or that of the configuration. Raises Failure."""
    chosen = given or os.environ.get("ANSIBLE_INVENTORY") or _configured("inventory")
    path = Path(chosen)
    if not path.exists():
        raise Failure(f"{chosen}: no such inventory", "name one with --inventory", code=USAGE)
    return path


def accounts(given: str | None, inventory_file: Path) -> Path:
    """The folder of account files: as given, from MAILROOM_ACCOUNTS, or what the inventory says. Raises Failure."""
    chosen = given or os.environ.get("MAILROOM_ACCOUNTS") or _of_inventory(inventory_file)
    path = Path(chosen)
    if not path.exists():
        raise Failure(f"{chosen}: no such folder of account files", "name one with --accounts", code=USAGE)
    return path


def vault_password_file() -> str | None:
    """The file of the vault password that Ansible would use, if one is set."""
    return os.environ.get("ANSIBLE_VAULT_PASSWORD_FILE") or _configured("vault_password_file") or None


def shown(path: Path | str) -> str:
    """A path as findings show it: relative if it is below the current folder."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _configured(name: str) -> str:
    """A path that ansible.cfg sets."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(os.environ.get("ANSIBLE_CONFIG") or ANSIBLE_CONFIG, encoding="utf-8")
    value = parser.get("defaults", name, fallback="")
    return str(ROOT / value) if value else ""


def _of_inventory(inventory_file: Path) -> str:
    """What the variable mailroom_accounts_dir is, as far as that can be told without Ansible."""
    folder = inventory_file if inventory_file.is_dir() else inventory_file.parent
    everyone = folder / "group_vars" / "all"
    for file in (everyone.with_suffix(".yml"), *sorted(everyone.glob("*.yml"))):
        value = _variable(file)
        if value:
            value = value.replace(_HERE, str(folder))
            if "{{" in value:
                raise Failure(f"{file}: {_VARIABLE} is computed by Ansible", "name the folder with --accounts")
            return value
    return str(folder / "accounts")


def _variable(file: Path) -> str:
    """The variable in one file of variables, "" if it does not say. Other lines may be anything that Ansible takes."""
    if not file.is_file() or _VARIABLE not in (text := file.read_text(encoding="utf-8", errors="replace")):
        return ""
    lines = [line for line in text.splitlines() if line.startswith(f"{_VARIABLE}:")]
    data = yaml.safe_load(lines[-1]) if lines else {}
    return str(data.get(_VARIABLE) or "")
