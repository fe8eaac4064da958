# SPDX-License-Identifier: GPL-3.0-or-later
"""The shared disk: which one is taken, which one a file system is made on, and which one is left alone."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from mailroom.storage import (
    BLANK,
    OURS,
    UNFINISHED,
    UNFINISHED_LABEL,
    Disk,
    Signature,
    StorageError,
    Wanted,
    is_mark,
    judge,
    label_of,
    make_command,
    name_command,
    new_uuid,
    owns,
    parse_signatures,
)

OWNER = "mail.example.org"
PATH = "/dev/disk/by-id/wwn-0x6"
WANTED = Wanted(OWNER, "ext4", "/srv/mailroom", min_size=1024**3)
MINE = new_uuid(OWNER, bytes(8))
GIB = 1024**3


def disk(*signatures: Signature, **more) -> Disk:
    return Disk(PATH, **{"size": 2 * GIB, "signatures": signatures, **more})


def ext4(identity: str = MINE, label: str = label_of(OWNER), **more) -> Disk:
    return disk(Signature("ext4", "filesystem", identity, label), **more)


def refusal(sight: Disk, wanted: Wanted = WANTED) -> str:
    with pytest.raises(StorageError) as caught:
        judge(sight, wanted)
    assert str(caught.value).startswith(PATH)
    return str(caught.value)


def test_the_mark_names_its_owner_and_no_other() -> None:
    one, two = new_uuid(OWNER, b"12345678"), new_uuid(OWNER, b"87654321")
    assert one != two
    for mark in (one, two):
        parsed = uuid.UUID(mark)
        assert (parsed.version, parsed.variant) == (8, uuid.RFC_4122)
        assert is_mark(mark)
        assert owns(OWNER, mark)
        for other in ("mail.example.or", "mail.example.org ", "Mail.example.org", ""):
            assert not owns(other, mark)


def test_the_mark_stays_the_same_in_all_versions() -> None:
    """It is on people's disks: another way to derive it would make all of them strangers."""
    assert new_uuid("mail.example.org", bytes(8)) == "524d4bbd-3b99-821c-8000-000000000000"


@pytest.mark.parametrize("text", ["", "x", "2c573b00-4ba0-40f0-8d7b-6f2c3b864759", "2C57-3B00"])
def test_other_uuids_are_no_marks(text: str) -> None:
    assert not is_mark(text)
    assert not owns(OWNER, text)


def test_empty_own_and_unfinished_disks_are_told_apart() -> None:
    assert judge(disk(), WANTED) == BLANK
    assert judge(ext4(), WANTED) == OURS
    assert judge(ext4(label="renamed by hand"), WANTED) == OURS
    assert judge(ext4(mounted=("/srv/mailroom",)), WANTED) == OURS
    assert judge(ext4(label=UNFINISHED_LABEL), WANTED) == UNFINISHED
    # The kind may be changed as long as nothing is on it.
    assert judge(ext4(label=UNFINISHED_LABEL), Wanted(OWNER, "xfs", "/srv/mailroom")) == UNFINISHED


def test_another_platforms_disk_is_refused() -> None:
    theirs = new_uuid("mail.example.net", b"12345678")
    assert refusal(ext4(theirs, "mail.example")) == (
        f'{PATH} belongs to another platform: ext4 (label "mail.example", UUID {theirs}). storage_owner is {OWNER} '
        "here. Is it the wrong disk, or was the platform renamed? It is left as it is"
    )
    # Also one that is not finished: somebody is at it.
    assert "another platform" in refusal(ext4(theirs, UNFINISHED_LABEL))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Signature("ext4", "filesystem", "2c573b00-4ba0-40f0-8d7b-6f2c3b864759", "data"),
            'ext4 (label "data", UUID 2c57',
        ),
        (Signature("xfs", "filesystem", "2c573b00-4ba0-40f0-8d7b-6f2c3b864759"), "xfs (UUID 2c57"),
        (Signature("vfat", "filesystem", "2C57-3B00"), "vfat (UUID 2C57-3B00)"),
        (Signature("swap", "other", MINE), "swap"),
        (Signature("LVM2_member", "raid", "a-b"), "LVM2_member"),
        (Signature("crypto_LUKS", "crypto", MINE), "crypto_LUKS"),
        (Signature("gpt", "partition-table"), "gpt"),
    ],
)
def test_what_others_made_is_refused(found: Signature, said: str) -> None:
    message = refusal(disk(found))
    assert message.startswith(f"{PATH} holds something that Mailroom did not make: {said}")
    assert "empty it yourself" in message


def test_several_signatures_are_refused_even_if_one_is_ours() -> None:
    message = refusal(disk(Signature("ext4", "filesystem", MINE), Signature("zfs_member", "filesystem")))
    assert f"signatures of several things, so what it holds is not clear: ext4 (UUID {MINE}), zfs_member" in message


def test_unknown_content_is_refused() -> None:
    assert f"{PATH} is not empty, and nothing is known of what it holds" in refusal(disk(zeros=False))


@pytest.mark.parametrize(
    ("sight", "said"),
    [
        (Disk(PATH, kind="missing"), "does not exist on this host: the disk is not mapped to it, or has another name"),
        (Disk(PATH, kind="file"), "is no block device but a file"),
        (disk(size=GIB - 512), "has 1073741312 bytes, and storage_min_size is 1G: is it the right disk?"),
        (disk(read_only=True), "is read-only on this host"),
        (disk(holders=("/dev/mapper/mpatha",)), "is part of /dev/mapper/mpatha: give storage_device that one's name"),
        (disk(partitions=("sda1", "sda2")), "has partitions (sda1, sda2): give storage_device the name of one"),
        (ext4(mounted=("/mnt", "/srv/mailroom")), "is mounted at /mnt, and storage_mount_point is /srv/mailroom"),
        (ext4(label=UNFINISHED_LABEL, mounted=("/srv/mailroom",)), "is not finished, and yet mounted at /srv/mailroom"),
    ],
)
def test_a_disk_that_cannot_be_used_is_named(sight: Disk, said: str) -> None:
    assert refusal(sight).startswith(f"{PATH} {said}")


def test_another_kind_is_never_made_over_data() -> None:
    message = refusal(ext4(), Wanted(OWNER, "xfs", "/srv/mailroom"))
    assert message.startswith(
        f"{PATH} has ext4, and storage_filesystem is xfs: a file system is never made anew over data"
    )


def test_a_disk_is_not_refused_for_being_large_enough() -> None:
    assert judge(disk(size=GIB), WANTED) == BLANK


def test_signatures_are_read_once_each() -> None:
    row = {"offset": "0x200", "type": "gpt", "usage": "partition-table", "uuid": None, "label": None}
    text = json.dumps({"signatures": [row, {**row, "offset": "0xfffe00"}]})
    assert parse_signatures(text) == (Signature("gpt", "partition-table"),)
    assert parse_signatures('{"signatures": []}') == parse_signatures("") == ()
    assert disk(Signature("gpt", "partition-table")).uuid == disk().uuid == ""
    assert ext4().uuid == MINE


def test_a_new_file_system_has_its_name_last() -> None:
    assert make_command("ext4", MINE, ["-m", "1"], PATH, again=False) == (
        ["mkfs.ext4", "-q", "-U", MINE, "-L", UNFINISHED_LABEL, "-m", "1", PATH]
    )
    assert make_command("xfs", MINE, [], PATH, again=False) == (
        ["mkfs.xfs", "-q", "-m", f"uuid={MINE}", "-L", UNFINISHED_LABEL, PATH]
    )
    assert name_command("ext4", OWNER, PATH) == ["tune2fs", "-L", "mail.example", PATH]
    assert name_command("xfs", OWNER, PATH) == ["xfs_admin", "-L", "mail.example", PATH]


@pytest.mark.parametrize(("kind", "force"), [("ext4", "-F"), ("xfs", "-f")])
def test_only_an_unfinished_file_system_is_overwritten(kind: str, force: str) -> None:
    assert force not in make_command(kind, MINE, [], PATH, again=False)
    assert force in make_command(kind, MINE, [], PATH, again=True)


@pytest.mark.parametrize("owner", ["", UNFINISHED_LABEL, "(unfinished).example", "a b", "-x", "ä.example"])
def test_a_platform_cannot_be_called_like_an_unfinished_disk(owner: str) -> None:
    with pytest.raises(StorageError, match="is no name of letters, digits, dots and hyphens"):
        judge(disk(), Wanted(owner, "ext4", "/srv/mailroom"))


def test_messages_say_what_the_role_calls_its_variables(request) -> None:
    """The words that begin with storage_ are variables of the role."""
    defaults = (request.config.rootpath / "roles/storage/meta/argument_specs.yml").read_text()
    source = (request.config.rootpath / "module_utils/mailroom/storage.py").read_text()
    for name in set(re.findall(r"\bstorage_\w+", source)):
        assert f"      {name}:" in defaults, name
