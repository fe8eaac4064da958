# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be drilled, and what is offered for it."""

import pytest
from mailroom_drill import faults, lab_accounts, setup
from mailroom_drill.__main__ import chosen, main
from mailroom_drill.errors import DrillError
from mailroom_drill.options import parser
from mailroom_drill.target import from_file, of_lab

OWN = """\
name: mail.example.com
nodes: {mail1: root@192.0.2.11, mail2: root@192.0.2.12}
services: {smtp: [198.51.100.10, 25], submission: [192.0.2.10, 587], imap: [192.0.2.10, 993]}
accounts: [{address: drill@example.com, password: secret-word}]
links: {mail1: [192.0.2.101], mail2: [192.0.2.102]}
ca: ca.crt
mount: /srv/other
"""
INFO = {
    "name": "mail.mailroom.example",
    "ca": ".lab/pki/ca.crt",
    "pair": ["mail1", "mail2"],
    "hosts": {name: {"lan": f"10.80.1.1{n}", "cluster": f"10.80.3.1{n}"} for n, name in ((1, "mail1"), (2, "mail2"))},
    "hosts6": {"mail1": {"cluster": "fd80:80:3::11"}},
    "services": {"smtp": ["198.51.100.10", 25], "submission": ["10.80.1.10", 587], "imap": ["10.80.1.10", 993]},
}


def test_the_lab():
    target = of_lab(INFO)
    assert target.lab
    assert target.nodes == {"mail1": "root@10.80.1.11", "mail2": "root@10.80.1.12"}
    assert target.links == {"mail1": ("10.80.3.11", "fd80:80:3::11"), "mail2": ("10.80.3.12",)}
    with pytest.raises(DrillError, match="a pair is two"):
        of_lab({**INFO, "pair": []})
    with pytest.raises(DrillError, match="imap must be"):
        of_lab({**INFO, "services": {**INFO["services"], "imap": "x"}})


def test_an_own_pair(tmp_path):
    file = tmp_path / "pair.yml"
    file.write_text(OWN)
    target = from_file(file)
    assert not target.lab
    assert target.mount == "/srv/other"
    assert target.queue == "/srv/mailroom/queue"
    assert target.ca == tmp_path / "ca.crt"
    assert "secret-word" not in repr(target)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("mount: /srv/other", "mounts: /srv/other", "unknown field mounts"),
        ("name: mail.example.com\n", "", "name is missing"),
        (", mail2: root@192.0.2.12}", "}", "a pair has two nodes, not 1"),
        ("accounts: [{address: drill@example.com, password: secret-word}]", "accounts: []", "at least one mailbox"),
        (OWN, "- a list", "is not a mapping"),
        (OWN, "a: [", "while parsing"),
    ],
)
def test_a_wrong_file(tmp_path, old, new, words):
    file = tmp_path / "pair.yml"
    assert old in OWN
    file.write_text(OWN.replace(old, new))
    with pytest.raises(DrillError, match=words):
        from_file(file)


def test_no_file(tmp_path):
    with pytest.raises(DrillError, match="No such file"):
        from_file(tmp_path / "none.yml")


def test_an_own_pair_is_not_touched_without_its_name(tmp_path, capsys):
    file = tmp_path / "pair.yml"
    file.write_text(OWN)
    for confirm in (None, "mail.example.org"):
        with pytest.raises(DrillError, match=r"--confirm mail\.example\.com"), setup.ground(file, confirm):
            pytest.fail("it was entered")
    assert main(["--pair", str(file)]) == 2
    assert "breaks mail.example.com on purpose" in capsys.readouterr().err


def test_own_pairs_are_offered_less():
    own, lab = faults.offered(lab=False), faults.offered(lab=True)
    assert "kill-active" in lab
    assert "kill-active" not in own
    assert {"crash-node", "planned-switch", "kill-postfix"} <= set(own)
    assert "crash-node" not in lab
    assert all(fault.title and fault.name == name for name, fault in faults.ALL.items())


def test_a_seed_gives_an_order():
    names = sorted(faults.ALL)
    assert faults.order(names, "a") == faults.order(names[::-1], "a")
    assert faults.order(names, "a") != faults.order(names, "b")
    assert sorted(faults.order(names, "a")) == names


def test_faults_by_name(capsys):
    assert chosen(parser().parse_args(["--faults", "kill-both, fill-disk"])) == ["kill-both", "fill-disk"]
    assert len(chosen(parser().parse_args([]))) == len(faults.offered(lab=True))
    with pytest.raises(DrillError, match="no such fault here: kill-all"):
        chosen(parser().parse_args(["--faults", "kill-all"]))
    assert main(["--faults", "kill-all"]) == 2
    assert main(["--list"]) == 0
    assert "kill-both" in capsys.readouterr().out


def test_mailboxes_of_the_lab():
    made = lab_accounts.accounts(2)
    text = lab_accounts.ldif(made)
    assert text.count("changetype: add") == 3
    assert "mailroomUser: box2@drill.example" in text
    assert not any(account.password in text for account in made)
