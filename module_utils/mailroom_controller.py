# SPDX-License-Identifier: GPL-3.0-or-later
"""What controller halves of the DNS modules share: their arguments, and reading what zones are made of."""

from __future__ import annotations

import datetime
import os
from typing import Any

from ansible.errors import AnsibleError
from mailroom import cache
from mailroom.zones.inputs import Inputs, Where, read_inputs

SCHEMAS = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(__file__))), "schemas")
WORDS = {"type": "list", "elements": "str", "default": []}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "platform": {"type": "dict", "required": True},
    "path": {"type": "path", "required": True},
    "accounts": {"type": "path"},
    "dkim": {"type": "path"},
    "certificates": {"type": "dict", "default": {}},
}


def inputs(loader: Any, args: Any, today: datetime.date) -> Inputs:
    """Read what the arguments name, with Ansible's loader for paths and vaults."""

    def decrypt(envelope: bytes) -> bytes:
        try:
            return bytes(loader._vault.decrypt(envelope))
        except AnsibleError as error:
            raise ValueError(str(error).splitlines()[0]) from None

    def path(name: str) -> str:
        return str(loader.path_dwim(args[name])) if args.get(name) else ""

    where = Where(path("path"), path("accounts"), SCHEMAS, path("dkim"))
    kept = cache.Cache(cache.default_folder())
    return read_inputs(where, args["platform"], args.get("certificates") or {}, today, decrypt, kept)


def failure(found: Inputs) -> dict[str, Any] | None:
    """Return the result of a task whose data has errors, None if it has none."""
    if not found.errors:
        return None
    told = found.errors
    message = f"Errors in the data of DNS ({len(told)}), nothing was written:\n" + "\n".join(told)
    return {"failed": True, "msg": message, "findings": told}
