# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS: zones derived from data, planned against what is served, rendered as zone files.

Plain Python with the standard library alone: the name server needs no further package, and reading YAML
(`zone_files`) happens on the controller only. This file imports nothing, as modules carry what they use to the target.
"""
