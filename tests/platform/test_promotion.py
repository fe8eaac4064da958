# SPDX-License-Identifier: GPL-3.0-or-later
"""A replica becomes the directory's provider, the lost provider comes back as a replica, and everything goes back."""

from __future__ import annotations

import re
import shutil

import pytest
from conftest import ROOT
from directorytools import SUFFIX, content, root

PLAY = "playbooks/ops/promote-directory.yml"
SERVERS = ("ldap1", "mail1", "mail2")
ENTRY = "dn: cn={0},ou=domains," + SUFFIX + "\nobjectClass: organizationalRole\ncn: {0}\n"


def said(run) -> str:
    return " ".join(run.output.replace("\\n", " ").split())


def has(host, name: str) -> bool:
    return root(host, f"ldapsearch -LLL -s base -b cn={name},ou=domains,{SUFFIX} dn").rc == 0


def role(host) -> str:
    found = root(host, "ldapsearch -LLL -b 'olcDatabase={1}mdb,cn=config' -s base olcSyncrepl").stdout
    return "replica of " + re.search(r"provider=ldaps://(\w+)", found)[1] if "olcSyncrepl" in found else "provider"


def roles(hosts) -> dict[str, str]:
    return {name: role(hosts(name)) for name in SERVERS}


@pytest.fixture(scope="module")
def inventory():
    """The inventory as the play says that it has to be after the promotion; beside the lab's, as paths are relative."""
    folder = ROOT / "inventories/promoted"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "inventories/lab", folder)
    file = folder / "hosts.yml"
    text = file.read_text()
    # ldap1 keeps its addresses, which stand where it is named first.
    lines = re.search(r"            ldap1:\n(?: {14}.*\n)+", text)[0]
    text = text.replace(lines, "            mail2:\n", 1)
    head, mark, tail = text.partition("        directory_replica:\n          hosts:\n")
    tail = tail.replace("            mail2:\n", lines, 1)
    file.write_text(head + mark + tail)
    try:
        yield ["-i", str(file)]
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def lost(hosts, playbook):
    """The provider dies, with a change that no replica has got. In the end it is the provider of all again."""
    ldap1 = hosts("ldap1")
    try:
        yield ldap1
    finally:
        ldap1.run("systemctl enable --now slapd")
        for name in SERVERS:
            for entry in ("ahead", "kept", "unseen", "while-away"):
                root(hosts(name), f"ldapdelete cn={entry},ou=domains,{SUFFIX}")
            hosts(name).run("rm -f /var/lib/mailroom/former-provider-*")
            root(hosts(name), f"ldapdelete cn=provider,{SUFFIX}")
        playbook("playbooks/directory.yml", ok=None)


@pytest.mark.thorough
def test_promotion_and_the_way_back(lost, hosts, playbook, inventory, wait_for):
    ldap1, mail2 = lost, hosts("mail2")

    # A provider that answers is not replaced, and nothing happens in any dry run.
    before = roles(hosts)
    assert before == {"ldap1": "provider", "mail1": "replica of ldap1", "mail2": "replica of ldap1"}
    run = playbook(PLAY, "-e", "host=mail2", ok=False)
    assert "Refused, nothing was changed. The provider ldap1 still answers (asked by ldap1, mail1, mail2)" in said(run)
    run = playbook(PLAY, ok=False)
    assert re.search(r"They are: (ldap1|mail1|mail2) \w+ \d{14}\.\d+Z;", said(run))

    # It goes with a change that mail1 has and mail2 has not: mail2 is refused.
    mail2.check_output("systemctl stop slapd")
    root(ldap1, "ldapadd", ENTRY.format("ahead"))
    wait_for(lambda: has(hosts("mail1"), "ahead"), "mail1 has the change")
    ldap1.check_output("systemctl stop slapd")
    mail2.check_output("systemctl start slapd")
    assert not has(mail2, "ahead")
    run = playbook(PLAY, "-e", "host=mail2", ok=False)
    assert "mail1 is newer than mail2" in said(run)
    assert "Promote mail1." in said(run)

    # It comes back for a moment, and dies with a change that nobody got.
    ldap1.check_output("systemctl start slapd")
    wait_for(lambda: has(mail2, "ahead"), "mail2 has the change")
    for name in ("mail1", "mail2"):
        hosts(name).check_output("systemctl stop slapd")
    assert root(ldap1, "ldapadd", ENTRY.format("unseen")).rc == 0
    ldap1.check_output("systemctl kill -s KILL slapd; systemctl stop slapd")
    for name in ("mail1", "mail2"):
        hosts(name).check_output("systemctl start slapd")

    # The promotion.
    run = playbook(PLAY, "-e", "host=mail2", "--check")
    assert role(mail2) == "replica of ldap1"
    run = playbook(PLAY, "-e", "host=mail2", ok=None)
    assert "directory_provider: mail2 (instead of ldap1)" in said(run), run.output
    assert "directory_replica: mail1, ldap1 (without mail2)" in said(run)
    assert (role(mail2), role(hosts("mail1"))) == ("provider", "replica of mail2")
    assert not ldap1.service("slapd").is_running
    assert not ldap1.service("slapd").is_enabled
    root(mail2, "ldapadd", ENTRY.format("kept"))
    wait_for(lambda: has(hosts("mail1"), "kept"), "mail1 follows mail2")

    # Accounts are changed on the new provider.
    run = playbook("playbooks/accounts.yml", *inventory)
    assert run.recap["mail2"]["failed"] == 0
    assert "ldap1" not in run.recap

    # The old provider comes back by itself. The old inventory writes nothing to it, and the new one stays provider.
    ldap1.check_output("systemctl start slapd")
    run = playbook("playbooks/accounts.yml", ok=False)
    assert "ldap1 shall be the provider" in said(run)
    assert "Nothing was written." in said(run)
    run = playbook("playbooks/directory.yml", "--limit", "mail2", ok=False)
    assert "mail2 takes changes to the directory, and the inventory wants it to be a replica" in said(run)
    assert role(mail2) == "provider"

    # The same command again makes it a replica, and what only it had is in a file.
    playbook(PLAY, "-e", "host=mail2")
    assert roles(hosts) == {"ldap1": "replica of mail2", "mail1": "replica of mail2", "mail2": "provider"}
    assert not has(ldap1, "unseen")
    assert "cn=unseen" in ldap1.check_output("cat /var/lib/mailroom/former-provider-*.ldif")
    assert ldap1.check_output("stat -c %a /var/lib/mailroom/former-provider-*.ldif") == "600"
    wait_for(lambda: len({content(hosts(name)) for name in SERVERS}) == 1, "all hold the same")
    run = playbook("playbooks/directory.yml", *inventory)
    assert run.changed == 0, run.output

    # The way back is planned: nothing is lost, and mail2 is a replica again.
    run = playbook(PLAY, *inventory, "-e", "host=ldap1", ok=False)
    assert "The provider mail2 still answers" in said(run)
    run = playbook(PLAY, *inventory, "-e", "host=ldap1", "-e", "replaces=mail2")
    assert "directory_provider: ldap1 (instead of mail2)" in said(run)
    assert roles(hosts) == before
    assert has(ldap1, "kept")
    root(ldap1, "ldapadd", ENTRY.format("while-away"))
    for name in ("mail1", "mail2"):
        wait_for(lambda name=name: has(hosts(name), "while-away"), f"{name} follows ldap1")
    run = playbook("playbooks/directory.yml")
    assert run.changed == 0, run.output
