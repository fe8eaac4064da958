# SPDX-License-Identifier: GPL-3.0-or-later
"""Replica hosts that come and go: one run each, and nothing left over."""

from __future__ import annotations

import pytest

LAB = ["-i", "inventories/lab/hosts.yml"]
SECOND = [*LAB, "-i", "tests/inventories/second_replica.yml"]
RETIRED = [*LAB, "-i", "tests/inventories/retired_replica.yml"]
HASH = "slapcat -o ldif-wrap=no | grep -v -e '^contextCSN:' -e '^entryCSN: .*#000#000000$' | sort | sha256sum"


@pytest.fixture(scope="module")
def retired(playbook, hosts):
    """The runs that make `client` a replica and take that back; the middle is looked at in between."""
    runs = {"made": playbook("playbooks/directory.yml", *SECOND)}
    runs["again"] = playbook("playbooks/directory.yml", *SECOND)
    runs["provider"], runs["second"] = (hosts(name).check_output(HASH) for name in ("ldap1", "client"))
    runs["foreseen"] = playbook("playbooks/directory.yml", "--check", *RETIRED)
    runs["still there"] = hosts("client").service("slapd").is_running
    runs["retired"] = playbook("playbooks/directory.yml", *RETIRED)
    runs["retired again"] = playbook("playbooks/directory.yml", *RETIRED)
    return runs


def test_added_replica_converges_in_one_run(retired):
    assert retired["made"].recap["client"]["changed"] > 0
    assert retired["made"].recap["ldap1"]["changed"] == 0
    assert retired["made"].recap["mail1"]["changed"] == 0
    assert retired["again"].changed == 0


def test_added_replica_holds_the_same_data(retired):
    assert retired["second"] == retired["provider"]


def test_check_mode_foresees_the_removal_and_does_not_do_it(retired):
    assert retired["foreseen"].recap["client"]["changed"] > 0
    assert retired["still there"]


def test_removed_replica_leaves_nothing_over(retired, hosts):
    assert retired["retired"].recap["client"]["changed"] > 0
    assert retired["retired"].recap["ldap1"]["changed"] == 0
    assert retired["retired again"].changed == 0
    client = hosts("client")
    assert not client.package("slapd").is_installed
    assert not client.user("openldap").exists
    for path in ("/etc/ldap/slapd.d", "/etc/default/slapd", "/var/lib/ldap", "/run/slapd/ldapi"):
        assert not client.file(path).exists, path
    # Nothing on the provider knows the host.
    assert "client" not in hosts("ldap1").check_output("slapcat -n 0")


def test_provider_is_not_retired_by_mistake(playbook, hosts):
    run = playbook("playbooks/directory.yml", *LAB, "-i", "tests/inventories/retired_provider.yml", ok=False)
    assert "its directory is not a replica" in run.output
    assert "Nothing was removed." in run.output
    assert hosts("ldap1").service("slapd").is_running
