# SPDX-License-Identifier: GPL-3.0-or-later
"""The logic of Mailroom: plain Python without Ansible and without LDAP.

Imported as `mailroom` by tests and action plugins and as `ansible.module_utils.mailroom` by modules, so every
import inside is relative. This file imports nothing: modules carry only what they use to the target.
"""
