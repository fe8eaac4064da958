# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules of DNS are told, from inventory data."""

from __future__ import annotations

import base64
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from mailroom.zones.platform import read_platform

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("mailroom_dns", ROOT / "filter_plugins/mailroom_dns.py")
assert SPEC is not None
assert SPEC.loader is not None
dns: Any = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(dns)
SETTINGS = {"domain": "mailroom.example", "nameservers": ["ns1"], "contact": "hostmaster@mailroom.example"}
LAN = {
    "lan": {"ip4": "10.80.1.31", "ip6": "fd80:80:1::31"},
    "wan": {"ip4": "198.51.100.31"},
    "cluster": {"ip4": "10.80.3.1"},
}


def test_addresses_go_to_the_sides_that_can_reach_them():
    found = dns.dns_platform(SETTINGS, [{"names": ["ns1.mailroom.example", "ns1"], "networks": LAN}])
    assert found["hosts"] == [
        {"name": "ns1.mailroom.example", "inside": ["10.80.1.31", "fd80:80:1::31"], "outside": ["198.51.100.31"]}
    ]


def test_addresses_can_be_named_by_side():
    found = dns.dns_platform(SETTINGS, [{"name": "ns1", "inside": ["192.0.2.31"], "aliases": ["dns"]}])
    assert found["hosts"] == [{"name": "ns1", "inside": ["192.0.2.31"], "outside": [], "aliases": ["dns"]}]


def test_services_keep_all_their_names():
    service = {"names": ["mail", "smtp"], "networks": {"lan": ["10.80.1.10"]}, "one_sided": True}
    found = dns.dns_platform(SETTINGS, [], [service])
    assert found["services"] == [
        {"names": ["mail", "smtp"], "inside": ["10.80.1.10"], "outside": [], "one_sided": True}
    ]


def test_networks_are_those_of_both_sides():
    networks = {"lan": [{"subnet": "10.80.1.0/24", "gateway": "x"}], "cluster": [{"subnet": "10.80.3.0/24"}]}
    assert dns.dns_platform(SETTINGS, [], [], networks)["networks"] == [{"prefix": "10.80.1.0/24"}]
    given = [{"prefix": "192.0.2.0/24", "views": ["internal"]}]
    assert dns.dns_platform(SETTINGS, [], [], given)["networks"] == given


def test_settings_keep_what_they_say_themselves():
    found = dns.dns_platform({**SETTINGS, "hosts": [{"name": "printer"}]}, [{"name": "ns1"}])
    assert [host["name"] for host in found["hosts"]] == ["printer", "ns1"]


@pytest.mark.parametrize(("hosts", "services"), [([{"networks": LAN}], []), ([], [{"inside": ["10.0.0.1"]}])])
def test_who_has_no_name_is_refused(hosts, services):
    with pytest.raises(AnsibleFilterError, match="without"):
        dns.dns_platform(SETTINGS, hosts, services)


def test_the_result_is_what_zones_take():
    schema = json.loads((ROOT / "schemas/zone.schema.json").read_text())
    networks = {"wan": [{"subnet": "198.51.100.0/24"}]}
    data = dns.dns_platform(SETTINGS, [{"name": "ns1", "networks": LAN}], [{"names": ["mail"]}], networks)
    platform, findings = read_platform(data, schema)
    assert [str(finding) for finding in findings] == []
    assert platform is not None


def certificate(text: str) -> str:
    return f"-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----"


KEY = "-----BEGIN PUBLIC KEY-----\nnext\n-----END PUBLIC KEY-----"
NONE = {"failed": True, "msg": "file not found: /etc/mailroom/tls/next.pub"}


def read(*texts: str) -> dict:
    """What the play has read of a host; it has no next key unless two texts are given."""
    found = [{"content": base64.b64encode(text.encode()).decode()} for text in texts]
    return {"mailroom_dns_certificate": {"results": [*found, NONE][:2]}}


def test_certificates_of_all_hosts_behind_a_name_without_their_chains(tmp_path):
    chain = f"{certificate('one')}\n{certificate('issuer')}\n"
    hosts = {"mail1": read(chain), "mail2": read(certificate("two"), f"{KEY}\n")}
    found = dns.dns_certificates({"mail": ["mail1", "mail2"]}, hosts, str(tmp_path))
    assert found == {"mail": [certificate("one"), certificate("two"), KEY]}


def test_a_host_that_is_down_keeps_its_certificate(tmp_path):
    kept = dns.dns_certificate(read(certificate("kept"), KEY)["mailroom_dns_certificate"]["results"])
    (tmp_path / "mail2.pem").write_text(kept)
    hosts = {"mail1": read(certificate("one")), "mail2": {"mailroom_dns_certificate": {"unreachable": True}}}
    found = dns.dns_certificates({"mail": ["mail1", "mail2"]}, hosts, str(tmp_path))
    assert found == {"mail": [certificate("one"), certificate("kept"), KEY]}


def test_a_host_that_answers_may_have_none_yet(tmp_path):
    assert dns.dns_certificates({"mail": ["mail1"]}, {"mail1": read()}, str(tmp_path)) == {"mail": []}


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {"unreachable": True},
        {"unreachable": True, "results": [{"unreachable": True}]},
        {"results": [{"unreachable": True}]},
        {"skipped": True},
    ],
)
def test_a_host_of_which_nothing_is_known_stops_the_run(tmp_path, answer):
    with pytest.raises(AnsibleFilterError, match="certificate of mail1 is not known"):
        dns.dns_certificates({"mail": ["mail1"]}, {"mail1": {"mailroom_dns_certificate": answer}}, str(tmp_path))


def test_names_of_mail_domains_with_labels_before_them(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    aliases = "alias_domains: [widget.test]\naliases: {postmaster: [a@elsewhere.example]}\n"
    file = tmp_path / "bücher.example.yml"
    file.write_text(f"domain: bücher.example\ncustomer: b\n{aliases}")
    path = str(file)
    assert dns.mail_names(path) == ["widget.test", "xn--bcher-kva.example"]
    assert dns.mail_names(path, ["mta-sts"]) == ["mta-sts.widget.test", "mta-sts.xn--bcher-kva.example"]
    file.write_text("domain: 1\n")
    with pytest.raises(AnsibleFilterError, match="errors"):
        dns.mail_names(path)
