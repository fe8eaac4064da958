#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""A set of configuration files, checked together by the daemon's own checker before any is replaced."""

from __future__ import annotations

DOCUMENTATION = r"""
module: staged_files
short_description: Replace a daemon's configuration files as one checked change
description:
  - Writes a set of files into a staging folder, runs the daemon's own checker there,
    and only then replaces the live files.
  - Removes files that match O(purge) and are not in the set,
    so that a setting taken out of the data leaves nothing behind.
  - One task for all files of a daemon, as each task costs a round trip.
options:
  files:
    description: The files. Content comes from templates by the template look-up.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Where it lies., type: path, required: true}
      content: {description: Its text., type: str}
      secret_content: {description: "Its text, never shown in output or diff.", type: str}
      mode: {description: Permissions., type: str, default: "0644"}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
  directories:
    description: Folders that must exist, parents first.
    type: list
    elements: dict
    default: []
    suboptions:
      path: {description: Where it lies., type: path, required: true}
      mounted:
        description:
          - A mount point that it lies below. While nothing is mounted there the folder is left out,
            so that nothing is written below the mount point of a file system that another host has.
        type: str
        default: ""
      mode: {description: Permissions., type: str, default: "0755"}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
  purge:
    description: Glob patterns. Files that match and are not in O(files) are removed.
    type: list
    elements: str
    default: []
  derived:
    description:
      - Suffixes of files that a daemon makes from files of the set, such as V(.svbin) from V(.sieve).
      - O(purge) removes them only together with their source.
    type: list
    elements: str
    default: []
  stage_copy:
    description: Live folders that the checker needs beside the new files.
    type: list
    elements: path
    default: []
  checks:
    description:
      - Commands that judge the staged files, each a list; C({root}) stands for the staging folder.
      - They run if something changes.
    type: list
    elements: list
    default: []
  check_always:
    description:
      - Run O(checks) even if nothing changes. Where the daemon does not run, as on the passive node of a cluster,
        nobody else would notice that a new version of it refuses the old configuration.
    type: bool
    default: false
  reject_output:
    description:
      - A line of a checker's output that matches this regular expression is a failure,
        even if the exit code is 0.
    type: str
    default: ""
  forbid:
    description:
      - Patterns that no line of the files may match,
        because the daemon would take them silently though they are wrong.
    type: list
    elements: dict
    default: []
    suboptions:
      pattern: {description: Regular expression., type: str, required: true}
      why: {description: What is wrong with it., type: str, required: true}
      path: {description: Only files whose path matches this regular expression., type: str, default: ""}
attributes:
  check_mode: {support: full, description: Says what would change; the checkers run if they are installed.}
  diff_mode: {support: full, description: Secret files are masked.}
author: Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Configure the daemon
  staged_files:
    files:
      - path: /etc/daemon/daemon.conf
        content: "{{ lookup('ansible.builtin.template', 'etc/daemon/daemon.conf.j2') }}"
    checks:
      - [daemon, check, -c, "{root}/etc/daemon/daemon.conf"]
"""

RETURN = r"""
written: {description: Files that were replaced., type: list, returned: always}
removed: {description: Files that were removed., type: list, returned: always}
"""

import grp
import os
import pwd
import shutil
import tempfile
from typing import Any

from ansible.module_utils import mailroom_stage as core
from ansible.module_utils.basic import AnsibleModule


def _known(owner: str, group: str) -> bool:
    try:
        pwd.getpwnam(owner)
        grp.getgrnam(group)
    except KeyError:
        return False
    return True


def _attributes(module: AnsibleModule, item: dict[str, Any], changed: bool) -> bool:
    """Owner, group, mode. Users that a check run would only have made count as a change."""
    if module.check_mode and (not os.path.exists(item["path"]) or not _known(item["owner"], item["group"])):
        return True
    wanted = {"owner": item["owner"], "group": item["group"], "mode": item["mode"]}
    arguments = module.load_file_common_arguments({**wanted, "path": item["path"]})
    return module.set_fs_attributes_if_different(arguments, changed)


def main() -> None:
    where = {
        "path": {"type": "path", "required": True},
        "owner": {"default": "root"},
        "group": {"default": "root"},
    }
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    **where,
                    "content": {"type": "str"},
                    "secret_content": {"type": "str", "no_log": True},
                    "mode": {"type": "str", "default": "0644"},
                },
                "required_one_of": [("content", "secret_content")],
                "mutually_exclusive": [("content", "secret_content")],
            },
            "directories": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    **where,
                    "mode": {"type": "str", "default": "0755"},
                    "mounted": {"type": "str", "default": ""},
                },
            },
            "purge": {"type": "list", "elements": "str", "default": []},
            "derived": {"type": "list", "elements": "str", "default": []},
            "stage_copy": {"type": "list", "elements": "path", "default": []},
            "checks": {"type": "list", "elements": "list", "default": []},
            "check_always": {"type": "bool", "default": False},
            "reject_output": {"type": "str", "default": ""},
            "forbid": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "pattern": {"type": "str", "required": True},
                    "why": {"type": "str", "required": True},
                    "path": {"type": "str", "default": ""},
                },
            },
        },
        supports_check_mode=True,
    )
    parameters = module.params
    files = [
        core.File(
            item["path"],
            (item["content"] if item["secret_content"] is None else item["secret_content"]).encode(),
            int(item["mode"], 8),
            secret=item["secret_content"] is not None,
        )
        for item in parameters["files"]
    ]

    faults = core.find_forbidden(files, [core.Forbidden(**rule) for rule in parameters["forbid"]])
    if faults:
        module.fail_json(msg="Nothing was changed. " + "; ".join(faults))

    plan = core.make_plan(files, parameters["purge"], tuple(parameters["derived"]))
    changed = bool(plan.write or plan.remove)

    def run(command: list[str]) -> tuple[int, str]:
        if module.check_mode and not shutil.which(command[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            module.warn(f"{command[0]} is not installed yet, so the new configuration was not checked")
            return 0, ""
        code, out, err = module.run_command(command)
        return code, out + err

    staging = tempfile.mkdtemp(prefix="mailroom-", dir=module.tmpdir)
    try:
        if parameters["checks"] and (changed or parameters["check_always"]):
            core.stage(staging, files, plan, parameters["stage_copy"])
            try:
                core.run_checks(staging, parameters["checks"], parameters["reject_output"], run)
            except core.StageError as error:
                module.fail_json(msg=str(error))

        for item in parameters["directories"]:
            if item["mounted"] and not os.path.ismount(item["mounted"]):
                continue
            if not os.path.isdir(item["path"]):
                changed = True
                if not module.check_mode:
                    os.makedirs(item["path"], int(item["mode"], 8))
            changed = _attributes(module, item, changed)

        modes = {item["path"]: item for item in parameters["files"]}
        if not module.check_mode:
            for file in plan.write:
                # Owner and mode come before the name, so a secret is never readable by others.
                handle, temporary = tempfile.mkstemp(prefix=".mailroom-", dir=os.path.dirname(file.path))
                with os.fdopen(handle, "wb") as stream:
                    stream.write(file.content)
                    stream.flush()
                    os.fsync(stream.fileno())
                _attributes(module, {**modes[file.path], "path": temporary}, False)
                os.replace(temporary, file.path)
            for path in plan.remove:
                os.unlink(path)
        for item in parameters["files"]:
            changed = _attributes(module, item, changed)
    finally:
        shutil.rmtree(staging, ignore_errors=True)

    module.exit_json(
        changed=changed,
        written=[file.path for file in plan.write],
        removed=plan.remove,
        diff=plan.diff,
    )


if __name__ == "__main__":
    main()
