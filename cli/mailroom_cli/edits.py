# SPDX-License-Identifier: GPL-3.0-or-later
"""How every command that changes account files ends: show the change, check it, write it, perhaps apply it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from mailroom.addresses import domain_to_unicode

from . import play
from .context import Context
from .errors import INVALID, OK, Failure
from .workspace import DomainFiles, Workspace, split_address


def finish(
    context: Context,
    options: argparse.Namespace,
    workspace: Workspace,
    action: str,
    target: str,
    notes: Sequence[str] = (),
) -> int:
    """Show, check and write what the workspace holds; returns the exit code. Raises Failure.

    `action` is the command in words, `target` what it was done to, `notes` are said to people afterwards.
    """
    diff = workspace.diff()
    result = {"ok": True, "action": action, "target": target, "changed": bool(diff), "dry_run": options.dry_run}
    if not diff:
        context.note(f"{target}: nothing to change")
    else:
        context.note(diff)
        bad, remarks = workspace.check()
        if bad:
            raise Failure(
                f"{action} {target}: this would bring errors", "nothing was written", code=INVALID, findings=bad
            )
        for remark in remarks:
            context.note(f"warning: {remark}")
        result["warnings"] = [str(remark) for remark in remarks]
        if not options.dry_run:
            workspace.write()
            for note in notes:
                context.note(note)
    result["diff"] = diff
    if options.apply and not options.dry_run:
        try:
            return play.apply(context, play.Wishes(), before=result)
        except Failure as failure:
            failure.details["edit"] = result
            failure.hint = failure.hint or "the account files are changed; apply them again with: mailroom apply"
            raise
    context.data(result)
    return OK


def reference(text: str, domain: DomainFiles) -> str:
    """An address as it is written into a file of a domain: the local part is enough for one of its own."""
    if "@" not in text:
        return text.lower()
    local, name = split_address(text)
    return local if name == domain.name else f"{text.strip().rpartition('@')[0]}@{domain_to_unicode(name)}"
