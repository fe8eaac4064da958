# SPDX-License-Identifier: GPL-3.0-or-later
"""Name servers: what each side is told, what is refused, and that the secondary follows."""

from __future__ import annotations

import re

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rdata
import dns.rdtypes.dnskeybase
import dns.reversename
import pytest
from dnstools import INSIDE, OUTSIDE, PLAY, SECRETS, Servers, Sources, secret
from pairtools import stopped

SIDES = (INSIDE, OUTSIDE)
MAIL = "mail.mailroom.example"
NEW = "newcomer.example"
DESKS = "desks.mailroom.example"
PIDS = "systemctl show -p MainPID --value named"


@pytest.fixture(scope="module")
def servers(info, wait_for):
    made = Servers(info)
    for side in SIDES:
        wait_for(lambda side=side: made.equal("widget.example", side), f"the secondary has the zones ({side})", 60)
    return made


@pytest.fixture
def sources(playbook, tmp_path):
    """Files to change. Afterwards the lab has its own again, whatever the test did."""
    made = Sources(playbook, tmp_path)
    yield made
    made.restore()
    made.run(allow_zone_removals=[NEW])


# Views


@pytest.mark.parametrize("server", [0, 1], ids=["primary", "secondary"])
def test_one_name_leads_each_side_where_it_can_go(servers, info, server):
    inside, outside = (servers.both(side)[server] for side in SIDES)
    assert inside.values(MAIL, "A") == ["10.80.1.10"]
    assert outside.values(MAIL, "A") == [info["services"]["smtp"][0]]
    assert inside.values(MAIL, "AAAA") == ["fd80:80:1::10"]
    assert outside.values(MAIL, "AAAA") == ["2001:db8:80::10"]


@pytest.mark.parametrize("server", [0, 1], ids=["primary", "secondary"])
def test_the_inside_is_not_told_to_the_outside(servers, server):
    inside, outside = (servers.both(side)[server] for side in SIDES)
    for name in ("intranet.mailroom.example", "ldap1.mailroom.example", "client.mailroom.example"):
        assert inside.values(name, "A")
        assert outside.rcode(name, "A") == "NXDOMAIN"
    assert outside.rcode("21.1.80.10.in-addr.arpa", "PTR") == "REFUSED"


def test_addresses_lead_back_to_names(servers, info):
    for host, networks in info["hosts"].items():
        if host == "outside":
            continue
        expected = [f"{host}.mailroom.example."]
        for network, side in (("lan", INSIDE), ("branch", INSIDE), ("wan", OUTSIDE)):
            for addresses in (networks, info["hosts6"][host]):
                if network in addresses:
                    reverse = dns.reversename.from_address(addresses[network]).to_text()
                    assert servers.primary[side].values(reverse, "PTR") == expected


def test_a_domain_without_mail_says_so(servers):
    server = servers.secondary[OUTSIDE]
    assert server.values("parked.example", "MX") == ["0 ."]
    assert server.values("parked.example", "TXT") == ['"v=spf1 -all"']
    assert "p=reject" in server.values("_dmarc.parked.example", "TXT")[0]


# What is refused


@pytest.mark.parametrize("side", SIDES)
def test_nobody_transfers_a_zone_without_its_key(servers, side):
    other = OUTSIDE if side == INSIDE else INSIDE
    for server in servers.both(side):
        with pytest.raises(dns.exception.DNSException):
            server.transfer("mailroom.example")
    # The key decides the view, wherever it is used from.
    zone = servers.primary[side].transfer("mailroom.example", other)
    assert ("intranet" in {name.to_text() for name in zone.nodes}) == (other == INSIDE)


def test_the_outside_gets_no_recursion(servers):
    for server in servers.both(OUTSIDE):
        assert server.rcode("elsewhere.example", "MX", recurse=True) == "REFUSED"
        assert not server.ask("widget.example", "MX", recurse=True).flags & dns.flags.RA


def test_the_inside_gets_answers_of_others(servers):
    answer = servers.primary[INSIDE].ask("elsewhere.example", "MX", recurse=True)
    assert "mx.elsewhere.example." in answer.to_text()


@pytest.mark.parametrize("name", ["version.bind", "hostname.bind", "id.server"])
def test_a_server_says_nothing_about_itself(servers, name):
    for side in SIDES:
        for server in servers.both(side):
            question = dns.message.make_query(name, "TXT", "CH")
            answer = dns.query.udp(question, server.address, timeout=5)
            assert "9.20" not in answer.to_text()
            assert not answer.answer


def test_a_catalog_is_nobodys_business(servers):
    for side, view in ((INSIDE, "internal"), (OUTSIDE, "external")):
        for server in servers.both(side):
            assert server.rcode(f"{view}.catalog.invalid", "SOA") == "REFUSED"


def test_answers_to_outside_are_limited(hosts):
    assert re.search(r"rate-limit\s*\{", hosts("ns1").run("named-checkconf -px").stdout)


# Signatures


def keys_of(server, zone):
    """The keys of a zone, which have signed themselves and are those that the DS names."""
    answer = server.ask(zone, "DNSKEY", dnssec=True)
    name = dns.name.from_text(zone)
    keys = answer.find_rrset(answer.answer, name, "IN", "DNSKEY")
    signatures = answer.find_rrset(answer.answer, name, "IN", "RRSIG", "DNSKEY")
    dns.dnssec.validate(keys, signatures, {name: keys})
    return {name: keys}


def test_answers_are_signed_outside_and_ds_fits(servers, playbook):
    printed = playbook("playbooks/ops/dns-ds.yml", "-e", "mailroom_dns_zone=widget.example").output
    for server in servers.both(OUTSIDE):
        keys = keys_of(server, "widget.example")
        (name, rrset), *_ = keys.items()
        ksk = next(key for key in rrset if key.flags & 1)
        assert dns.dnssec.make_ds(name, ksk, "SHA256").to_text().upper() in printed.upper()
        answer = server.ask("widget.example", "MX", dnssec=True)
        found = answer.find_rrset(answer.answer, name, "IN", "MX")
        signatures = answer.find_rrset(answer.answer, name, "IN", "RRSIG", "MX")
        dns.dnssec.validate(found, signatures, keys)
        found.add(dns.rdata.from_text("IN", "MX", "5 mx.evil.example."))
        with pytest.raises(dns.dnssec.ValidationFailure):
            dns.dnssec.validate(found, signatures, keys)


def test_a_key_that_the_ds_names_rolls_over(servers, sources, hosts, playbook, wait_for):
    """Until the registrar has the new DS both keys are there, and the old one goes on signing."""
    # Keys of a zone stay when it goes, those of an earlier test too.
    hosts("ns1").check_output(f"rm -f /var/lib/bind/mailroom/keys/external/K{NEW}.+*")
    sources.zone(NEW, records={"www": {"A": "198.51.100.80"}})
    sources.run()
    second = servers.secondary[OUTSIDE]
    wait_for(lambda: second.values(NEW, "DNSKEY"), f"{NEW} is signed")

    def named_by_ds():
        ((_name, keys),) = keys_of(second, NEW).items()
        return {dns.dnssec.key_id(key): key for key in keys if key.flags & dns.rdtypes.dnskeybase.Flag.SEP}

    (old,) = named_by_ds()
    hosts("ns1").check_output(f"rndc dnssec -rollover -key {old} {NEW} IN external")
    wait_for(lambda: len(named_by_ds()) == 2, "the new key is published on the secondary", 30)
    both = named_by_ds()
    output = playbook("playbooks/ops/dns-ds.yml", "-e", f"mailroom_dns_zone={NEW}").output
    printed = " ".join(output.upper().split())
    (new,) = set(both) - {old}
    for tag, when in ((old, "UNTIL 20"), (new, "NOT BEFORE 20")):
        ds = dns.dnssec.make_ds(dns.name.from_text(NEW), both[tag], "SHA256").to_text().upper()
        assert f"{ds} ; {when}" in printed


def test_the_inside_is_unsigned_by_choice(servers):
    assert servers.primary[INSIDE].values("widget.example", "DNSKEY") == []


def test_a_resolver_outside_validates(hosts):
    flags = hosts("outside").run("dig +dnssec @127.0.0.1 mail.mailroom.example A").stdout
    assert re.search(r"flags: [a-z ]*\bad\b", flags)
    nothing = hosts("outside").run("dig +dnssec @127.0.0.1 ldap1.mailroom.example A").stdout
    assert "NXDOMAIN" in nothing
    assert re.search(r"flags: [a-z ]*\bad\b", nothing)


# Changes


def test_an_unchanged_run_changes_nothing(servers, playbook):
    zones = ("widget.example", "mailroom.example", "100.51.198.in-addr.arpa")
    before = [servers.primary[side].serial(zone) for side in SIDES for zone in zones]
    assert playbook(PLAY).changed == 0
    assert [servers.primary[side].serial(zone) for side in SIDES for zone in zones] == before


def test_a_new_domain_is_answered_by_both_after_one_play(servers, sources, hosts, wait_for):
    pids = [hosts(host).run(PIDS).stdout for host in ("ns1", "ns2")]
    sources.domain(NEW)
    plan = sources.run("--check", "--diff").output
    assert f"{NEW} (external)" in plan
    assert servers.primary[OUTSIDE].rcode(NEW, "MX") == "REFUSED"
    sources.run()
    for side in SIDES:
        for server in servers.both(side):
            wait_for(lambda server=server: server.values(NEW, "MX") == [f"10 {MAIL}."], f"{NEW} at {server.address}")
    assert servers.secondary[OUTSIDE].values(f"_mta-sts.{NEW}", "TXT")
    assert [hosts(host).run(PIDS).stdout for host in ("ns1", "ns2")] == pids
    # And it goes only by name.
    (sources.accounts / f"{NEW}.yml").unlink()
    assert "would be removed" in sources.run(ok=False).output
    assert servers.primary[OUTSIDE].values(NEW, "MX")
    sources.run(allow_zone_removals=[NEW])
    for side in SIDES:
        for server in servers.both(side):
            wait_for(lambda server=server: server.values(NEW, "SOA") == [], f"{NEW} is gone from {server.address}")
    assert servers.secondary[OUTSIDE].values("widget.example", "MX")


def test_one_changed_zone_touches_no_other(servers, sources, wait_for):
    others = ("widget.example", "mailroom.example")
    before = [servers.primary[OUTSIDE].serial(zone) for zone in others]
    sources.zone("gadget.example", records={"www": {"A": "198.51.100.80"}})
    loaded = sources.result()["loaded"]
    for side in SIDES:
        second = servers.secondary[side]
        wait_for(lambda second=second: second.values("www.gadget.example", "A") == ["198.51.100.80"], "the change", 10)
    assert [servers.primary[OUTSIDE].serial(zone) for zone in others] == before
    assert loaded == ["gadget.example (external)", "gadget.example (internal)"]


def test_what_is_wrong_is_named_with_its_line_and_nothing_is_loaded(servers, sources, hosts):
    loaded = "rndc zonestatus gadget.example IN external"
    before = hosts("ns1").run(loaded).stdout
    path = sources.zone("gadget.example", records={"www": {"A": "198.51.100.800"}})
    line = next(n for n, text in enumerate(path.read_text().splitlines(), 1) if "198.51.100.800" in text)
    output = sources.run(ok=False).output
    assert f"{path.name}:{line}" in output
    assert "198.51.100.800" in output
    assert hosts("ns1").run(loaded).stdout == before


def test_a_damaged_zone_takes_no_other_with_it_and_is_put_back(servers, sources, hosts, wait_for):
    """Somebody edits a file on the server and gets it wrong; then the server is started anew."""
    first = servers.primary[OUTSIDE]
    ns1, file = hosts("ns1"), "/var/lib/bind/mailroom/external/gadget.example.zone"
    before = first.values("gadget.example", "MX")
    assert before
    ns1.check_output(f"sed -i '1,3!s/ IN / IIN /' {file}")
    assert ns1.run("rndc reload gadget.example IN external").rc == 0
    wait_for(lambda: "IIN" in ns1.run("journalctl -u named -n 50 -o cat").stdout, "named says what it does not like")
    assert first.values("gadget.example", "MX") == before, "the last good state goes on being served"
    ns1.check_output("systemctl restart named")
    wait_for(lambda: first.values("widget.example", "MX") == [f"10 {MAIL}."], "the other zones are there")
    assert servers.secondary[OUTSIDE].values("gadget.example", "MX") == before
    assert sources.result()["loaded"] == ["gadget.example (external)"]
    assert first.values("gadget.example", "MX") == before


def test_the_outside_is_never_told_a_private_address(servers, sources):
    sources.zone("gadget.example", external={"www": {"A": "10.80.1.21"}})
    assert "private (RFC 1918)" in sources.run(ok=False).output
    assert servers.primary[OUTSIDE].rcode("www.gadget.example", "A") == "NXDOMAIN"


def test_a_plan_is_applied_only_as_reviewed(sources):
    sources.zone("gadget.example", records={"www": {"A": "198.51.100.80"}})
    assert "not the one that was reviewed" in sources.run(ok=False, dns_checksum="sha256:0").output
    checksum = re.search(r"Checksum=(sha256:\w+)", sources.run("--check", "--diff").output)
    sources.run(dns_checksum=checksum[1])


def test_a_setting_that_bind_refuses_leaves_it_as_it_was(playbook, hosts, servers):
    before = hosts("ns1").run("sha256sum /etc/bind/*.conf").stdout
    output = playbook(PLAY, "--tags", "bind", "-e", "bind_extra_options='recursive-clientz 5;'", ok=False).output
    assert "recursive-clientz" in output
    assert hosts("ns1").run("sha256sum /etc/bind/*.conf").stdout == before
    assert servers.primary[OUTSIDE].values("widget.example", "MX")


def test_keys_are_shown_to_nobody(playbook, hosts):
    output = playbook(PLAY, "-vvv", "--diff", "-e", "bind_extra_options='minimal-responses no-auth;'").output
    shown = playbook(PLAY, "-vvv", "--diff").output
    for name in (*SECRETS.values(), "dns_update"):
        assert secret(name) not in output + shown
    modes = (
        hosts("ns1").run("stat -c '%a %U %G' /etc/bind/mailroom-keys.conf /var/lib/bind/mailroom/keys/external").stdout
    )
    assert modes.splitlines() == ["640 root bind", "770 root bind"]


# The secondary


def test_the_secondary_answers_alone_and_catches_up(servers, sources, hosts, wait_for):
    with stopped(hosts("ns1"), "named"):
        for side in SIDES:
            assert servers.secondary[side].values("widget.example", "MX") == [f"10 {MAIL}."]
    with stopped(hosts("ns2"), "named"):
        sources.domain(NEW)
        sources.run()
    for side in SIDES:
        wait_for(lambda side=side: servers.equal(NEW, side), f"the secondary has caught up ({side})", 90)


# Zones that others update


def update(host, key, name="pc1"):
    """Have a host add a name as a DHCP server would."""
    lines = ["server 10.80.1.31", f"zone {DESKS}", f"update add {name}.{DESKS} 300 A 10.80.1.77", "send", ""]
    script = "\\n".join(lines)
    return host.run(f"printf '{script}' | nsupdate -y hmac-sha256:{key}")


def test_one_source_may_add_names_which_stay(servers, hosts, sources, wait_for):
    client, name = hosts("client"), "pc1.desks.mailroom.example"
    assert update(client, f"dhcp:{secret('dns_update')}").rc == 0
    wait_for(lambda: servers.secondary[INSIDE].values(name, "A") == ["10.80.1.77"], "the secondary knows it too")
    assert sources.run().changed == 0
    sources.zone("desks.mailroom.example", views=["internal"], dynamic=True, records={"printer": {"A": "10.80.1.78"}})
    sources.run()
    assert servers.primary[INSIDE].values("printer.desks.mailroom.example", "A") == ["10.80.1.78"]
    assert servers.primary[INSIDE].values(name, "A") == ["10.80.1.77"]


def test_nobody_else_may_add_names(hosts, servers):
    key = f"dhcp:{secret('dns_update')}"
    assert "REFUSED" in update(hosts("ns1"), key, "evil").stderr, "the right key from another host"
    wrong = f"mailroom-internal:{secret('dns_internal')}"
    assert "REFUSED" in update(hosts("client"), wrong, "evil").stderr, "another key from the right host"
    assert servers.primary[INSIDE].rcode("evil.desks.mailroom.example", "A") == "NXDOMAIN"


# Many zones


@pytest.mark.thorough
def test_two_thousand_zones(servers, sources, wait_for):
    names = [f"z{number}.many.test" for number in range(2000)]
    for name in names:
        sources.zone(name, records={"www": {"A": "198.51.100.80"}})
    try:
        sources.run()
        last = servers.secondary[OUTSIDE]
        wait_for(lambda: last.values(f"www.{names[-1]}", "A") == ["198.51.100.80"], "the last zone", 300)
        result = sources.result()
        assert not result["changed"]
        assert result["seconds"]["all"] <= 5, result["seconds"]
        before = servers.primary[INSIDE].serial(names[0])
        sources.zone(names[-1], records={"www": {"A": "198.51.100.81"}})
        assert len(sources.result()["loaded"]) == 2
        wait_for(lambda: last.values(f"www.{names[-1]}", "A") == ["198.51.100.81"], "the changed zone", 3)
        assert servers.primary[INSIDE].serial(names[0]) == before
    finally:
        sources.restore()
        sources.run(allow_zone_removals=names)
