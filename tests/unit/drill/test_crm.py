# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's state."""

import pytest
from mailroom_drill.logic.crm import status

GOOD = """<pacemaker-result><nodes>
<node name="mail1" id="1" online="true" standby="false" maintenance="false" pending="false" unclean="false"/>
<node name="mail2" id="2" online="true" standby="false" maintenance="false" pending="false" unclean="false"/>
</nodes><resources>
<resource id="fence-mail1" failed="false" managed="true" blocked="false"><node name="mail2" id="2"/></resource>
<group id="mail">
<resource id="mail-filesystem" failed="false" managed="true" blocked="false"><node name="mail1" id="1"/></resource>
<resource id="mail-postfix" failed="false" managed="true" blocked="false"><node name="mail1" id="1"/></resource>
</group></resources></pacemaker-result>"""


def test_well():
    found = status(GOOD)
    assert found.healthy("mail-") == []
    assert found.place("mail-") == "mail1"
    assert found.place("no-such-") is None


@pytest.mark.parametrize(
    ("old", "new", "trouble"),
    [
        ('name="mail2" id="2" online="true"', 'name="mail2" id="2" online="false"', "mail2 is not online"),
        ('pending="false" unclean="false"/>\n</nodes>', 'pending="true"/>\n</nodes>', "mail2 is not online"),
        ('standby="false"', 'standby="true"', "mail1 is in standby"),
        ('maintenance="false"', 'maintenance="true"', "mail1 is in maintenance"),
        ('unclean="false"', 'unclean="true"', "mail1 is unclean"),
        ('id="mail-postfix" failed="false"', 'id="mail-postfix" failed="true"', "mail-postfix is failed=true"),
        ('managed="true"', 'managed="false"', "fence-mail1 is managed=false"),
        ('blocked="false"', 'blocked="true"', "fence-mail1 is blocked=true"),
        ('<node name="mail2" id="2"/>', "", "fence-mail1 does not run"),
    ],
)  # fmt: skip
def test_troubles(old, new, trouble):
    assert old in GOOD
    assert trouble in status(GOOD.replace(old, new)).healthy("mail-")


def test_a_group_on_two_nodes_has_no_place():
    postfix = 'id="mail-postfix" failed="false" managed="true" blocked="false"><node name="mail'
    assert postfix in GOOD
    text = GOOD.replace(f'{postfix}1"', f'{postfix}2"')
    assert status(text).place("mail-") is None
    assert "the resources mail-* do not all run on one node" in status(text).healthy("mail-")
    both = GOOD.replace('<node name="mail1" id="1"/></resource>', '<node name="mail1"/><node name="mail2"/></resource>')
    assert status(both).place("mail-") is None


def test_no_answer():
    found = status("crm_mon: Connection to cluster failed")
    assert found.healthy("mail-")[-1] == "the cluster does not answer"
    assert "the cluster does not have two nodes" in found.healthy("mail-")
