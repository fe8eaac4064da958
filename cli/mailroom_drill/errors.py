# SPDX-License-Identifier: GPL-3.0-or-later
"""How a drill stops."""


class DrillError(Exception):
    """The drill cannot go on: what is wrong and what to do, for the person who runs it."""
