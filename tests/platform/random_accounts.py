# SPDX-License-Identifier: GPL-3.0-or-later
"""Account files drawn at random: few names, so that two sets meet in addresses, names and kinds of objects."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml
from mailroom.cache import Cache
from mailroom.prepare import Preparation, Prepared
from many_accounts import NO_PASSWORD

DOMAINS = ("one.random.test", "two.random.test", "bücher.random.test")
FURTHER_NAME = "three.random.test"
NAMES = ("ann", "anna", "joann", "bob", "sales", "team", "ül", "post.box")
OUTSIDE = "partner@elsewhere.example"
STATES = ("active", "active", "active", "disabled", "quarantined", "absent")


def draw(chance: random.Random, before: dict[str, Any] | None = None) -> dict[str, Any]:
    """Files by domain. Mailboxes of `before` may come back under other names. Not all sets are valid."""
    files: dict[str, Any] = {}
    for domain in chance.sample(DOMAINS, chance.randint(1, len(DOMAINS))):
        data: dict[str, Any] = {"domain": domain, "mailboxes": {}, "shared": {}, "groups": {}, "aliases": {}}
        for name in chance.sample(NAMES, chance.randint(1, len(NAMES))):
            _object(chance, data, name)
        free = [name for name in NAMES if not any(name in data[kind] for kind in ("mailboxes", "shared", "groups"))]
        owners = [*data["mailboxes"].values(), *data["shared"].values()]
        for name in free[: chance.randint(0, 2)]:
            if name not in data["aliases"] and owners:
                chance.choice(owners).setdefault("aliases", []).append(name)
        data["aliases"] |= {"postmaster": [OUTSIDE], "abuse": [OUTSIDE]}
        if chance.random() < 0.3:
            data["catch_all"] = [OUTSIDE]
        if chance.random() < 0.3:
            data["defaults"] = {"quota": chance.choice(["1G", "2G"]), "services": {"pop3": False}}
        files[domain] = {key: value for key, value in data.items() if value}
    if chance.random() < 0.4:
        chance.choice(list(files.values()))["alias_domains"] = [FURTHER_NAME]
    _renames(chance, files, before or {})
    return files


def _object(chance: random.Random, data: dict[str, Any], name: str) -> None:
    kind = chance.choice(["mailbox", "mailbox", "mailbox", "shared", "group", "alias"])
    if kind == "alias":
        data["aliases"][name] = [OUTSIDE]
    elif kind == "group":
        data["groups"][name] = {"name": name.title(), "members": [OUTSIDE]}
        if chance.random() < 0.5:
            data["groups"][name]["posters"] = "internal"
    else:
        box: dict[str, Any] = {"name": chance.choice(["Ann Lee", "Bob Öz"])}
        optional: dict[str, Any] = {"quota": chance.choice(["1G", "3G", "unlimited"]), "forwards": [OUTSIDE]}
        if kind == "mailbox":
            box |= {"state": chance.choice(STATES), "password": NO_PASSWORD}
            optional |= {"title": chance.choice(["Chief", "Clerk"]), "phone": "+49 30 1"}
        for field in chance.sample(sorted(optional), chance.randint(0, 2)):
            box[field] = optional[field]
        data["shared" if kind == "shared" else "mailboxes"][name] = box


def _renames(chance: random.Random, files: dict[str, Any], before: dict[str, Any]) -> None:
    """Say of some mailboxes that they had a name before that is free now."""
    gone = [
        f"{name}@{domain}"
        for domain, data in before.items()
        if domain in files
        for name in data.get("mailboxes", {})
        if not any(name in files.get(domain, {}).get(kind, ()) for kind in ("mailboxes", "shared", "groups", "aliases"))
    ]
    new = [
        box
        for domain, data in files.items()
        for name, box in data.get("mailboxes", {}).items()
        if box["state"] != "absent" and name not in before.get(domain, {}).get("mailboxes", {})
    ]
    for old, box in zip(chance.sample(gone, len(gone)), chance.sample(new, len(new)), strict=False):
        if chance.random() < 0.6:
            box["renamed_from"] = old


def prepared(files: dict[str, Any], folder: Path, schema: Path, base: str, day: Any) -> Prepared:
    """What the provider is sent for a set, or what is wrong with it."""
    for file in folder.glob("*.yml"):
        file.unlink()
    for domain, data in files.items():
        (folder / f"{domain}.yml").write_text(yaml.safe_dump(data, allow_unicode=True, sort_keys=False))
    return Preparation(str(folder), str(schema), None, Cache(str(folder / ".cache")), day).run(base)
