# SPDX-License-Identifier: GPL-3.0-or-later
"""The disk of the pair: made once, kept for ever, and everything else refused."""

from __future__ import annotations

import json
import shlex
import uuid
from types import SimpleNamespace

import pytest

PLAY = "tests/playbooks/storage.yml"
PAIR = ("mail1", "mail2")
MOUNT = "/srv/storage-test"
IMAGE = "/root/storage-test"
LINK = "/dev/disk/by-id/mailroom-storage-test"
OWNER = "test.example"
FOLDERS = [
    {"path": "mail", "owner": "5000", "group": "5000", "mode": "0750"},
    {"path": "queue", "owner": "root", "group": "root", "mode": "0755"},
]
# Nothing of the user's rights but the number counts here.
AS_MAIL_USER = "setpriv --reuid 5000 --regid 5000 --clear-groups"


class Disks:
    """Loop devices that both nodes see under one name, and role storage on them."""

    def __init__(self, hosts, playbook):
        self.first, self.second = (hosts(name) for name in PAIR)
        self.playbook = playbook
        self.made = []

    def attach(self, size, *hosts, first="zeros"):
        """A new disk of this size, first for one host or for both; what the name led to before is left alone."""
        file = f"{IMAGE}.{len(self.made)}"
        self.first.check_output(f"truncate -s {size} {file}")
        if first != "zeros":
            self.first.check_output(f"dd if={first} of={file} bs=512 count=1 conv=notrunc status=none")
        # All containers see the loop devices of one kernel, but not each has a node for each.
        find = self.first.check_output("losetup --find")
        for host in (self.first, self.second):
            host.check_output(f"[ -b {find} ] || mknod {find} b 7 {find.removeprefix('/dev/loop')}")
        self.first.check_output(f"losetup {find} {file}")
        self.made.append((find, file))
        for host in hosts or (self.first, self.second):
            host.check_output(f"ln -sfn {find} {LINK}")
        return find

    def remove(self):
        for host in (self.first, self.second):
            host.run(f"umount {MOUNT} 2>/dev/null; rm -f {LINK}; chattr -i {MOUNT} && rmdir {MOUNT}")
        for device, file in self.made:
            self.first.run(f"losetup -d {device}; rm -f {file}")
        self.made.clear()

    def run(self, *arguments, ok=True, **variables):
        settings = {
            "storage_device": LINK,
            "storage_owner": OWNER,
            "storage_mount_point": MOUNT,
            "storage_min_size": "400M",
            "storage_directories": FOLDERS,
            **variables,
        }
        return self.playbook(PLAY, *arguments, "-e", json.dumps(settings), ok=ok)

    def refused(self, *arguments, **variables):
        """What a run that must stop says, in one line; nothing on the disks may have changed."""
        before = self.content()
        run = self.run(*arguments, ok=False, **variables)
        assert self.content() == before
        return " ".join(run.output.split())

    def signature(self, host=None):
        found = json.loads((host or self.first).check_output(f"wipefs -J -O TYPE,UUID,LABEL {LINK}"))["signatures"]
        return found[0] if found else None

    def content(self):
        """All that is on the disks, and where they are mounted."""
        files = " ".join(file for _device, file in self.made)
        return self.first.check_output(f"sync; sha256sum {files}") if files else ""

    def on_it(self, command, host=None):
        """What a command says where the disk is mounted for its time."""
        return (host or self.first).check_output(
            f"unshare --mount sh -euc {shlex.quote(f'mount {LINK} /mnt; cd /mnt; {command}')}"
        )


@pytest.fixture
def disks(hosts, playbook):
    made = Disks(hosts, playbook)
    made.remove()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="module")
def kept(hosts, playbook):
    """A disk through its life: what was there after each step."""
    made = Disks(hosts, playbook)
    made.remove()
    seen = SimpleNamespace(disks=made)
    try:
        made.attach("600M")
        seen.empty = made.content()
        seen.checked = made.run("--check", "--diff")
        seen.after_check = made.content()
        seen.points_after_check = [host.file(MOUNT).exists for host in (made.first, made.second)]
        seen.first = made.run("--diff")
        seen.made = [made.signature(host) for host in (made.first, made.second)]
        seen.folders = made.on_it("stat -c '%n %u %g %a' mail queue; cat .mailroom-storage")
        made.on_it("echo precious > mail/letter; chmod 700 queue; sync -f .")
        seen.again = made.run()
        seen.letter = made.on_it("cat mail/letter")
        yield seen
    finally:
        made.remove()


def test_check_mode_says_what_it_would_make_and_makes_nothing(kept):
    assert {name: kept.checked.recap[name]["changed"] for name in PAIR} == {"mail1": 2, "mail2": 1}
    assert f"ext4 of {OWNER}" in kept.checked.output
    assert kept.after_check == kept.empty
    assert kept.points_after_check == [False, False]


def test_the_file_system_is_made_by_one_node_and_seen_by_both(kept):
    assert {name: kept.first.recap[name]["changed"] for name in PAIR} == {"mail1": 2, "mail2": 1}
    one, other = kept.made
    assert one == other
    assert (one["type"], one["label"]) == ("ext4", "test.example")
    assert uuid.UUID(one["uuid"]).version == 8


def test_folders_and_mark_are_on_it_before_anybody_mounts_it(kept):
    mail, queue, mark = kept.folders.splitlines()
    assert (mail, queue) == ("mail 5000 5000 750", "queue 0 0 755")
    assert json.loads(mark)["owner"] == OWNER
    assert json.loads(mark)["uuid"] == kept.made[0]["uuid"]


def test_a_second_run_changes_nothing_and_data_survives(kept):
    assert kept.again.changed == 0
    assert kept.disks.signature() == kept.made[0]
    assert kept.letter == "precious"


def test_another_platform_is_refused(kept):
    found = kept.made[0]
    said = kept.disks.refused(storage_owner="test.example.org")
    assert (
        f'{LINK} belongs to another platform: ext4 (label "test.example", UUID {found["uuid"]}). storage_owner is '
        "test.example.org here. Is it the wrong disk, or was the platform renamed? It is left as it is" in said
    )


def test_another_kind_of_file_system_is_not_made_over_it(kept):
    said = kept.disks.refused("--check", storage_filesystem="xfs")
    assert f"{LINK} has ext4, and storage_filesystem is xfs: a file system is never made anew over data" in said


def test_nobody_writes_to_the_mount_point_while_nothing_is_mounted(kept):
    for host in (kept.disks.first, kept.disks.second):
        assert host.check_output(f"stat -c '%a %U %G' {MOUNT}") == "0 root root"
        assert host.run(f"{AS_MAIL_USER} touch {MOUNT}/mail").rc != 0
        assert host.run(f"{AS_MAIL_USER} ls {MOUNT}").rc != 0
        # A daemon's first process is root.
        assert host.run(f"touch {MOUNT}/mail").rc != 0
        assert host.run(f"mkdir {MOUNT}/mail").rc != 0


def test_folders_are_kept_where_it_is_mounted_and_only_there(kept):
    more = [*FOLDERS, {"path": "filter", "owner": "root", "group": "root", "mode": "0700"}]
    assert kept.disks.run(storage_directories=more).changed == 0
    kept.disks.first.check_output(f"mount {LINK} {MOUNT}")
    try:
        foreseen = kept.disks.run("--check", storage_directories=more)
        assert not kept.disks.first.file(f"{MOUNT}/filter").exists
        run = kept.disks.run(storage_directories=more)
        for each in (foreseen, run):
            assert {name: each.recap[name]["changed"] for name in PAIR} == {"mail1": 1, "mail2": 0}
        # The mode that somebody changed by hand is back too.
        assert kept.disks.first.check_output(f"stat -c '%n %a' {MOUNT}/*/ | sort").splitlines() == [
            f"{MOUNT}/filter/ 700", f"{MOUNT}/lost+found/ 700", f"{MOUNT}/mail/ 750", f"{MOUNT}/queue/ 755",
        ]  # fmt: skip
        assert kept.disks.first.file(f"{MOUNT}/mail/letter").content_string == "precious\n"
        assert kept.disks.run(storage_directories=more).changed == 0
    finally:
        kept.disks.first.check_output(f"umount {MOUNT}")


def test_a_mount_at_another_place_is_refused(kept):
    kept.disks.first.check_output(f"mount -o ro {LINK} /mnt")
    try:
        said = kept.disks.refused()
    finally:
        kept.disks.first.check_output("umount /mnt")
    assert f"{LINK} is mounted at /mnt, and storage_mount_point is {MOUNT}: unmount it there" in said


@pytest.mark.thorough
def test_what_was_not_finished_is_made_again(kept):
    kept.disks.first.check_output(f"tune2fs -L '(unfinished)' {LINK}")
    run = kept.disks.run()
    assert run.recap["mail1"]["changed"] == 1
    assert run.recap["mail2"]["changed"] == 0
    found = kept.disks.signature()
    assert found["label"] == "test.example"
    assert found["uuid"] != kept.made[0]["uuid"]
    assert kept.disks.run().changed == 0


def test_a_file_system_of_somebody_else_is_refused(disks):
    disks.attach("600M")
    disks.first.check_output(f"mkfs.ext4 -q -L precious {LINK}")
    said = disks.refused()
    assert f'{LINK} holds something that Mailroom did not make: ext4 (label "precious", UUID ' in said
    assert "It is left as it is." in said


def test_a_disk_with_unknown_content_is_refused(disks):
    disks.attach("600M", first="/bin/true")
    assert f"{LINK} is not empty, and nothing is known of what it holds." in disks.refused()


def test_a_disk_that_is_too_small_is_refused(disks):
    disks.attach("399M")
    assert f"{LINK} has 399M, and storage_min_size is 400M: is it the right disk?" in disks.refused()


def test_a_disk_that_is_not_there_is_named(disks):
    said = disks.refused(storage_device="/dev/disk/by-id/mailroom-storage-tes")
    assert "/dev/disk/by-id/mailroom-storage-tes does not exist on this host: the disk is not mapped to it" in said
    said = disks.refused(storage_device="/etc/passwd")
    assert "/etc/passwd is no block device but a file" in said


@pytest.mark.thorough
def test_nodes_that_see_different_disks_are_found_before_anything_is_made(disks):
    disks.attach("600M", disks.first)
    disks.attach("700M", disks.second)
    before = disks.content()
    run = disks.run(ok=False)
    said = " ".join(run.output.split())
    assert (
        f"{LINK}: by their size these are different disks: mail1 629145600, mail2 734003200. Nothing was made." in said
    )
    assert disks.content() == before


@pytest.mark.thorough
def test_the_other_node_must_see_what_was_made(disks):
    """Two disks that look alike as long as they are empty."""
    disks.attach("600M", disks.first)
    disks.attach("600M", disks.second)
    run = disks.run(ok=False)
    made = disks.signature(disks.first)["uuid"]
    assert f"{LINK} is another disk here: it has the UUID none, and {made} elsewhere" in " ".join(run.output.split())
    assert disks.signature(disks.second) is None
    assert "by their UUID these are different disks" in " ".join(disks.run(ok=False).output.split())


@pytest.mark.thorough
def test_an_empty_disk_wants_all_nodes_in_the_run(disks):
    disks.attach("600M")
    before = disks.content()
    run = disks.run("--limit", "mail1", ok=False)
    assert (
        f"{LINK} has no file system yet. It is made with all of mail1, mail2 in the run, and now mail2 is not."
        in " ".join(run.output.split())
    )
    assert disks.content() == before
    disks.run()
    assert disks.run("--limit", "mail2").changed == 0


@pytest.mark.thorough
def test_files_below_the_mount_are_not_hidden(disks):
    disks.attach("600M")
    disks.first.check_output(f"mkdir -p {MOUNT} && touch {MOUNT}/letter")
    try:
        said = disks.refused()
    finally:
        disks.first.check_output(f"rm -r {MOUNT}")
    assert f"{MOUNT} is not mounted and not empty (letter): a mount would hide that." in said


@pytest.mark.thorough
def test_xfs(disks):
    disks.attach("600M")
    assert disks.run(storage_filesystem="xfs").recap["mail1"]["changed"] >= 2
    assert disks.signature()["type"] == "xfs"
    assert disks.on_it("stat -c '%n %u %g %a' mail") == "mail 5000 5000 750"
    assert disks.run(storage_filesystem="xfs").changed == 0


def test_the_labs_own_disk_is_the_same_on_both_nodes(hosts, playbook):
    device = "/dev/disk/by-id/mailroom-lab-shared"
    one, other = (hosts(name).check_output(f"wipefs -J -O TYPE,UUID,LABEL {device}") for name in PAIR)
    assert one == other
    assert json.loads(one)["signatures"][0]["label"] == "mailroom.exa"
    run = playbook(PLAY)
    assert run.changed == 0, run.output
    for name in PAIR:
        if hosts(name).run("mountpoint --quiet /srv/mailroom").rc != 0:
            assert hosts(name).run(f"{AS_MAIL_USER} touch /srv/mailroom/x").rc != 0
            assert hosts(name).run("touch /srv/mailroom/x").rc != 0


MIRROR = {
    "storage_test_hosts": "client",
    "storage_nodes": ["client"],
    "storage_mode": "drbd",
    "storage_owner": OWNER,
    "storage_drbd_nodes": [
        {"name": "mail1", "address": "10.80.3.11", "disk": "/dev/vdb"},
        {"name": "mail2", "address": "fd80:80:3::12", "disk": "/dev/vdb"},
    ],
    "storage_drbd_secret": "planted-drbd-secret",
}
PACKAGES = "dpkg-query -W -f '${Package}\\n' | sort"


@pytest.fixture(scope="module")
def mirror(hosts, playbook):
    """DRBD's settings on a host that has nothing to do with the mail, and gone again."""
    client = hosts("client")
    before = client.check_output(PACKAGES)

    def run(*arguments, ok=True, **more):
        return playbook(PLAY, *arguments, "-e", json.dumps({**MIRROR, **more}), ok=ok)

    try:
        yield SimpleNamespace(client=client, run=run, first=run("-vvv", "--diff"), again=run())
    finally:
        new = set(client.check_output(PACKAGES).splitlines()) - set(before.splitlines())
        client.check_output(
            f"DEBIAN_FRONTEND=noninteractive apt-get purge -qq {' '.join(sorted(new))}; rm -rf /etc/drbd*"
        )


@pytest.mark.thorough
def test_drbd_settings_are_read_by_its_own_checker_and_keep_their_secret(mirror):
    file = mirror.client.file("/etc/drbd.d/mailroom.res")
    assert (file.mode, file.user) == (0o600, "root")
    read = mirror.client.check_output("/usr/lib/drbd/drbdadm-84 dump")
    for line in (
        "ipv4 10.80.3.11:7789;",
        "ipv6 [fd80:80:3::12]:7789;",
        "resource-and-stonith;",
        "planted-drbd-secret;",
    ):
        assert line in read
    assert mirror.first.changed > 0
    assert "planted-drbd-secret" not in mirror.first.output
    assert mirror.again.changed == 0


@pytest.mark.thorough
def test_a_drbd_setting_that_is_none_is_refused(mirror):
    before = mirror.client.file("/etc/drbd.d/mailroom.res").sha256sum
    run = mirror.run(storage_drbd_options={"net": ["verifi-alg sha256"]}, ok=False)
    assert "but got 'verifi-alg'" in " ".join(run.output.split())
    assert mirror.client.file("/etc/drbd.d/mailroom.res").sha256sum == before
