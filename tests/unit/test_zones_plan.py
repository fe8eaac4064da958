# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for zones: what changes, what is left alone, what is refused, and what is written."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mailroom.limits import Limits
from mailroom.zones.limits import Allowed
from mailroom.zones.model import RRset, Zone, ZoneKey, rrset, zone
from mailroom.zones.plan import plan_zones
from mailroom.zones.read import Live, read_zone
from mailroom.zones.render import MARK, render
from mailroom.zones.strings import split

TODAY = date(2026, 11, 21)
NAME = "widget.example."
OUTSIDE, INSIDE = ZoneKey("external", NAME), ZoneKey("internal", NAME)
SOA = rrset(NAME, "SOA", 3600, ["ns1.mailroom.example. hostmaster.mailroom.example. 3600 600 1209600 300"])
NS = rrset(NAME, "NS", 3600, ["ns1.mailroom.example.", "ns2.mailroom.example."])
MX = rrset(NAME, "MX", 3600, ["10 mail.mailroom.example."])
SPF = rrset(NAME, "TXT", 3600, [split("v=spf1 mx -all")])
HASHES = ["ab" * 32, "cd" * 32, "ef" * 32]
NO_GATES = Limits(few=10**6, many=10**6)


def a(name: str, *values: str, ttl: int = 3600) -> RRset:
    owner = f"{name}.{NAME}" if name else NAME
    return rrset(owner, "AAAA" if ":" in values[0] else "A", ttl, values)


def widget(*sets: RRset, view: str = "external", name: str = NAME, **options) -> Zone:
    moved = [each._replace(name=each.name.replace(NAME, name)) for each in (SOA, NS, *sets)]
    return zone(name, view, 3600, moved, **options)


def plan(desired, live=(), *, limits=None, today=TODAY, documentation=True, **words):
    """The outcome for some zones over the files that were written for others."""
    texts = live if isinstance(live, dict) else {item.key: render(item, 2026112000) for item in live}
    found = {item.key: item for item in desired}
    return plan_zones(found, texts, today=today, limits=limits, allowed=Allowed(**words), documentation=documentation)


def refusals(desired, live, **options) -> list[str]:
    return [str(refusal) for refusal in plan(desired, live, **options).plan.refusals]


def shown(outcome) -> list[str]:
    """The plan as text without its last line."""
    return outcome.plan.text().splitlines()[:-1]


# changes


def test_a_new_zone():
    outcome = plan([widget(MX), widget(view="internal")])
    assert shown(outcome) == [
        "widget.example (external)",
        "  + zone widget.example.",
        "  + MX widget.example.",
        "      value: 10 mail.mailroom.example.",
        "      ttl: 3600",
        "  + NS widget.example.",
        "      value: ns1.mailroom.example., ns2.mailroom.example.",
        "      ttl: 3600",
        "  + SOA widget.example.",
        "      value: ns1.mailroom.example. hostmaster.mailroom.example. 3600 600 1209600 300",
        "      ttl: 3600",
        "widget.example (internal)",
        "  + zone widget.example.",
        "  + NS widget.example.",
        "      value: ns1.mailroom.example., ns2.mailroom.example.",
        "      ttl: 3600",
        "  + SOA widget.example.",
        "      value: ns1.mailroom.example. hostmaster.mailroom.example. 3600 600 1209600 300",
        "      ttl: 3600",
    ]
    assert outcome.plan.summary.startswith("Creates=7, Updates=0, Deletes=0, Existing=0, Checksum=sha256:")
    assert outcome.files[OUTSIDE].serial == 2026112100
    assert outcome.files[OUTSIDE].text == render(widget(MX), 2026112100)
    assert not outcome.plan.refusals


def test_nothing_to_do():
    outcome = plan([widget(MX)], [widget(MX)])
    assert not outcome.plan.changed
    assert outcome.files == {}
    assert outcome.removals == []
    assert outcome.plan.summary.startswith("Creates=0, Updates=0, Deletes=0, Existing=3, Checksum=sha256:")


def test_records_change_by_zone_and_view():
    before = [widget(MX, a("www", "192.0.2.1"), a("old", "192.0.2.2")), widget(MX, view="internal")]
    after = [
        widget(MX._replace(ttl=60), a("www", "192.0.2.1", "192.0.2.9"), a("a.b", "192.0.2.3"), a("b", "192.0.2.4")),
        widget(rrset(NAME, "MX", 3600, ["5 mail.mailroom.example."]), view="internal"),
    ]
    outcome = plan(after, before)
    assert shown(outcome) == [
        "widget.example (external)",
        "  ~ MX widget.example.",
        "      ttl: 3600 -> 60",
        "  + A b.widget.example.",
        "      value: 192.0.2.4",
        "      ttl: 3600",
        "  + A a.b.widget.example.",
        "      value: 192.0.2.3",
        "      ttl: 3600",
        "  - A old.widget.example.",
        "  ~ A www.widget.example.",
        "      value: +192.0.2.9",
        "widget.example (internal)",
        "  ~ MX widget.example.",
        "      value: 10 mail.mailroom.example. -> 5 mail.mailroom.example.",
    ]
    assert outcome.plan.counts == {"creates": 2, "updates": 3, "renames": 0, "deletes": 1, "released": 0, "existing": 8}
    assert {str(key): file.serial for key, file in outcome.files.items()} == {
        "widget.example (external)": 2026112100,
        "widget.example (internal)": 2026112100,
    }
    assert read_zone(outcome.files[OUTSIDE].text, OUTSIDE).zone == after[0]


def test_the_plan_as_data_and_as_markdown():
    outcome = plan([widget(a("www", "192.0.2.2"))], [widget(a("www", "192.0.2.1"))])
    (step,) = json.loads(outcome.plan.json())["steps"]
    assert step == {
        "action": "update",
        "name": "external www.widget.example. A",
        "label": "www.widget.example.",
        "group": "widget.example (external)",
        "kind": "A",
        "changes": [{"attribute": "value", "old": ["192.0.2.1"], "new": ["192.0.2.2"]}],
    }
    assert (
        "### widget.example (external)\n\n```diff\n! A www.widget.example.\n    value: 192.0.2.1 -> 192.0.2.2\n```"
        in (outcome.plan.markdown())
    )


def test_the_checksum_is_that_of_the_change_and_not_of_the_day():
    one = plan([widget(MX)], [widget()])
    assert one.plan.checksum == plan([widget(MX)], [widget()], today=date(2027, 1, 1)).plan.checksum
    assert one.plan.checksum != plan([widget(MX, view="internal")], [widget(view="internal")]).plan.checksum
    assert one.plan.checksum != plan([widget(SPF)], [widget()]).plan.checksum


def test_the_serial_of_an_unchanged_zone_stays_and_the_other_grows_where_it_is_ahead():
    files = {OUTSIDE: render(widget(), 2031010100), INSIDE: render(widget(view="internal"), 7)}
    outcome = plan([widget(MX), widget(view="internal")], files)
    assert {key: file.serial for key, file in outcome.files.items()} == {OUTSIDE: 2031010101}


def test_a_file_whose_comments_alone_differ_is_put_in_order_and_keeps_its_serial():
    text = render(widget(), 7)
    outcome = plan([widget()], {OUTSIDE: text.replace("; widget.example, external\n", "; older words\n")})
    assert not outcome.plan.changed
    assert outcome.files[OUTSIDE] == (outcome.files[OUTSIDE].__class__)(text, 7)


def test_a_change_by_hand_is_reported_and_undone():
    text = render(widget(a("www", "192.0.2.1")), 7).replace("192.0.2.1", "192.0.2.66")
    outcome = plan([widget(a("www", "192.0.2.1"))], {OUTSIDE: text})
    assert shown(outcome) == [
        "widget.example (external)",
        "  ~ A www.widget.example.",
        "      value: 192.0.2.66 -> 192.0.2.1",
        "changed by hand: widget.example (external)",
    ]


def test_in_a_dynamic_zone_what_others_added_stays():
    live = Live(widget(a("laptop", "192.0.2.50"), a("www", "192.0.2.1")), 7)
    outcome = plan([widget(a("www", "192.0.2.2"), dynamic=True)], {OUTSIDE: live})
    assert [step.label for step in outcome.plan.steps] == ["www.widget.example."]
    assert "laptop" in outcome.files[OUTSIDE].text
    assert not plan([widget(a("www", "192.0.2.1"), dynamic=True)], {OUTSIDE: live}).plan.changed


def test_a_zone_that_was_transferred_is_compared_by_its_records():
    same = Live(widget(MX), 7)
    assert plan([widget(MX)], {OUTSIDE: same}).files == {}
    outcome = plan([widget(MX, SPF)], {OUTSIDE: same})
    assert [step.kind for step in outcome.plan.steps] == ["TXT"]
    assert outcome.files[OUTSIDE].serial == 2026112100


# zones of others


def test_zones_of_others_are_reported_and_left_alone():
    theirs = render(widget(), 7).replace(MARK, "; by hand")
    outcome = plan([], {OUTSIDE: theirs})
    assert not outcome.plan.changed
    assert shown(outcome) == ["foreign, left alone: widget.example (external)"]
    assert outcome.removals == []
    assert shown(plan([], {OUTSIDE: Live(widget(), 7, ours=False)})) == [
        "foreign, left alone: widget.example (external)"
    ]


def test_a_zone_of_others_is_taken_over_when_it_is_named():
    theirs = {OUTSIDE: render(widget(MX), 2031010100).replace(MARK, "; by hand")}
    assert refusals([widget(MX)], theirs) == [
        "widget.example (external) is served already, and was not made by Mailroom. If that is meant, name it:"
        ' allow_adoptions: [widget.example] (with the playbook: -e \'{"mailroom_allow_adoptions":'
        ' ["widget.example"]}\')'
    ]
    assert plan([widget(MX)], theirs).files == {}
    outcome = plan([widget(MX)], theirs, adoptions=["Widget.example."])
    assert outcome.plan.refusals == ()
    assert outcome.files[OUTSIDE].text == render(widget(MX), 2031010100)
    live = {OUTSIDE: Live(widget(MX), 5, ours=False)}
    assert plan([widget(MX)], live, adoptions=["widget.example"]).files[OUTSIDE].serial == 5


def test_a_zone_that_was_spoiled_by_hand_is_put_back():
    broken = {OUTSIDE: render(widget(MX), 2031010100).replace("10 mail", "ten mail")}
    outcome = plan([widget(MX)], broken)
    assert outcome.plan.refusals == ()
    assert shown(outcome)[-1] == "changed by hand: widget.example (external)"
    assert outcome.files[OUTSIDE].text == render(widget(MX), 2031010101)
    # Where its serial is not to be read either, the day's last is newer than what a secondary may have.
    broken = {OUTSIDE: MARK + "("}
    assert plan([widget(MX)], broken).files[OUTSIDE].serial == 2026112199
    (refusal,) = refusals([], broken)
    assert refusal.startswith("widget.example: the zone would be removed (external with 0 records).")


def test_a_zone_of_others_that_cannot_be_read_is_not_replaced_unless_it_is_named():
    broken = {OUTSIDE: render(widget(MX), 2031010100).replace("10 mail", "ten mail").replace(MARK, "; by hand")}
    message = (
        "widget.example (external) is served and cannot be read: widget.example. line 9: 'ten' is not a number from 0"
        " to 65535."
    )
    (refusal,) = refusals([widget(MX)], broken)
    assert refusal.startswith(message)
    outcome = plan([widget(MX)], broken, adoptions=["widget.example"])
    assert outcome.files[OUTSIDE].serial == 2031010101
    # What others told a dynamic zone of ours is not thrown away unasked.
    (refusal,) = refusals([widget(MX, dynamic=True)], {OUTSIDE: MARK + "("})
    assert refusal.startswith("widget.example (external) is served and cannot be read: ")


# gates


def test_a_whole_zone_goes_only_if_it_is_named():
    live = [widget(MX), widget(view="internal")]
    outcome = plan([], live)
    assert [str(refusal) for refusal in outcome.plan.refusals] == [
        "widget.example: the zone of a mail domain would be removed (external with 4 records and internal with 3"
        " records). If"
        " that is meant, name it: allow_zone_removals: [widget.example] (with the playbook: -e"
        ' \'{"mailroom_allow_zone_removals": ["widget.example"]}\')'
    ]
    assert [step.kind for step in outcome.plan.of("delete")] == ["zone", "MX", "NS", "SOA", "zone", "NS", "SOA"]
    assert outcome.removals == [OUTSIDE, INSIDE]
    assert refusals([], live, zone_removals=["Widget.Example"]) == []
    for near in ("idget.example", "awidget.example", "widget.exampl", "a..b"):
        assert len(refusals([], live, zone_removals=[near])) == 1


def hosts(count: int, first: int = 0) -> list[RRset]:
    return [a(f"h{number}", f"192.0.2.{number}") for number in range(first, count)]


@pytest.mark.parametrize(
    ("there", "gone", "reason"),
    [
        (9, 9, "9 of 12 records (external)"),
        (4, 3, "3 of 7 records (external)"),
        (4, 2, ""),
        (30, 6, ""),
        (30, 7, "7 of 33 records (external)"),
        (200, 10, ""),
        (200, 11, "11 of 203 records (external)"),
    ],
)
def test_many_removals_are_refused_in_small_zones_too(there, gone, reason):
    live, desired = [widget(*hosts(there))], [widget(*hosts(there, gone))]
    start = [text.partition(" would be removed.")[0] for text in refusals(desired, live)]
    assert start == ([f"widget.example: {reason}"] if reason else [])
    assert refusals(desired, live, record_removals={"widget.example": gone}) == []
    assert refusals(desired, live, record_removals={"widget.example": str(gone)}) == []
    for wrong in ({"widget.example": gone + 1}, {"gadget.example": gone}, {"awidget.example": gone}):
        assert len(refusals(desired, live, record_removals=wrong)) == len(start)


def test_removals_of_both_views_are_named_together():
    live = [widget(*hosts(4)), widget(*hosts(5), view="internal")]
    (refusal,) = refusals([widget(), widget(view="internal")], live)
    assert refusal.startswith(
        "widget.example: 4 of 7 records (external) and 5 of 8 records (internal) would be removed. If that is meant,"
        " name it:"
        " allow_record_removals: {widget.example: 9}"
    )


def test_values_that_go_count_and_values_that_change_do_not():
    many = [f"192.0.2.{number}" for number in range(10)]
    live = [widget(a("www", *many))]
    assert len(refusals([widget(a("www", many[0]))], live)) == 1
    others = [f"192.0.2.{number}" for number in range(20, 30)]
    assert refusals([widget(a("www", *others))], live) == []


def test_limits_that_were_set_are_the_limits():
    live, desired = [widget(*hosts(10))], [widget(*hosts(10, 1))]
    assert refusals(desired, live) == []
    assert len(refusals(desired, live, limits=Limits(few=0, share=0.0))) == 1
    assert len(refusals(desired, live, limits=Limits(many=0))) == 1
    assert refusals([widget()], live, limits=NO_GATES) == []


def test_a_name_server_goes_only_if_it_is_named():
    live = [widget(name=f"d{number}.example.") for number in range(7)]
    less = rrset(NAME, "NS", 3600, ["ns1.mailroom.example.", "ns3.mailroom.example."])

    def after(zones):
        return [
            zone(z.name, z.view, 3600, [*(s for s in z.sets.values() if s.kind != "NS"), less._replace(name=z.name)])
            for z in zones
        ]

    (refusal,) = refusals(after(live), live)
    assert refusal.startswith(
        "ns2.mailroom.example would no longer be a name server of 7 zones (d0.example, d1.example, d2.example,"
        " d3.example,"
        " d4.example, ...). If that is meant, name it: allow_nameserver_removals: [ns2.mailroom.example]"
    )
    assert refusals(after(live), live, nameserver_removals=["ns2.mailroom.example"]) == []
    assert len(refusals(after(live), live, nameserver_removals=["ns1.mailroom.example"])) == 1
    (refusal,) = refusals(after(live[:2]), live[:2])
    assert "name server of d0.example, d1.example." in refusal
    # One more is no danger, and neither is a delegation that ends.
    more = rrset(NAME, "NS", 3600, [*NS.values, "ns3.mailroom.example."])
    assert refusals([zone(NAME, "external", 3600, [SOA, more])], [widget()]) == []
    assert refusals([widget()], [widget(NS._replace(name=f"sub.{NAME}"))]) == []


def test_all_name_servers_of_a_zone_can_not_go_unseen():
    found = refusals([zone(NAME, "external", 3600, [SOA])], [widget()])
    assert [text.partition(" would")[0] for text in found] == ["ns1.mailroom.example", "ns2.mailroom.example"]


def test_a_mail_domain_loses_its_mail_records_only_if_it_is_named():
    live = [widget(MX, SPF, a("", "192.0.2.1"), a("", "2001:db8::1"))]
    null = rrset(NAME, "MX", 3600, ["0 ."])
    told = "widget.example is a mail domain, and its {} would be removed."
    apex = (a("", "192.0.2.1"), a("", "2001:db8::1"))
    for desired, what in (
        ([widget(SPF, *apex)], "MX"),
        ([widget(null, SPF, *apex)], "MX"),
        ([widget(MX, SPF, apex[0])], "AAAA"),
        ([widget(SPF, apex[1])], "A and MX"),
    ):
        (refusal,) = refusals(desired, live)
        assert refusal.startswith(told.format(what))
        assert refusals(desired, live, mail_removals=["widget.example"]) == []
        assert len(refusals(desired, live, mail_removals=["idget.example", "sub.widget.example"])) == 1
    # Another host for the mail, another address, or no mail before.
    other = rrset(NAME, "MX", 3600, ["10 mx.elsewhere.example."])
    assert refusals([widget(other, SPF, *apex)], live) == []
    assert refusals([widget(null)], [widget(null, a("", "192.0.2.1"))]) == []
    assert refusals([widget()], [widget(null)]) == []
    assert refusals([widget(MX)], [widget(MX, a("www", "192.0.2.1"))]) == []


def test_mail_of_a_name_in_a_zone_is_guarded_too():
    mx = MX._replace(name=f"sales.{NAME}")
    (refusal,) = refusals([widget()], [widget(mx)])
    assert refusal.startswith("sales.widget.example is a mail domain, and its MX would be removed.")


def tlsa(*hashes: str) -> RRset:
    return rrset(f"_25._tcp.mail.{NAME}", "TLSA", 3600, [f"3 1 1 {each}" for each in hashes])


def test_keys_in_tlsa_change_one_after_the_other():
    first, second, third = HASHES
    assert refusals([widget(tlsa(first, second))], [widget(tlsa(first))]) == []
    assert refusals([widget(tlsa(second))], [widget(tlsa(first, second))]) == []
    (refusal,) = refusals([widget(tlsa(third))], [widget(tlsa(first, second))])
    assert refusal.startswith(
        "mail.widget.example: all keys in TLSA would change at once, and servers that remember the old ones refuse"
        " to send."
        " Publish old and new together first. If that is meant, name it: allow_tlsa_breaks: [mail.widget.example]"
    )
    assert refusals([widget(tlsa(third))], [widget(tlsa(first))], tlsa_breaks=["mail.widget.example"]) == []
    assert len(refusals([widget(tlsa(third))], [widget(tlsa(first))], tlsa_breaks=["ail.widget.example"])) == 1
    assert refusals([widget(tlsa(third))], [widget()]) == []
    assert refusals([widget()], [widget(tlsa(third))]) == []


def test_the_outside_is_told_no_address_that_it_cannot_reach():
    desired = [widget(a("www", "10.80.1.1", "192.0.2.1"), a("www", "fd80::1"), a("in", "192.0.2.3"))]
    (refusal,) = refusals(desired, [widget()])
    assert refusal.startswith(
        "www.widget.example would show the outside what it cannot reach: 10.80.1.1 (private (RFC 1918)), fd80::1"
        " (private (RFC"
        " 4193)). If that is meant, name it: allow_special_addresses: [www.widget.example]"
    )
    assert refusals(desired, [widget()], special_addresses=["www.widget.example"]) == []
    assert len(refusals(desired, [widget()], special_addresses=["ww.widget.example"])) == 1
    assert len(refusals(desired, [widget()], documentation=False)) == 2
    inside = [widget(a("www", "10.80.1.1"), view="internal")]
    assert refusals(inside, [widget(view="internal")]) == []
    # Of what is there already nothing is said: no step makes it.
    assert refusals(desired, desired) == []


def test_the_name_server_needs_nothing_but_the_standard_library():
    code = "import sys; import mailroom.zones.plan; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-Sc", code], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert not {"yaml", "jsonschema", "dns", "cryptography"} & set(done.stdout.split())


def test_remarks_are_passed_on():
    outcome = plan_zones({}, {}, today=TODAY, remarks=("shop is there outside, and not inside",))
    assert outcome.plan.as_dict()["remarks"] == ["shop is there outside, and not inside"]


# any two sets of zones

names = st.sampled_from(["", "www", "a.b", "mail"])
addresses = st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "198.51.100.7"]), min_size=1, unique=True)
some_sets = st.dictionaries(names, st.tuples(addresses, st.sampled_from([60, 3600])), max_size=4)
some_zones = st.dictionaries(st.sampled_from(["widget.example.", "gadget.example."]), some_sets, max_size=2).map(
    lambda given: [
        widget(*(a(name, *values, ttl=ttl) for name, (values, ttl) in sets.items()), name=zone_name)
        for zone_name, sets in given.items()
    ]
)


@given(some_zones, some_zones)
def test_after_a_plan_nothing_is_left_to_do(before, after):
    live = {key: file.text for key, file in plan(before).files.items()}
    outcome = plan(after, live, limits=NO_GATES)
    for key, file in outcome.files.items():
        live[key] = file.text
    for key in outcome.removals:
        del live[key]
    assert set(live) == {item.key for item in after}
    again = plan(after, live)
    assert not again.plan.changed
    assert again.files == {}
    assert again.plan.existing == sum(len(item.sets) for item in after)
    # The files that were not touched are those of zones that no step is about.
    about = {step.group for step in outcome.plan.steps}
    assert {str(key) for key in (*outcome.files, *outcome.removals)} == about
    assert re.fullmatch("[0-9a-f]{64}", outcome.plan.checksum)
