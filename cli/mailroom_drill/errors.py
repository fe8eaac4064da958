# SPDX-License-Identifier: GPL-3.0-or-later
"""How a drill stops."""


class Ended(BaseException):
    """Somebody wants the drill to end. No case may take it for a finding of its own and go on."""


class DrillError(Exception):
    """The drill cannot go on: what is wrong and what to do, for the person who runs it."""
