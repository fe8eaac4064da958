# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of inventories/production, filled in as docs/production.md says, with a vault that is really encrypted."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What every word of the starting point becomes, for hosts that differ from the documentation's.
REPLACED = {"192.0.2.": "10.80.4.", "2001:db8::": "fd80:80:4::"}
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Production:
    """Inventory, secrets and certificate of an imaginary newcomer, all below `folder`."""

    def __init__(self, folder: Path, names: tuple[str, ...] = ("imap.example.org", "mail1.mail.example.org")) -> None:
        self.folder, self.names = folder, names
        self.inventory = folder / "inventory"
        self.vault = self.inventory / "group_vars/all/vault.yml"
        self.ca = folder / "public-ca.crt"
        shutil.copytree(ROOT / "inventories/production", self.inventory)
        self.home = folder / "home"
        self.home.mkdir()
        self.vault_password = folder / "vault-password"
        self.vault_password.write_text(secrets.token_hex(16))
        # The internal CA, temporary files and the like of these runs are below here too, so that they can be searched.
        self.env = {
            **os.environ,
            "HOME": str(self.home),
            "ANSIBLE_VAULT_PASSWORD_FILE": str(self.vault_password),
            "ANSIBLE_INVENTORY": str(self.inventory / "hosts.yml"),
        }
        self._replace_addresses()
        self._buy_certificate()
        self._fill_vault()

    def run(
        self, *command: str, stdin: str | None = None, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the newcomer; what it says on both channels is `stdout`."""
        return subprocess.run(
            command,
            cwd=ROOT,
            env={**self.env, **(env or {})},
            text=True,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def done(self, *command: str, stdin: str | None = None, env: dict[str, str] | None = None) -> str:
        """What a command says that has to succeed."""
        done = self.run(*command, stdin=stdin, env=env)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def _replace_addresses(self) -> None:
        for file in (self.inventory / "hosts.yml", self.inventory / "group_vars/all/base.yml"):
            text = file.read_text()
            for old, new in REPLACED.items():
                assert old in text or file.name == "hosts.yml", f"{old} is not in {file}"
                text = text.replace(old, new)
            file.write_text(text)

    def _buy_certificate(self) -> None:
        """A certificate with an intermediate, as a CA sells it; its key stays in memory for the vault."""
        files = self.inventory / "files"
        files.mkdir()
        work = self.folder / "ca"
        work.mkdir()
        self._sign(self.ca, work / "root.key", "Public CA", "basicConstraints=critical,CA:TRUE", None)
        chain = files / f"{self.names[0]}.chain.crt"
        self._sign(chain, work / "chain.key", "Public CA, issuing", "basicConstraints=critical,CA:TRUE,pathlen:0",
                   (self.ca, work / "root.key"))  # fmt: skip
        san = "subjectAltName=" + ",".join(f"DNS:{name}" for name in self.names)
        self._sign(files / f"{self.names[0]}.crt", work / "host.key", self.names[0], san, (chain, work / "chain.key"))
        self.private_key = (work / "host.key").read_text()
        shutil.rmtree(work)

    def _sign(self, certificate: Path, key: Path, name: str, extension: str, issuer: tuple[Path, Path] | None) -> None:
        signer = ["-CA", str(issuer[0]), "-CAkey", str(issuer[1])] if issuer else []
        self.done(
            "openssl", "req", "-x509", *KEY, "-keyout", str(key), "-out", str(certificate), "-days", "90",
            "-subj", f"/CN={name}", "-addext", extension, *signer,
        )  # fmt: skip

    def _fill_vault(self) -> None:
        """vault.yml.example with real values, encrypted before it is written."""
        text = (self.vault.parent / "vault.yml.example").read_text()
        text = re.sub(r'"\{\{ undef\(.*\) \}\}"', lambda _: secrets.token_hex(16), text)
        key = "".join(f"  {line}\n" for line in self.private_key.splitlines())
        text, count = re.subn(
            r"# mailroom_pki_private_key: \|\n(#   .*\n)+", f"mailroom_pki_private_key: |\n{key}", text
        )
        assert count == 1
        self.secrets = re.findall(r"^mailroom_\w+: (\w{32})$", text, re.MULTILINE)
        self.secrets += [line for line in self.private_key.splitlines() if not line.startswith("-")]
        self.done("ansible-vault", "encrypt", "--output", str(self.vault), "-", stdin=text)

    def choose_files(self) -> None:
        """Take the second way in group_vars/mail/pki.yml, certificates from files, instead of the first."""
        file = self.inventory / "group_vars/mail/pki.yml"
        first, second = file.read_text().split("# 2. ")
        first = re.sub(r"^pki_(provider|acme_\w+): .*\n", "", first, flags=re.MULTILINE)
        second = re.sub(r"^# (pki_)", r"\1", second, flags=re.MULTILINE)
        file.write_text(f"{first}# 2. {second}")

    def choose_pair(self) -> None:
        """Take the option of two mail hosts: the comment signs off what it needs, and values for its secrets."""
        for name in ("hosts.yml", "group_vars/all/base.yml"):
            file = self.inventory / name
            text, count = re.subn(
                r"^( +)# (?=mail2|cluster:| +hosts:$| +mail[12]:$|- \{address)", r"\1", file.read_text(), flags=re.M
            )
            assert count > 3
            file.write_text(text)
        clear = self.done("ansible-vault", "view", str(self.vault))
        values = {"mailroom_cluster_authkey": secrets.token_hex(64), "mailroom_fence_password": secrets.token_hex(16)}
        for name, value in values.items():
            clear, count = re.subn(rf'^# {name}: "\.\.\."$', f"{name}: {value}", clear, flags=re.MULTILINE)
            assert count == 1
        self.secrets += values.values()
        self.done("ansible-vault", "encrypt", "--output", str(self.vault), "-", stdin=clear)

    def choose_name_servers(self) -> None:
        """Take the option of name servers: the comment signs off their hosts, and values for their keys."""
        file = self.inventory / "hosts.yml"
        head, start, rest = file.read_text().partition("        name_servers:\n")
        part, end, tail = rest.partition("        # An option: two mail hosts")
        part, count = re.subn(
            r"^( +)# (?=hosts:| +ns[12]:| +ansible_host| +mailroom_dns_host)", r"\1", part, flags=re.M
        )
        assert count == 10
        file.write_text("".join((head, start, part, end, tail)))
        clear = self.done("ansible-vault", "view", str(self.vault))
        for name in ("internal", "external", "update"):
            value = secrets.token_hex(16)
            clear, count = re.subn(
                rf'^# mailroom_dns_{name}_key: "\.\.\."$', f"mailroom_dns_{name}_key: {value}", clear, flags=re.M
            )
            assert count == 1
            self.secrets.append(value)
        self.done("ansible-vault", "encrypt", "--output", str(self.vault), "-", stdin=clear)

    def clear_secrets(self) -> dict[str, list[str]]:
        """Files below the folder, by name, in which a secret of the vault is readable."""
        found: dict[str, list[str]] = {}
        for file in self.folder.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                seen = [secret for secret in self.secrets if secret.encode() in content]
                if seen:
                    found[file.relative_to(self.folder).as_posix()] = seen
        return found
