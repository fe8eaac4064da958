# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands the result of each account task to the command line, in a file that it names: no text is taken apart."""

from __future__ import annotations

import json
import os

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: mailroom_result
type: notification
short_description: Write results of tasks to a file for bin/mailroom
description:
  - Appends a line of JSON for each result to the file that the variable MAILROOM_RESULT names.
options: {}
"""

# Failures of any task are told to the user; successes matter of these only.
MODULES = {"dns_records", "dns_zones", "mail_accounts", "mail_store", "mail_usage"}


class CallbackModule(CallbackBase):
    """One line for each result: {task, module, host, status, result}."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "mailroom_result"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self):
        super().__init__()
        self._file = os.environ.get("MAILROOM_RESULT")

    def _keep(self, task_result, status):
        # ansible-core 2.19 gave these attributes public names.
        task = getattr(task_result, "task", None) or task_result._task
        host = getattr(task_result, "host", None) or task_result._host
        result = getattr(task_result, "result", None) or task_result._result
        if not self._file or (status == "ok" and task.action not in MODULES):
            return
        line = {
            "task": task.get_name(),
            "module": task.action,
            "host": host.get_name(),
            "status": status,
            "result": {key: value for key, value in result.items() if not key.startswith(("_", "invocation"))},
        }
        with open(self._file, "a", encoding="utf-8") as stream:
            stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")

    def v2_runner_on_ok(self, result):
        self._keep(result, "ok")

    def v2_runner_on_failed(self, result, ignore_errors=False):
        if not ignore_errors:
            self._keep(result, "failed")

    def v2_runner_on_unreachable(self, result):
        self._keep(result, "unreachable")
