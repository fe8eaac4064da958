# SPDX-License-Identifier: GPL-3.0-or-later
"""The delegation file, and what a review passes and refuses by it."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest
from conftest import ROOT, Tree
from mailroom.delegation import Administrator, read_delegation
from mailroom.loader import parse
from mailroom.review import review

RULES = """\
administrators:
  desk:
    domains: [widget.example]
    change: {mailboxes: [name, quota, aliases, state, password], aliases: all, groups: [members]}
    add: [mailboxes]
    limits: {mailboxes: 3, quota: 10G}
  reseller:
    domains: [gadget.example, "*.gadget.example", bücher.example]
    create: ["*.gadget.example"]
    customer: gadget
    change: {domain: [catch_all, defaults, outgoing], mailboxes: all, shared: all, groups: all, aliases: all}
    add: [mailboxes, shared, groups, aliases]
    remove: [mailboxes, shared, groups, aliases]
  operator:
    domains: ["*"]
    create: ["*"]
    remove_domains: true
    change: {domain: [limits, customer, alias_domains], mailboxes: [hold]}
"""
WIDGET = """\
domain: widget.example
customer: widget
defaults: {quota: 1G}
mailboxes:
  ann: {name: Ann Lee}
  anna: {name: Anna Lindqvist, quota: 2G}
aliases:
  postmaster: [ann]
  abuse: [ann]
"""
GADGET = """\
domain: gadget.example
customer: gadget
mailboxes:
  maria: {name: Maria Silva}
aliases: {postmaster: [maria], abuse: [maria]}
"""


def rules(text: str = RULES) -> tuple[dict[str, Administrator], list[str]]:
    document, problems = parse("delegation.yml", textwrap.dedent(text).encode())
    assert document is not None
    assert problems == []
    found, findings = read_delegation(document, str(ROOT / "schemas/delegation.schema.json"))
    return found, [str(finding) for finding in findings]


class Change:
    """Account files before and after, judged for an administrator."""

    def __init__(self, folder: Path) -> None:
        self.trees = [Tree(folder / name) for name in ("old", "new")]
        for tree in self.trees:
            tree.write("widget.example.yml", WIDGET).write("gadget.example.yml", GADGET)

    def edit(self, file: str, old: str, new: str) -> Change:
        path = self.trees[1].folder / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        return self

    def add(self, file: str, text: str) -> Change:
        self.trees[1].write(file, text)
        return self

    def before(self, file: str, text: str) -> Change:
        for tree in self.trees:
            tree.write(file, text)
        return self

    def remove(self, file: str) -> Change:
        (self.trees[1].folder / file).unlink()
        return self

    def judged(self, who: str, text: str = RULES) -> list[str]:
        accounts = [tree.read(lambda envelope: envelope) for tree in self.trees]
        for read in accounts:
            assert [str(finding) for finding in read.findings if finding.severity == "error"] == []
        shown = [str(finding) for finding in review(rules(text)[0][who], *accounts)]
        return [
            line.replace(f"{self.trees[1].folder}/", "").replace(f"{self.trees[0].folder}/", "old ") for line in shown
        ]


@pytest.fixture
def change(tmp_path) -> Change:
    return Change(tmp_path)


def test_patterns_mean_a_name_or_all_below_it():
    reseller = rules()[0]["reseller"]
    assert reseller.manages("gadget.example")
    assert reseller.manages("shop.gadget.example")
    assert reseller.manages("xn--bcher-kva.example")
    assert not reseller.manages("mygadget.example")
    assert not reseller.manages("example")
    assert reseller.may_create("new.gadget.example")
    assert not reseller.may_create("gadget.example")


def test_a_wrong_delegation_file_delegates_nothing():
    text = """\
    administrators:
      desk: {domains: [widget.example], chnage: {mailboxes: all}}
      other: {domains: [widget.example], limits: {mailboxes: many}}
    """
    found, findings = rules(text)
    assert found == {}
    assert findings == [
        "delegation.yml:2: administrators.desk.chnage: unknown field; did you mean change?",
        "delegation.yml:3: administrators.other.limits.mailboxes: must be a whole number, not 'many'",
    ]


def test_a_field_that_does_not_exist_is_an_error():
    _found, findings = rules("administrators: {desk: {domains: [widget.example], change: {mailboxes: [nmae]}}}")
    assert len(findings) == 1
    assert findings[0].startswith(
        "delegation.yml:1: administrators.desk.change.mailboxes[0]: 'nmae' is not one of alias"
    )


def test_every_field_of_account_files_can_be_delegated():
    account, delegation = (
        json.loads((ROOT / f"schemas/{name}.schema.json").read_text()) for name in ("domain", "delegation")
    )
    sections = {"mailboxes": "mailbox", "shared": "sharedMailbox", "groups": "group"}
    known = {section: set(account["$defs"][name]["properties"]) for section, name in sections.items()}
    known["domain"] = set(account["properties"]) - {*sections, "aliases"}
    for section, fields in known.items():
        _word, named = delegation["$defs"][f"{section}Fields"]["oneOf"]
        assert set(named["items"]["enum"]) == fields


def test_a_pattern_must_be_a_domain():
    found, findings = rules("administrators: {desk: {domains: ['*widget']}}")
    assert found == {}
    assert findings == ["delegation.yml:1: administrators.desk: a domain name needs a dot"]


def test_comments_order_and_quoting_are_free(change):
    change.edit("widget.example.yml", "  ann: {name: Ann Lee}\n", "  # The first\n  ann: {name: 'Ann Lee'}\n")
    assert change.judged("reseller") == []


def test_what_is_allowed_passes(change):
    change.edit("widget.example.yml", "{name: Ann Lee}", "{name: Ann Leigh, quota: 3G, aliases: [annie]}")
    change.edit("widget.example.yml", "mailboxes:\n", "mailboxes:\n  joann: {name: Joann Park}\n")
    change.edit("widget.example.yml", "abuse: [ann]", "abuse: [ann, partner@elsewhere.example]")
    assert change.judged("desk") == []


def test_a_field_that_was_not_named_is_refused(change):
    change.edit("widget.example.yml", "{name: Ann Lee}", "{name: Ann Lee, title: Boss}")
    assert change.judged("desk") == [
        "widget.example.yml:5: mailboxes.ann.title: desk: may not change title in mailboxes"
    ]


def test_a_field_that_is_taken_away_is_a_change(change):
    before = WIDGET.replace("{name: Ann Lee}", "{name: Ann Lee, title: Boss}")
    change.before("widget.example.yml", before).edit("widget.example.yml", ", title: Boss", "")
    assert change.judged("desk") == ["widget.example.yml:5: mailboxes.ann: desk: may not change title in mailboxes"]


def test_the_fields_of_the_domain_are_not_the_fields_of_mailboxes(change):
    change.edit("widget.example.yml", "quota: 1G", "quota: 2G")
    assert change.judged("desk") == ["widget.example.yml:3: defaults: desk: may not change defaults of the domain"]


def test_all_leaves_out_what_protects(change):
    change.edit("gadget.example.yml", "customer: gadget", "customer: other")
    change.edit("gadget.example.yml", "{name: Maria Silva}", "{name: Maria Silva, hold: Case 7, quota: 2G}")
    assert change.judged("reseller") == [
        "gadget.example.yml:2: customer: reseller: may not change customer of the domain",
        "gadget.example.yml:4: mailboxes.maria.hold: reseller: may not change hold in mailboxes",
    ]


def test_another_domain_is_refused_once(change):
    change.edit("gadget.example.yml", "Maria Silva", "Mario Silva")
    change.edit("gadget.example.yml", "abuse: [maria]", "abuse: [maria, ann@widget.example]")
    assert change.judged("desk") == [
        "gadget.example.yml:1: domain: desk: may not change gadget.example; may change: widget.example"
    ]


def test_adding_and_removing_are_rights_of_their_own(change):
    change.edit("widget.example.yml", "  abuse: [ann]\n", "  abuse: [ann]\n  sales: [ann]\n")
    change.edit("widget.example.yml", "  anna: {name: Anna Lindqvist, quota: 2G}\n", "")
    assert change.judged("desk") == [
        "widget.example.yml:4: mailboxes: desk: may not remove anna from mailboxes",
        "widget.example.yml:9: aliases.sales: desk: may not add to aliases",
    ]


def test_absent_is_a_removal_and_disabled_is_not(change):
    change.edit("widget.example.yml", "quota: 2G}", "quota: 2G, state: absent}")
    change.edit("widget.example.yml", "{name: Ann Lee}", "{name: Ann Lee, state: disabled}")
    assert change.judged("desk") == [
        "widget.example.yml:6: mailboxes.anna.state: desk: may not remove or bring back anna of mailboxes"
    ]


def test_a_reseller_adds_a_subdomain_of_his_own(change):
    text = GADGET.replace("domain: gadget", "domain: shop.gadget")
    assert change.add("shop.gadget.example.yml", text).judged("reseller") == []


def test_a_new_domain_carries_its_customer(change):
    text = GADGET.replace("domain: gadget", "domain: shop.gadget").replace("customer: gadget\n", "")
    assert change.add("shop.gadget.example.yml", text).judged("reseller") == [
        "shop.gadget.example.yml:1: customer: reseller: must set customer: gadget in domains he adds"
    ]


def test_a_new_domain_elsewhere_is_refused(change):
    text = GADGET.replace("domain: gadget", "domain: mygadget")
    assert change.add("mygadget.example.yml", text).judged("reseller") == [
        "mygadget.example.yml:1: domain: reseller: may not add the domain mygadget.example; may add: *.gadget.example"
    ]
    assert change.judged("desk") == ["mygadget.example.yml:1: domain: desk: may not add the domain mygadget.example"]


def test_removing_a_domain_is_a_right_of_its_own(change):
    change.remove("gadget.example.yml")
    assert change.judged("reseller") == [
        "old gadget.example.yml:1: domain: reseller: may not remove the domain gadget.example"
    ]
    assert change.judged("operator") == []


def test_addresses_of_others_cannot_be_taken(change):
    change.edit(
        "gadget.example.yml",
        "{name: Maria Silva}",
        "{name: Maria Silva, aliases: [ceo@widget.example, m@gadget.example]}",
    )
    assert change.judged("reseller") == [
        "gadget.example.yml:4: mailboxes.maria.aliases: reseller: may not use ceo@widget.example; "
        "it is in a domain of somebody else"
    ]


def test_names_and_identities_of_others_cannot_be_taken(change):
    change.before("other.example.yml", GADGET.replace("domain: gadget", "domain: other"))
    change.edit("gadget.example.yml", "customer: gadget", "customer: gadget\noutgoing: {identity: maria@other.example}")
    change.edit(
        "gadget.example.yml",
        "{name: Maria Silva}",
        "{name: Maria Silva, send_as: [ann@widget.example], identity: maria@other.example}",
    )
    assert change.judged("reseller") == [
        "gadget.example.yml:3: outgoing: reseller: may not use maria@other.example; it is in a domain of somebody else",
        "gadget.example.yml:5: mailboxes.maria.identity: reseller: may not use maria@other.example; "
        "it is in a domain of somebody else",
        "gadget.example.yml:5: mailboxes.maria.send_as: reseller: may not use ann@widget.example; "
        "it is in a domain of somebody else",
    ]


def test_an_alias_domain_must_be_his_even_where_he_may_set_some(change):
    text = RULES.replace("[catch_all, defaults, outgoing]", "[alias_domains]")
    change.edit(
        "gadget.example.yml", "customer: gadget", "customer: gadget\nalias_domains: [gadget.test, a.gadget.example]"
    )
    assert change.judged("reseller", text) == [
        "gadget.example.yml:3: alias_domains: reseller: may not take gadget.test as another name"
    ]


def test_the_number_of_mailboxes_is_limited(change):
    change.edit("widget.example.yml", "mailboxes:\n", "mailboxes:\n  joann: {name: Joann Park}\n")
    assert change.judged("desk") == []
    change.edit("widget.example.yml", "mailboxes:\n", "mailboxes:\n  jo: {name: Jo Park}\n")
    assert change.judged("desk") == [
        "widget.example.yml:1: desk: in all domains together: 4 mailboxes are over the limit of 3; "
        "make it fewer, or ask for a higher limit"
    ]


def test_the_sum_of_quotas_is_limited(change):
    change.edit("widget.example.yml", "quota: 2G}", "quota: 9G}")
    assert change.judged("desk") == []
    change.edit("widget.example.yml", "quota: 9G}", "quota: 10G}")
    assert change.judged("desk") == [
        "widget.example.yml:1: desk: in all domains together: 11G of quota are over the limit of 10G; "
        "make it fewer, or ask for a higher limit"
    ]
    change.edit("widget.example.yml", "quota: 10G}", "quota: unlimited}")
    assert change.judged("desk") == [
        "widget.example.yml:1: desk: in all domains together: a mailbox without a quota is not possible; "
        "set quota, or defaults: {quota: ...}"
    ]


def test_what_was_over_a_limit_may_stay_but_not_grow(change):
    before = WIDGET.replace("quota: 2G}", "quota: 20G}")
    change.before("widget.example.yml", before).edit("widget.example.yml", "{name: Ann Lee}", "{name: Ann Leigh}")
    assert change.judged("desk") == []
    change.edit("widget.example.yml", "{name: Ann Leigh}", "{name: Ann Leigh, quota: 2G}")
    assert len(change.judged("desk")) == 1


def test_vaulted_values_are_compared_by_their_envelope(change):
    secret = "{name: Ann Lee, password: !vault '$ANSIBLE_VAULT;1.1;AES256 6162636465666768'}"
    change.before("widget.example.yml", WIDGET.replace("{name: Ann Lee}", secret))
    assert change.judged("reseller") == []
    change.edit("widget.example.yml", "6162", "6163")
    assert change.judged("desk") == []
    assert change.judged("reseller") == [
        "widget.example.yml:1: domain: reseller: may not change widget.example; "
        "may change: *.gadget.example, gadget.example, bücher.example"
    ]
