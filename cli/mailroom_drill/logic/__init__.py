# SPDX-License-Identifier: GPL-3.0-or-later
"""What the drill decides, without input or output: the same history always gives the same verdict."""
