# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line, bin/mailroom: arguments, files and output. Decisions are made in module_utils/mailroom."""
