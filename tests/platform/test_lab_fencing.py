# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's power switch, and that a host which it switched off and on again comes back by itself."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".lab"
API = "http://10.80.3.1:2375"
# As Pacemaker gives them to the agent. Its command line cannot do without TLS.
AGENT = "printf 'ip=10.80.3.1\\nipport=2375\\nssl=0\\napi_version=1.40\\nshell_timeout=20\\naction=%s\\nplug=%s\\n'"
# Lab hosts have Python, and not always anything else that speaks HTTP. Prints status and answer.
ASK = """
import sys, urllib.error, urllib.request
try:
    answer = urllib.request.urlopen(urllib.request.Request(sys.argv[2], method=sys.argv[1]), timeout=10)
except urllib.error.HTTPError as error:
    answer = error
print(answer.status, answer.read().decode())
"""


def ask(host, method, path):
    status, _, text = host.check_output("python3 -c %s %s %s", ASK, method, f"{API}{path}").partition(" ")
    return int(status), json.loads(text) if text else None


def agent(host, action, container=""):
    return host.run(f"{AGENT} {action} {container} | fence_docker")


def boot(host):
    return host.check_output("stat -c %Y /proc/1")


@pytest.fixture
def pair(hosts, info):
    """(the node that has the mail, or the first; the other one), by name."""
    with_mail = [name for name in info["pair"] if hosts(name).run("mountpoint -q /srv/mailroom").rc == 0]
    active = (with_mail or info["pair"])[0]
    return active, next(name for name in info["pair"] if name != active)


def test_the_list_shows_the_pair_and_nothing_else(hosts, info):
    status, answer = ask(hosts("mail1"), "GET", "/v1.40/containers/json?all=1")
    assert status == 200
    assert [item["Names"] for item in answer] == [[f"/mailroom-{name}"] for name in info["pair"]]


@pytest.mark.parametrize("victim", ["ldap1", "outside", "client"])
@pytest.mark.parametrize("verb", ["kill", "start", "stop", "restart"])
def test_other_containers_cannot_be_switched(hosts, victim, verb):
    before = boot(hosts(victim))
    assert ask(hosts("mail1"), "POST", f"/v1.40/containers/mailroom-{victim}/{verb}")[0] == 403
    assert boot(hosts(victim)) == before


@pytest.mark.parametrize(
    "path", ["/v1.40/info", "/v1.40/images/json", "/v1.40/containers/create", "/v4.0.0/libpod/info"]
)
def test_nothing_else_of_the_engine_can_be_reached(hosts, path):
    assert ask(hosts("mail1"), "GET", path)[0] == 403
    assert ask(hosts("mail1"), "POST", path)[0] == 403


@pytest.mark.parametrize("name", ["ldap1", "outside", "client"])
def test_from_other_networks_nothing_is_answered(hosts, name):
    asked = ask(hosts(name), "GET", "/v1.40/containers/json?all=1")
    assert asked[0] == 403
    assert asked[1]["message"].endswith(" is not one of the cluster's hosts")
    before = boot(hosts("mail2"))
    assert ask(hosts(name), "POST", "/v1.40/containers/mailroom-mail2/kill")[0] == 403
    assert boot(hosts("mail2")) == before


def test_the_agent_lists_and_watches(hosts, info):
    mail1 = hosts("mail1")
    listed = agent(mail1, "list").stdout.splitlines()
    assert [line.split(",")[1] for line in listed] == [f"mailroom-{name}" for name in info["pair"]]
    assert agent(mail1, "monitor").rc == 0
    for name in info["pair"]:
        assert agent(mail1, "status", f"mailroom-{name}").stdout.strip() == "Status: ON"
    assert agent(mail1, "status", "mailroom-ldap1").rc != 0


def test_a_broken_switch_switches_nothing(hosts, pair):
    active, other = pair
    before = boot(hosts(other))
    (STATE / "fencing-broken").touch()
    try:
        for verb in ("kill", "start"):
            assert ask(hosts(active), "POST", f"/v1.40/containers/mailroom-{other}/{verb}")[0] == 503
        assert ask(hosts(active), "GET", f"/v1.40/containers/mailroom-{other}/json")[1]["State"]["Running"]
        assert boot(hosts(other)) == before
    finally:
        (STATE / "fencing-broken").unlink()


def ssh(info, name, command):
    """A command by a connection of its own, as the ones that are kept end with the host."""
    address = info["hosts"][name]["lan"]
    return subprocess.run(
        ["ssh", "-F", "none", "-i", STATE / "ssh/id_ed25519", "-o", f"UserKnownHostsFile={STATE}/ssh/known_hosts",
         "-o", "BatchMode=yes", "-o", "ConnectTimeout=2", "-o", "ControlPath=none", f"root@{address}", command],
        text=True,
        capture_output=True,
        timeout=60,
    )  # fmt: skip


def test_a_fenced_host_comes_back_by_itself(hosts, info, pair, wait_for):
    """With its addresses, host key, disk and shared mounts; what a play put on it stays."""
    active, other = pair
    look = (
        "ip -oneline address show scope global | awk '{print $4}' | grep -v '[.]10/\\|::10/' | sort;"
        " ip -oneline link show | grep -o 'ether [^ ]*' | sort;"
        " readlink -f /dev/disk/by-id/mailroom-lab-shared; hostname;"
        " findmnt --noheadings --output PROPAGATION /; cat /etc/lab-entered /etc/ssh/ssh_host_ed25519_key.pub"
    )
    before, started = ssh(info, other, look).stdout, ssh(info, other, "stat -c %Y /proc/1").stdout
    assert "shared" in before
    # Where there is a cluster, it is the one to fence: it would not believe a host that vanished.
    cluster = hosts(active).run("crm_mon -1").rc == 0
    if cluster:
        done = hosts(active).run(f"stonith_admin --reboot {other}")
    else:
        done = agent(hosts(active), "reboot", f"mailroom-{other}")
    assert done.rc == 0, done.stderr

    def back():
        found = ssh(info, other, "stat -c %Y /proc/1")
        return found.returncode == 0 and found.stdout != started

    wait_for(back, "SSH on the host that was fenced", 20)
    wait_for(
        lambda: ssh(info, other, "systemctl is-system-running").stdout == "running\n", "its start to be complete", 60
    )
    assert ssh(info, other, look).stdout == before
    # This machine is where it was for those who went on: whom the bridge belongs to does not change with its ports.
    assert "02:4d:0a:50:03:01" in hosts(active).check_output("ip neigh show 10.80.3.1")
    if cluster:
        wait_for(lambda: other in hosts(active).check_output("crm_node -p").split(), "its return to the cluster", 60)
    # Connections that were kept open ended with the host: the next one is new.
    wait_for(lambda: _answers(hosts(other)), "the host", 30)


def _answers(host):
    try:
        return host.run("true").rc == 0
    except RuntimeError:
        return False


def test_the_switch_is_not_started_twice(playbook):
    number = (STATE / "fencing.pid").read_text()
    assert playbook("lab/create.yml").changed == 0
    assert (STATE / "fencing.pid").read_text() == number
