# SPDX-License-Identifier: GPL-3.0-or-later
"""A write that the server refuses amid others: nothing is kept, it is named, and the next run does all."""

from __future__ import annotations

import re

import pytest
from accounttools import BASE, SEARCH, Steps
from conftest import ROOT
from directorytools import content
from mailroom import directory
from mailroom.model import Alias, Domain, Mailbox
from mailtools import Directory, hashed

DOMAIN = "transactions.test"
DN = f"ou={DOMAIN},{BASE}"
# Writes go in this order: new entries by name, then changes by address.
EARLY, MIDDLE, LATE, FIRST, SECOND, THIRD = (f"uid={name},{DN}" for name in ("a1", "a2", "a3", "b1", "b2", "b3"))
RULE = "breaks constraint on mailroomState"
SMALL, LARGE = 1 << 30, 1 << 31


def entries(mailboxes):
    """The domain with mailboxes of these quotas."""
    model = Domain(DOMAIN)
    for dn, quota in mailboxes.items():
        local = dn[len("uid=") : dn.index(",")]
        model.mailboxes.append(
            Mailbox(local, DOMAIN, local, surname=local, quota=quota, password=hashed("correct horse"))
        )
    model.aliases = [Alias(local, DOMAIN, (f"b1@{DOMAIN}",)) for local in ("abuse", "postmaster")]
    return directory.entries([model], BASE)


@pytest.fixture(scope="module")
def provider(hosts):
    return hosts("ldap1")


@pytest.fixture
def equal(provider, hosts, wait_for):
    """Wait until provider and replica hold the same; return its hash."""

    def wait():
        return wait_for(lambda: (tree := content(provider)) == content(hosts("mail1")) and tree, "equal trees")

    return wait


@pytest.fixture
def apply(provider, playbook, tmp_path, equal):
    """`apply(entries)` of our domain, which goes at the end: its outcome and output."""
    (tmp_path / "library").symlink_to(ROOT / "tests/platform/library")
    steps = Steps(playbook, tmp_path)

    def run(wanted):
        done = steps.run([("apply_entries", {"domain": DN, "entries": wanted})])
        (outcome,) = steps.outcomes(done)
        return outcome, done.output

    made = Directory(provider)
    made.delete_domain(DOMAIN)
    before = equal()
    try:
        yield run
    finally:
        made.delete_domain(DOMAIN)
        assert equal() == before


def quotas(provider):
    """The quota of each mailbox that is there."""
    found = provider.check_output(f"{SEARCH} -b {DN} '(objectClass=mailroomMailbox)' mailroomQuota")
    return {dn: int(quota) for dn, quota in re.findall(r"^dn: (.*)\nmailroomQuota: (\d+)$", found, re.MULTILINE)}


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (MIDDLE, f"a2@{DOMAIN}: Constraint violation: add {RULE}; nothing was written"),
        (SECOND, f"b2@{DOMAIN}: Constraint violation: modify {RULE}; nothing was written"),
    ],
    ids=["new mailbox", "change"],
)
def test_a_refused_write_has_a_name_and_nothing_is_kept(apply, provider, equal, refused, said):
    old = dict.fromkeys((FIRST, SECOND, THIRD), SMALL)
    new = dict.fromkeys((EARLY, MIDDLE, LATE, FIRST, SECOND, THIRD), LARGE)
    outcome, output = apply(entries(old))
    assert outcome == "changed", output
    assert quotas(provider) == old
    equal()

    wanted = entries(new)
    wanted[refused]["mailroomState"] = ["bad"]
    outcome, output = apply(wanted)
    assert outcome == "fatal", output
    assert f" failed: {said}\n" in output
    assert quotas(provider) == old
    # Replicas may keep what they heard of a transaction that failed; this one holds what the provider does.
    equal()

    outcome, output = apply(entries(new))
    assert outcome == "changed", output
    assert quotas(provider) == new
    complete = equal()
    outcome, output = apply(entries(new))
    assert outcome == "ok", output
    assert "writes: 0\n" in output
    assert equal() == complete
