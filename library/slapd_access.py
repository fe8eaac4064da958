#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Ask slapd's own tool what its access rules give to whom. The judgement is in mailroom.slapd."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slapd_access
short_description: Test slapd's access rules on the server
description:
  - Runs C(slapacl) for each pair of identity and entry and compares the exact privileges with the expected ones.
  - Fails with one line for each difference. Never changes anything.
options:
  tests:
    description:
      - Each with C(who) (a DN or C(anonymous), or a list of them), C(what) (a DN, which need not exist),
        C(attributes) and C(expect) (a level as C(read), or privileges as C(=wx)).
    type: list
    elements: dict
    required: true
  config_dir:
    description: Folder of C(cn=config).
    type: path
    default: /etc/ldap/slapd.d
attributes:
  check_mode:
    description: Runs as usual, as it changes nothing.
    support: full
  diff_mode:
    support: none
    description: There is nothing to show.
author:
  - Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Nobody but the owner touches a password
  slapd_access:
    tests:
      - who: cn=postfix,ou=services,dc=mailroom,dc=example
        what: uid=alice,ou=widget.example,ou=domains,dc=mailroom,dc=example
        attributes: userPassword
        expect: none
"""

RETURN = r"""
count:
  description: How many privileges were compared.
  type: int
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule

# Mitogen ships only what it finds as an absolute import; these are imported relatively further down.
from ansible.module_utils.mailroom import (
    dn,  # noqa: F401
    slapd,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "tests": {"type": "list", "elements": "dict", "required": True},
            "config_dir": {"type": "path", "default": "/etc/ldap/slapd.d"},
        },
        supports_check_mode=True,
    )
    try:
        tests = slapd.load_access_tests(module.params["tests"])
    except ValueError as error:
        module.fail_json(msg=str(error))
    failures = []
    for (who, what), wanted in slapd.group(tests).items():
        attributes = sorted({test.attribute for test in wanted})
        # As slapd's own user, so that no file of the database can end up as root's. Asked about the entry itself
        # where it exists, as rules may look at its content; else about one of that name.
        for exists in (True, False):
            arguments = slapd.slapacl_arguments(who, what, attributes, exists)
            command = ["runuser", "-u", "openldap", "--", "slapacl", "-F", module.params["config_dir"], *arguments]
            code, output, errors = module.run_command(command)
            if code == 0:
                break
        if code:
            module.fail_json(msg=f"slapacl failed for {who} on {what}: {errors.strip() or output.strip()}")
        failures += slapd.judge(wanted, slapd.parse_slapacl(output + errors))
    if failures:
        module.fail_json(
            msg="The access rules in force do not give what openldap_access_tests expects:\n" + "\n".join(failures),
            failures=failures,
        )
    module.exit_json(changed=False, count=len(tests))


if __name__ == "__main__":
    main()
