#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""The file system on a disk that several hosts share."""

from __future__ import annotations

DOCUMENTATION = r"""
module: storage_filesystem
short_description: Keep the file system on a shared disk, and its mount point
description:
  - Looks at a disk without mounting it, and refuses it if anything is on it that is not this owner's.
  - Makes a file system on an empty disk if O(make) says so; never over anything, and never again.
    The owner's mark is its UUID.
  - Keeps the mount point such that nobody can write to it while the disk is not mounted.
  - Keeps the folders on it where it is mounted. Mounts nothing for longer than it takes to make them.
options:
  device: {description: The disk., type: path, required: true}
  owner: {description: Whose the disk is. Another owner's is refused., type: str, required: true}
  filesystem: {description: Kind of file system., type: str, choices: [ext4, xfs], default: ext4}
  mount_point: {description: Where the disk is mounted by others., type: path, required: true}
  min_size: {description: "Smallest size that is taken, such as V(100G).", type: str, default: 1G}
  make:
    description: Whether this host makes the file system if there is none. Of several hosts one may.
    type: bool
    default: false
  options:
    description: Arguments of C(mkfs) for a new file system.
    type: list
    elements: str
    default: []
  uuid:
    description: The UUID that another host has seen; with another one, or none, the disk is refused.
    type: str
    default: ""
  directories:
    description: Folders on the disk, parents first. What lies in them is not looked at.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: "Path below the mount point, without a leading slash.", type: str, required: true}
      owner: {description: Owner. A number is the same on all hosts., type: str, default: root}
      group: {description: Group., type: str, default: root}
      mode: {description: Permissions., type: str, default: "0755"}
attributes:
  check_mode: {support: full, description: Says what would be made.}
  diff_mode: {support: full, description: "Shows what is on the disk, before and after."}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Keep the shared disk
  storage_filesystem:
    device: /dev/disk/by-id/wwn-0x600508b1001c1a2b
    owner: mail.example.org
    mount_point: /srv/mailroom
    make: "{{ inventory_hostname == 'mail1' }}"
    directories:
      - {path: mail, owner: "5000", group: "5000", mode: "0750"}
"""

RETURN = r"""
seen:
  description:
    - What the disk is known by (C(uuid), C(size), C(serial)) and its C(state)
      (V(blank), V(unfinished), V(ours)), after what was done.
  type: dict
  returned: always
made: {description: Whether the file system was made., type: bool, returned: always}
mounted: {description: Whether it is mounted at the mount point on this host., type: bool, returned: always}
"""

import array
import contextlib
import fcntl
import json
import os
import stat
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mailroom.quantities import parse_size
from ansible.module_utils.mailroom.storage import (
    BLANK,
    FILE_SYSTEMS,
    OURS,
    UNFINISHED,
    Disk,
    StorageError,
    Wanted,
    judge,
    make_command,
    name_command,
    new_uuid,
    owns,
    parse_signatures,
)

MARK_FILE = ".mailroom-storage"
# How much of the beginning and the end of a disk without a signature has to be zeros.
LOOKED_AT = 1024 * 1024
# Linux's numbers for the attributes that chattr sets.
GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10

# In a mount namespace of its own, which ends with it: nobody else sees this mount, and none is left over.
FURNISH = r"""
set -eu
device=$1 at=$2 type=$3 mark=$4 content=$5
shift 5
mount --types "$type" --options nodev,nosuid,noexec "$device" "$at"
printf '%s\n' "$content" > "$at/$mark"
while [ $# -gt 0 ]; do
  install -d -o "$2" -g "$3" -m "$4" "$at/$1"
  shift 4
done
sync --file-system "$at"
umount "$at"
"""


class Host:
    """What this host has: disks, mounts, the mount point."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module

    def run(self, *command: str) -> str:
        code, out, err = self.module.run_command(list(command), path_prefix="/usr/sbin")
        if code:
            raise StorageError(f"{' '.join(command[:3])} ...: {(err or out).strip()}")
        return out

    def look(self, path: str) -> Disk:
        """Look at a disk."""
        try:
            status = os.stat(path)
        except OSError:
            return Disk(path, kind="missing")
        if not stat.S_ISBLK(status.st_mode):
            return Disk(path, kind="folder" if stat.S_ISDIR(status.st_mode) else "file")
        number = f"{os.major(status.st_rdev)}:{os.minor(status.st_rdev)}"
        system = Path("/sys/dev/block") / number
        signatures = parse_signatures(
            self.run("wipefs", "--no-act", "--json", "--output", "OFFSET,TYPE,USAGE,UUID,LABEL", path)
        )
        size = int((system / "size").read_text()) * 512
        return Disk(
            path,
            size=size,
            read_only=(system / "ro").read_text().strip() == "1",
            signatures=signatures,
            zeros=bool(signatures) or _zeros(path, size),
            partitions=tuple(sorted(found.parent.name for found in system.glob("*/partition"))),
            holders=tuple(sorted(f"/dev/{_name(holder)}" for holder in (system / "holders").glob("*"))),
            mounted=tuple(sorted(place for place, device in self.mounts() if device == number)),
            serial=_serial(system),
        )

    def mounts(self) -> list[tuple[str, str]]:
        """Return (mount point, device number) of all that is mounted as a whole."""
        rows = (line.split(" ") for line in Path("/proc/self/mountinfo").read_text().splitlines())
        return [(row[4].encode().decode("unicode_escape"), row[2]) for row in rows if row[3] == "/"]


def _name(device: Path) -> str:
    """Return the name by which a device is used: /dev/mapper/NAME rather than /dev/dm-0."""
    try:
        return "mapper/" + (device.resolve() / "dm/name").read_text().strip()
    except OSError:
        return device.name


def _zeros(path: str, size: int) -> bool:
    with open(path, "rb") as disk:
        for start in (0, max(0, size - LOOKED_AT)):
            disk.seek(start)
            if any(disk.read(LOOKED_AT)):
                return False
    return True


def _serial(system: Path) -> str:
    """Return what the hardware, or the volume manager, calls a disk; a partition has the name of its disk."""
    for folder in (system, system.resolve().parent):
        for file in ("dm/uuid", "wwid", "device/wwid", "serial", "device/serial"):
            with contextlib.suppress(OSError):
                if text := (folder / file).read_text(errors="replace").strip():
                    return " ".join(text.split())
    return ""


class MountPoint:
    """The folder below the mount: nobody's, and closed."""

    def __init__(self, module: AnsibleModule, path: str) -> None:
        self.module, self.path = module, path

    def keep(self) -> bool:
        """Make it such that only a mount can be written to; return whether that is a change."""
        missing = not os.path.isdir(self.path)
        if missing:
            if self.module.check_mode:
                return True
            os.makedirs(self.path, 0o700)
        # If it is mounted at this very moment, this is still the folder below.
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            return self._keep(handle) or missing
        finally:
            os.close(handle)

    def _keep(self, handle: int) -> bool:
        status = os.fstat(handle)
        if status.st_dev != os.stat(os.path.dirname(self.path)).st_dev:
            return False
        if found := sorted(os.listdir(handle)):
            more = ", ..." if len(found) > 3 else ""
            raise StorageError(
                f"{self.path} is not mounted and not empty ({', '.join(found[:3])}{more}): a mount would hide that. "
                "Move it away: docs/storage.md says how to bring a single host's mail to the shared disk"
            )
        flags = _flags(handle)
        closed = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (0, 0, 0)
        if closed and (flags is None or flags & IMMUTABLE):
            return False
        if self.module.check_mode:
            return True
        if flags is not None and flags & IMMUTABLE:
            _set_flags(handle, flags & ~IMMUTABLE)
        os.fchown(handle, 0, 0)
        os.fchmod(handle, 0)
        if flags is None:
            # Its mode alone keeps out all but root.
            return not closed
        try:
            _set_flags(handle, flags | IMMUTABLE)
        except OSError as error:
            self.module.warn(f"{self.path} cannot be made immutable ({error.strerror}): only its mode protects it")
            return not closed
        return True


def _flags(handle: int) -> int | None:
    """Return the attributes that chattr sets; None where the file system has none."""
    value = array.array("i", [0])
    try:
        fcntl.ioctl(handle, GET_FLAGS, value)
    except OSError:
        return None
    return value[0]


def _set_flags(handle: int, flags: int) -> None:
    fcntl.ioctl(handle, SET_FLAGS, array.array("i", [flags]))


def make(module: AnsibleModule, host: Host, disk: Disk, again: bool) -> None:
    """Make the file system with all that belongs on it; it has its name last, so a half made one is known as such."""
    wanted = module.params
    identity = new_uuid(wanted["owner"], os.urandom(8))
    mark = {
        "owner": wanted["owner"],
        "uuid": identity,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    folders = [str(item[key]) for item in wanted["directories"] for key in ("path", "owner", "group", "mode")]
    with open(disk.path, "rb") as handle:
        # udev and other runs keep away meanwhile.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise StorageError(f"{disk.path} is locked by another program on this host") from error
        host.run(*make_command(wanted["filesystem"], identity, wanted["options"], disk.path, again))
        place = tempfile.mkdtemp(prefix="mailroom-", dir=module.tmpdir)
        try:
            host.run(
                "unshare", "--mount", "--propagation", "private", "sh", "-c", FURNISH, "furnish",
                disk.path, place, wanted["filesystem"], MARK_FILE, json.dumps(mark), *folders,
            )  # fmt: skip
        finally:
            os.rmdir(place)
        host.run(*name_command(wanted["filesystem"], wanted["owner"], disk.path))


def keep_folders(module: AnsibleModule) -> bool:
    """Keep the folders on a disk that is mounted here; return whether that is a change."""
    top = module.params["mount_point"]
    with contextlib.suppress(FileNotFoundError, ValueError):
        mark = json.loads(Path(top, MARK_FILE).read_text())
        if mark.get("owner") != module.params["owner"]:
            raise StorageError(f"{top}/{MARK_FILE} says that this is {mark.get('owner')}'s")
    changed = False
    for item in module.params["directories"]:
        path = os.path.join(top, item["path"])
        if not os.path.isdir(path):
            changed = True
            if module.check_mode:
                continue
            os.makedirs(path, 0o700)
        wanted = {"path": path, "owner": item["owner"], "group": item["group"], "mode": item["mode"]}
        changed = module.set_fs_attributes_if_different(module.load_file_common_arguments(wanted), changed)
    return changed


def shown(disk: Disk, state: str) -> str:
    return f"{disk.path}: {'empty' if state == BLANK else ', '.join(map(str, disk.signatures))}\n"


def work(module: AnsibleModule) -> dict[str, Any]:
    parameters = module.params
    host, device = Host(module), parameters["device"]
    wanted = Wanted(
        parameters["owner"],
        parameters["filesystem"],
        parameters["mount_point"],
        parse_size(parameters["min_size"]) or 0,
    )
    disk = host.look(device)
    state = judge(disk, wanted)
    if parameters["uuid"] and (state != OURS or disk.uuid != parameters["uuid"]):
        raise StorageError(
            f"{device} is another disk here: it has the UUID {disk.uuid or 'none'}, and {parameters['uuid']} elsewhere"
        )
    before = shown(disk, state)
    mounted = wanted.mount_point in disk.mounted
    if not mounted and wanted.mount_point in {place for place, _device in host.mounts()}:
        raise StorageError(f"something else than {device} is mounted at {wanted.mount_point}")
    changed = made = False
    if not mounted:
        changed = MountPoint(module, wanted.mount_point).keep()
    if mounted:
        changed = keep_folders(module)
    elif state != OURS and parameters["make"]:
        changed = made = True
        if not module.check_mode:
            make(module, host, disk, again=state == UNFINISHED)
            disk = host.look(device)
            state = judge(disk, wanted)
            if state != OURS or not owns(wanted.owner, disk.uuid):
                raise StorageError(f"{device} is not as it was made: {before}")
    after = f"{device}: {wanted.filesystem} of {wanted.owner}\n" if made and module.check_mode else shown(disk, state)
    return {
        "changed": changed,
        "made": made,
        "mounted": mounted,
        "seen": {"uuid": disk.uuid, "size": disk.size, "serial": disk.serial, "state": state},
        "diff": {"before": before, "after": after},
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "device": {"type": "path", "required": True},
            "owner": {"type": "str", "required": True},
            "filesystem": {"type": "str", "choices": list(FILE_SYSTEMS), "default": "ext4"},
            "mount_point": {"type": "path", "required": True},
            "min_size": {"type": "str", "default": "1G"},
            "make": {"type": "bool", "default": False},
            "options": {"type": "list", "elements": "str", "default": []},
            "uuid": {"type": "str", "default": ""},
            "directories": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "path": {"type": "str", "required": True},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str", "default": "0755"},
                },
            },
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**work(module))
    except (StorageError, ValueError, OSError) as error:
        module.fail_json(msg=str(error))


if __name__ == "__main__":
    main()
