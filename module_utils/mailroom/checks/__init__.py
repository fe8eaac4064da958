# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be wrong between objects of account files, one subject per module. Each has `check(context)`.

Errors stop a run. What only the calendar or a locked account makes wrong is a warning: files that were valid
yesterday stay valid.
"""
