# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail hosts: which one has the mail, where it lies there, and a daemon that is down without a take-over."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

# What the cluster calls the daemons that it runs.
RESOURCES = {"dovecot": "mail-dovecot", "postfix": "mail-postfix"}


class MailHost:
    """The testinfra host that has the mail at present, with the paths that its roles gave it."""

    def __init__(self, name: str, host: Any) -> None:
        self.name, self._host = name, host
        self.root: str = json.loads(host.file("/etc/mailroom/store.json").content_string)["mail_root"]
        self.queue: str = host.check_output("postconf -h queue_directory")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._host, name)

    def remove_mail(self, *domains: str) -> None:
        self.run(f"rm -rf {shlex.join(f'{self.root}/{domain}' for domain in domains)}")


def serving(hosts: Callable[[str], Any], info: dict[str, Any]) -> str:
    """The name of the host that has the mail and a running Dovecot; "" while none has."""
    names = info["pair"] or ["mail1"]
    found = [name for name in names if hosts(name).run("mailroom-store active").rc == 0]
    assert len(found) < 2, "two hosts have the mail"
    return found[0] if found else ""


@contextmanager
def stopped(host: Any, service: str) -> Iterator[None]:
    """Stop a service for a while. A cluster manager that runs it looks away meanwhile."""
    resource = RESOURCES.get(service)
    watched = resource is not None and host.run("command -v crm_resource").rc == 0
    change = f"crm_resource --resource {resource} --meta"
    if watched:
        host.check_output(f"{change} --set-parameter maintenance --parameter-value true && crm_resource --wait")
    try:
        host.check_output(f"systemctl stop {service}")
        yield
    finally:
        host.check_output(f"systemctl start {service}")
        if watched:
            host.check_output(f"{change} --delete-parameter maintenance && crm_resource --wait")


class Pair:
    """The two nodes, moved and switched off as an administrator would."""

    def __init__(self, hosts: Callable[[str], Any], info: dict[str, Any], wait_for: Callable[..., Any]) -> None:
        self.hosts, self.info, self.wait_for = hosts, info, wait_for
        self.names: list[str] = info["pair"]

    @property
    def active(self) -> str:
        return self.wait_for(lambda: serving(self.hosts, self.info), "a node has the mail", 60)

    @property
    def passive(self) -> str:
        active = self.active
        return next(name for name in self.names if name != active)

    def nodes(self) -> tuple[MailHost, Any]:
        """The node that has the mail, and the other one."""
        return MailHost(self.active, self.hosts(self.active)), self.hosts(self.passive)

    def move(self, to: str) -> None:
        """Let a node have the mail, if it does not have it."""
        if self.active == to:
            return
        host = self.hosts(to)
        host.check_output(f"crm_resource --resource mail --move --node {to} && crm_resource --wait --timeout 60")
        host.check_output("crm_resource --resource mail --clear")
        self.wait_for(lambda: serving(self.hosts, self.info) == to, f"{to} has the mail", 60)

    def start(self) -> None:
        self.hosts(self.names[0]).run("crm_resource --resource mail --meta --delete-parameter target-role")

    @contextmanager
    def off(self) -> Iterator[None]:
        """No node has the mail, as while it moves, only longer."""
        any_node = self.hosts(self.names[0])
        change = "crm_resource --resource mail --meta --set-parameter target-role --parameter-value Stopped"
        try:
            any_node.check_output(f"{change} && crm_resource --wait --timeout 60")
            yield
        finally:
            self.start()
            self.wait_for(lambda: serving(self.hosts, self.info), "a node has the mail again", 60)
