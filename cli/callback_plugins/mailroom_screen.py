# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what a playbook has to say, and nothing about how it went: for screens such as that of `make status`."""

from __future__ import annotations

import sys

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: mailroom_screen
type: stdout
short_description: Print the messages of a playbook only
description:
  - Prints messages of C(debug), plain. What fails otherwise than by an assertion goes to standard error.
options: {}
"""


class CallbackModule(CallbackBase):
    """Messages to standard output, faults to standard error."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "mailroom_screen"

    @staticmethod
    def _parts(task_result):
        # ansible-core 2.19 gave these attributes public names.
        task = getattr(task_result, "task", None) or task_result._task
        host = getattr(task_result, "host", None) or task_result._host
        result = getattr(task_result, "result", None) or task_result._result
        return task, host, result

    def v2_runner_on_ok(self, result):
        task, _host, found = self._parts(result)
        if task.action.rpartition(".")[2] == "debug" and "msg" in found:
            print(found["msg"])

    def v2_runner_on_failed(self, result, ignore_errors=False):
        task, host, found = self._parts(result)
        if not ignore_errors and task.action.rpartition(".")[2] != "assert":
            print(f"{host.get_name()}: {task.get_name()}: {found.get('msg', 'no message')}", file=sys.stderr)
