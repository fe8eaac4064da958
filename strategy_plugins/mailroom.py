# SPDX-License-Identifier: GPL-3.0-or-later
"""Mitogen's strategy where it is installed and fits this ansible-core, else Ansible's own `linear`.

MAILROOM_STRATEGY chooses: `auto` (default), `linear`, or `mitogen` (an error where it cannot be used).
A plugin rather than a setting, so that plain `ansible-playbook` and every `make` target behave alike.
"""

from __future__ import annotations

import os

from ansible.errors import AnsibleError
from ansible.plugins.strategy import linear

DOCUMENTATION = """
name: mailroom
short_description: Mitogen where it works, plain linear otherwise
description:
  - Runs tasks through Mitogen's linear strategy if the Python package is there and supports this ansible-core.
  - The environment variable E(MAILROOM_STRATEGY) overrides the choice with V(linear) or V(mitogen).
author: Mailroom authors
"""

WANTED = os.environ.get("MAILROOM_STRATEGY", "auto")


def _mitogen() -> type | str:
    """Return Mitogen's strategy class, or the reason why it cannot be used."""
    try:
        import ansible_mitogen.loaders
        from ansible_mitogen.plugins.strategy.mitogen_linear import StrategyModule as MitogenStrategy
    except ImportError as error:
        return str(error)
    try:
        # Mitogen refuses, with a clear text, an ansible-core outside the range that it was tested with.
        ansible_mitogen.loaders.assert_supported_release()
    except AnsibleError as error:
        return str(error)
    return MitogenStrategy


if WANTED not in ("auto", "linear", "mitogen"):
    raise AnsibleError(f"MAILROOM_STRATEGY={WANTED!r} is unknown: use auto, linear or mitogen")

_found = "not asked for" if WANTED == "linear" else _mitogen()
if isinstance(_found, str):
    if WANTED == "mitogen":
        raise AnsibleError(f"MAILROOM_STRATEGY=mitogen, but Mitogen cannot be used: {_found}")
    StrategyModule = linear.StrategyModule
else:
    StrategyModule = _found
