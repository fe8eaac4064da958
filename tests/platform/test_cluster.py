# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster as such: who is in it, what it runs, what a run changes about it, and what it refuses."""

from __future__ import annotations

import json
import smtplib
import xml.etree.ElementTree as ET

import pytest
from pairtools import Pair

GROUP = ["mail-filesystem", "mail-lan4", "mail-wan4", "mail-lan6", "mail-wan6", "mail-dovecot", "mail-postfix"]
RESOURCES = "playbooks/cluster-resources.yml"
NODES = "playbooks/cluster-nodes.yml"
# What the lab has, and one more.
MORE = json.dumps({"cluster_properties": {"priority-fencing-delay": "2s", "batch-limit": "7"}})


class Cluster:
    """The cluster, asked on one of its nodes."""

    def __init__(self, pair: Pair) -> None:
        self.pair, self.names = pair, pair.names
        self.hosts = [pair.hosts(name) for name in pair.names]
        self.host = self.hosts[0]

    def status(self) -> ET.Element:
        return ET.fromstring(self.host.check_output("crm_mon --one-shot --inactive --output-as=xml"))  # noqa: S314

    @property
    def epoch(self) -> tuple[str, str]:
        root = ET.fromstring(self.host.check_output("cibadmin --query"))  # noqa: S314
        return root.get("admin_epoch"), root.get("epoch")

    def where(self) -> dict[str, list[str]]:
        """The nodes on which each resource runs without a fault."""
        return {
            item.get("id"): [node.get("name") for node in item.iterfind("node")]
            for item in self.status().iterfind(".//resources//resource")
            if item.get("active") == "true" and item.get("failed") == "false"
        }

    def mended(self) -> None:
        self.host.check_output("crm_resource --cleanup")


@pytest.fixture(scope="module")
def cluster(hosts, info, wait_for):
    """The cluster; the mail is where it was, without a failure, when all tests are done."""
    made = Cluster(Pair(hosts, info, wait_for))
    before = made.pair.active
    try:
        yield made
    finally:
        made.mended()
        made.pair.move(before)


@pytest.fixture
def same_epoch(cluster):
    """Nothing was written to the cluster's configuration during the test."""
    before = cluster.epoch
    yield
    assert cluster.epoch == before


def greeting(info) -> str:
    with smtplib.SMTP(*info["services"]["smtp"], timeout=5) as smtp:
        return smtp.noop()[1].decode()


# what is there


def test_both_nodes_are_in_it_over_both_links_encrypted(cluster):
    status = cluster.status()
    assert status.find("summary/current_dc").get("with_quorum") == "true"
    assert {item.get("name"): item.get("online") for item in status.iterfind("nodes/node")} == dict.fromkeys(
        cluster.names, "true"
    )
    for host in cluster.hosts:
        links = host.check_output("corosync-cfgtool -s")
        assert links.count("connected") == 2
        assert links.count("LINK ID") == 2
        assert "aes256" in host.check_output("corosync-cmapctl -g totem.crypto_cipher")
        assert "Flags:            2Node Quorate WaitForAll" in host.run("corosync-quorumtool -s").stdout


def test_the_group_is_on_one_node_in_order_and_each_fencing_device_on_the_other(cluster):
    group = cluster.status().find(".//group[@id='mail']")
    assert [item.get("id") for item in group.iterfind("resource")] == GROUP
    where, active = cluster.where(), cluster.pair.active
    assert {name: where.get(name) for name in GROUP} == {name: [active] for name in GROUP}
    for name in cluster.names:
        (other,) = set(cluster.names) - {name}
        assert where[f"fence-{name}"] == [other]
    (option,) = cluster.status().iterfind("summary/cluster_options")
    assert option.get("stonith-enabled") == "true"


def test_daemons_of_the_cluster_and_nothing_else_from_its_packages(cluster):
    for host in cluster.hosts:
        for unit in ("corosync", "pacemaker"):
            assert host.service(unit).is_enabled
        for unit in ("pcsd", "postfix", "dovecot"):
            assert not host.service(unit).is_enabled
        assert not host.package("sbd").is_installed
        key = host.file("/etc/corosync/authkey")
        assert (key.user, key.mode) == ("root", 0o400)
        after = host.check_output("systemctl show --property=After --value pacemaker").split()
        assert {"postfix.service", "dovecot.service", "srv-mailroom.mount", "slapd.service"} <= set(after)


@pytest.mark.parametrize("daemon", ["postfix", "dovecot"])
def test_a_daemon_does_not_start_by_hand_on_the_passive_node(cluster, daemon):
    passive = cluster.pair.nodes()[1]
    refused = passive.run(f"systemctl start {daemon}")
    assert refused.rc != 0
    assert not passive.service(daemon).is_running


# runs


def test_a_second_run_writes_nothing(cluster, playbook, same_epoch):
    assert playbook("playbooks/cluster.yml").changed == 0


def test_check_mode_shows_the_plan_and_what_would_happen(cluster, playbook, same_epoch):
    run = playbook(RESOURCES, "--check", "--diff", "-e", MORE)
    assert "batch-limit: +7" in run.output
    assert "Creates=0, Updates=1, Deletes=0" in run.output
    assert run.changed == 1


def test_a_property_comes_and_goes_with_the_data(cluster, playbook):
    query = "crm_attribute --type crm_config --name batch-limit --query --quiet"
    assert playbook(RESOURCES, "-e", MORE).changed == 1
    assert cluster.host.check_output(query) == "7"
    assert playbook(RESOURCES).changed == 1
    assert cluster.host.run(query).stdout.strip() in ("", "0")


def test_what_an_administrator_did_for_a_while_is_reported_and_left_alone(cluster, playbook):
    passive = cluster.pair.passive
    constraint = f"cli-ban-mail-on-{passive}"
    cluster.host.check_output(f"crm_resource --resource mail --ban --node {passive}")
    cluster.host.check_output("crm_resource --resource fence-mail1 --meta -p target-role -v Started")
    try:
        before = cluster.epoch
        run = playbook(RESOURCES)
        assert run.changed == 0
        said = " ".join(run.output.split())
        assert f"foreign, left alone: location {constraint}" in said
        assert "`crm_resource --clear --resource mail` ends it" in said
        assert "changed by hand, left alone: fence-mail1: target-role=Started" in said
        assert cluster.epoch == before
        assert constraint in cluster.host.check_output("cibadmin --query --scope constraints")
    finally:
        cluster.host.check_output("crm_resource --resource mail --clear")
        cluster.host.check_output("crm_resource --resource fence-mail1 --meta -d target-role")


def test_a_removal_must_be_named(cluster, playbook):
    before, constraint = cluster.epoch, "mail-prefers-mail1"
    change = {"cluster_constraints": []}
    refused = playbook(RESOURCES, "-e", json.dumps(change), ok=False)
    assert f"location {constraint} would be removed from the cluster." in refused.output
    assert f'{{"cluster_allow_removals": ["{constraint}"]}}' in refused.output.replace("\\", "")
    assert cluster.epoch == before
    try:
        done = playbook(RESOURCES, "-e", json.dumps({**change, "cluster_allow_removals": [constraint]}))
        assert done.changed == 1
        assert constraint not in cluster.host.check_output("cibadmin --query --scope constraints")
    finally:
        assert playbook(RESOURCES).changed == 1
    assert cluster.pair.active in cluster.where()["mail-filesystem"]


def test_what_would_interrupt_the_mail_must_be_named(cluster, playbook, same_epoch):
    change = json.dumps({"storage_mount_options": ["noatime", "nodev", "nosuid", "commit=5"]})
    refused = playbook(RESOURCES, "--diff", "-e", change, ok=False)
    assert "This would interrupt what runs: restart mail-filesystem" in refused.output
    assert "cluster_allow_interruptions" in refused.output
    assert "preview: restart mail-postfix" in refused.output


def test_a_parameter_that_the_agent_does_not_know_is_refused(cluster, playbook, same_epoch):
    wrong = {"ip": "10.80.3.1", "ipportt": 2375, "api_version": "1.40", "ssl": 0}
    refused = playbook(RESOURCES, "-e", json.dumps({"__lab_fence": wrong}), ok=False)
    assert "fence-mail1: fence_docker has no parameter ipportt" in refused.output


def test_a_cluster_without_fencing_is_refused(cluster, playbook, same_epoch):
    for name in (NODES, RESOURCES):
        refused = playbook(name, "-e", json.dumps({"cluster_fence_devices": []}), ok=False)
        assert "Nothing was changed." in refused.output
        assert (
            "mail2 has no fencing device. Without fencing a node that fell silent may still write to the shared disk "
            "when the other mounts it, and the mail store is lost." in " ".join(refused.output.split())
        )


def test_secrets_of_fencing_devices_are_never_shown(cluster, playbook, same_epoch, tmp_path):
    planted = "planted-Fence-5ecret"
    device = {"agent": "fence_docker", "parameters": {"ip": "10.80.3.1"}, "secret_parameters": {"tlskey": planted}}
    devices = [
        {**device, "name": f"fence-{name}", "host": name, "delay": f"{n}s"} for n, name in enumerate(cluster.names)
    ]
    file = tmp_path / "vars.json"
    file.write_text(json.dumps({"cluster_fence_devices": devices}))
    run = playbook(RESOURCES, "--check", "--diff", "-vvv", "-e", f"@{file}")
    assert "fencing parameter tlskey: +********" in run.output
    assert planted not in run.output


# Corosync


PIDS = "systemctl show -p MainPID --value corosync pacemaker"
CONFIGURATION = "sha256sum /etc/corosync/corosync.conf /etc/corosync/authkey"


@pytest.mark.thorough
def test_a_configuration_that_corosync_refuses_never_replaces_the_old_one(cluster, playbook):
    before = [host.check_output(f"{CONFIGURATION}; {PIDS}") for host in cluster.hosts]
    refused = playbook(NODES, "-e", json.dumps({"cluster_link_priorities": [1, 999]}), ok=False)
    assert "refuses the new configuration (nothing was changed)" in refused.output
    assert [host.check_output(f"{CONFIGURATION}; {PIDS}") for host in cluster.hosts] == before


@pytest.mark.thorough
def test_a_running_corosync_is_reloaded(cluster, playbook):
    token = "corosync-cmapctl -g runtime.config.totem.token"
    before = [host.check_output(f"{CONFIGURATION}; {PIDS}") for host in cluster.hosts]
    pids = [host.check_output(PIDS) for host in cluster.hosts]
    try:
        assert playbook(NODES, "-e", "cluster_token_ms=1500").changed == 3, "two files, one reload"
        assert all("= 1500" in host.check_output(token) for host in cluster.hosts)
    finally:
        playbook(NODES)
    assert all("= 1000" in host.check_output(token) for host in cluster.hosts)
    assert [host.check_output(PIDS) for host in cluster.hosts] == pids
    assert [host.check_output(f"{CONFIGURATION}; {PIDS}") for host in cluster.hosts] == before


@pytest.mark.thorough
def test_a_third_vote_and_the_way_back(cluster, playbook, hosts, info, tmp_path, wait_for):
    """On the directory's host here; a real one is neither in the building of one node nor of the other."""
    more = tmp_path / "quorum.yml"
    more.write_text("all: {children: {quorum: {hosts: {ldap1: {}}}}}\n")
    device = json.dumps({"cluster_quorum_device": {"host": info["hosts"]["ldap1"]["lan"]}})
    arguments = (NODES, "-i", "inventories/lab", "-i", str(more), "-e", device)
    pids = [host.check_output(PIDS) for host in cluster.hosts]
    before = [host.check_output(CONFIGURATION) for host in cluster.hosts]
    voter = hosts("ldap1")

    def shows(words):
        for host in cluster.hosts:
            wait_for(lambda host=host: words in host.run("corosync-quorumtool -s").stdout, words, 60)
            assert "Quorate:          Yes" in host.run("corosync-quorumtool -s").stdout

    try:
        assert playbook(*arguments, "--check").changed > 0
        playbook(*arguments)
        shows("Total votes:      3")
        known = voter.check_output("corosync-qnetd-tool -l -v")
        assert 'Cluster "mailroom"' in known
        assert known.count("TLS active:") == known.count("TLS active:\t\tYes (client certificate verified)") == 2, known
        assert playbook(*arguments).changed == 0
        # It goes away, and nothing happens: two of three votes are enough.
        voter.check_output("systemctl stop corosync-qnetd")
        shows("Total votes:      2")
    finally:
        playbook(NODES)
        voter.run("apt-get --yes purge corosync-qnetd; rm -rf /etc/corosync/qnetd")
    shows("2Node Quorate")
    assert [host.check_output(CONFIGURATION) for host in cluster.hosts] == before
    assert [host.check_output(PIDS) for host in cluster.hosts] == pids
    assert playbook(NODES).changed == 0


# failures that need no other node


@pytest.mark.parametrize("daemon", ["dovecot", "postfix"])
def test_a_daemon_that_dies_is_started_again_on_the_spot(cluster, daemon, info, wait_for):
    active = cluster.pair.active
    host = cluster.pair.hosts(active)
    pid = f"systemctl show -p MainPID --value {daemon}"
    before = host.check_output(pid)
    host.check_output(f"kill -KILL {before}")
    try:
        wait_for(lambda: host.check_output(pid) not in ("0", before), f"{daemon} runs again", 30)
        wait_for(lambda: cluster.where().get("mail-postfix") == [active], "the group is whole again", 30)
        wait_for(lambda: greeting(info), "Postfix greets", 30)
    finally:
        cluster.mended()
    assert cluster.pair.active == active


def test_a_disk_that_takes_no_writes_hands_over(cluster, info, wait_for):
    active, passive = cluster.pair.active, cluster.pair.passive
    # To the agent alone the disk looks as after an error, so that its file system need not be damaged.
    probe = "/srv/mailroom/.mailroom-check"
    cluster.pair.hosts(active).check_output(
        f"touch {probe} && mount --bind {probe} {probe} && mount -o remount,bind,ro {probe}"
    )
    try:
        wait_for(lambda: cluster.where().get("mail-postfix") == [passive], "the other node has the mail", 90)
        wait_for(lambda: greeting(info), "Postfix greets", 30)
        failures = cluster.host.check_output("crm_mon --one-shot --inactive --output-as=xml")
        assert "takes no writes: Read-only file system" in failures
    finally:
        cluster.mended()
        cluster.pair.move(active)
