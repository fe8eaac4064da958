#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see https://www.gnu.org/licenses/gpl-3.0.txt)
"""Give slapd a minimal configuration of its own where it has none. The judgement is in mailroom.slapd."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: slapd_bootstrap
short_description: Give slapd a minimal configuration, or refuse a database of another suffix
description:
  - Where there is no configuration, or only the empty default database that the package makes, a minimal
    C(cn=config) is built beside it, checked, and moved into place while slapd is stopped.
  - A database with data is never replaced. If it has another suffix the module refuses.
  - An interrupted run leaves a state that the next run continues from.
options:
  suffix:
    description: Suffix that the data database has, or shall get later.
    type: str
    required: true
  config_dir:
    description: Folder of C(cn=config).
    type: path
    default: /etc/ldap/slapd.d
  data_dir:
    description: Folder of the data database.
    type: path
    default: /var/lib/ldap
  schemas:
    description: LDIF files of standard schemas to start with.
    type: list
    elements: path
    default: [/etc/ldap/schema/core.ldif, /etc/ldap/schema/cosine.ldif, /etc/ldap/schema/inetorgperson.ldif]
attributes:
  check_mode:
    description: Says what would be done.
    support: full
  diff_mode:
    description: Says in words what would be done.
    support: full
author:
  - Mailroom authors (!UNKNOWN)
"""

EXAMPLES = r"""
- name: Configuration to start with
  slapd_bootstrap:
    suffix: dc=mailroom,dc=example
"""

RETURN = r"""
reason:
  description: What was found.
  type: str
  returned: always
"""

import glob
import os
import shutil
import time

from ansible.module_utils.basic import AnsibleModule

# Mitogen ships only what it finds as an absolute import; these are imported relatively further down.
from ansible.module_utils.mailroom import (
    dn,  # noqa: F401
    slapd,
)

OWNER = "openldap"
MINIMAL = """\
dn: cn=config
objectClass: olcGlobal
cn: config

dn: cn=module{{0}},cn=config
objectClass: olcModuleList
cn: module{{0}}
olcModulePath: /usr/lib/ldap
olcModuleLoad: back_mdb

dn: cn=schema,cn=config
objectClass: olcSchemaConfig
cn: schema

{includes}
dn: olcDatabase={{-1}}frontend,cn=config
objectClass: olcDatabaseConfig
objectClass: olcFrontendConfig
olcDatabase: {{-1}}frontend

dn: olcDatabase={{0}}config,cn=config
objectClass: olcDatabaseConfig
olcDatabase: {{0}}config
olcRootDN: gidNumber=0+uidNumber=0,cn=peercred,cn=external,cn=auth
"""


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "suffix": {"type": "str", "required": True},
            "config_dir": {"type": "path", "default": "/etc/ldap/slapd.d"},
            "data_dir": {"type": "path", "default": "/var/lib/ldap"},
            "schemas": {
                "type": "list",
                "elements": "path",
                "default": [f"/etc/ldap/schema/{name}.ldif" for name in ("core", "cosine", "inetorgperson")],
            },
        },
        supports_check_mode=True,
    )
    config_dir, data_dir = module.params["config_dir"], module.params["data_dir"]
    has_config = os.path.exists(f"{config_dir}/cn=config.ldif")
    action, reason = slapd.decide(_databases(module, config_dir), module.params["suffix"], has_config)
    if action == slapd.REFUSE:
        module.fail_json(msg=reason)
    # An administrator may have removed the folder and not only what is in it.
    lost = not os.path.isdir(data_dir)
    # It holds the replica's password; the package makes it readable.
    open_to_all = has_config and os.stat(config_dir).st_mode & 0o007
    changed = bool(action == slapd.BOOTSTRAP or lost or open_to_all)
    if changed and not module.check_mode:
        if action == slapd.BOOTSTRAP:
            _bootstrap(module, config_dir, data_dir, has_config)
        elif open_to_all:
            os.chmod(config_dir, 0o700)
        if lost:
            os.mkdir(data_dir, 0o700)
            shutil.chown(data_dir, OWNER, OWNER)
    prepared = f"{reason}: a minimal one is made\n" if action == slapd.BOOTSTRAP else "modes of slapd's folders\n"
    module.exit_json(changed=changed, reason=reason, diff={"prepared": prepared} if changed else {})


def _databases(module: AnsibleModule, config_dir: str) -> list[slapd.Database]:
    """Return the data databases that the configuration names; those of other suffixes with their entries."""
    config = {}
    for path in glob.glob(f"{glob.escape(config_dir)}/cn=config/olcDatabase=*.ldif"):
        with open(path, encoding="utf-8") as file:
            config[path] = file.read()
    found = []
    for suffix, root_dn, folder in slapd.databases(config):
        entries = []
        # The database of this role is not looked into: it may be large, and is known by its local root.
        ours = suffix.lower() == module.params["suffix"].lower() and not root_dn.lower().startswith("cn=admin,")
        # Without its file a database is empty (an interrupted run may have left it so), and slapcat would fail.
        if not ours and os.path.exists(f"{folder}/data.mdb"):
            command = ["slapcat", "-F", config_dir, "-b", suffix, "-o", "ldif-wrap=no"]
            dump = module.run_command(command, check_rc=True)[1]
            entries = [entry["dn"][0] for entry in slapd.parse_ldif(dump) if "dn" in entry]
        found.append(slapd.Database(suffix, root_dn, entries))
    return found


def _bootstrap(module: AnsibleModule, config_dir: str, data_dir: str, has_config: bool) -> None:
    new = f"{config_dir}.new"
    shutil.rmtree(new, ignore_errors=True)
    os.mkdir(new, 0o700)
    includes = "".join(f"include: file://{path}\n\n" for path in module.params["schemas"])
    module.run_command(["slapadd", "-n0", "-F", new], data=MINIMAL.format(includes=includes), check_rc=True)
    module.run_command(["slaptest", "-u", "-F", new], check_rc=True)
    for folder, _folders, files in os.walk(new):
        for path in [folder, *(os.path.join(folder, name) for name in files)]:
            shutil.chown(path, OWNER, OWNER)
    # systemctl and not the service module: this must happen between the two halves of this function.
    module.run_command(["systemctl", "stop", "slapd"], check_rc=True)
    if has_config:
        # Judged above: the package's default database and nothing else. Data first, so that an interruption here
        # leaves a configuration that is recognised as empty again.
        for name in ("data.mdb", "lock.mdb"):
            if os.path.exists(f"{data_dir}/{name}"):
                os.unlink(f"{data_dir}/{name}")
        shutil.rmtree(config_dir)
    elif os.path.isdir(config_dir) and os.listdir(config_dir):
        # Pieces of a configuration that lost its first file: nothing to work with, but not ours to throw away.
        os.rename(config_dir, time.strftime(f"{config_dir}.broken-%Y%m%dT%H%M%S"))
    elif os.path.isdir(config_dir):
        os.rmdir(config_dir)
    os.rename(new, config_dir)


if __name__ == "__main__":
    main()
