# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory: who may do what, replication, passwords. Speaks LDAP on the hosts themselves, as clients do."""

from __future__ import annotations

import re
import shlex
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from directorytools import SUFFIX, content, root, sh

# A domain of this file's own; made with local root's rights, as the account code does.
DOMAIN = f"ou=directory.test,ou=domains,{SUFFIX}"
ALICE, ALICE2 = f"uid=alice,{DOMAIN}", f"uid=alice2,{DOMAIN}"
PASSWORD = "Correct-Horse-Battery-9"
CA = "/etc/mailroom/tls/ca.crt"
IS_ALICE = "(mailroomUser=alice@directory.test)"
# What no daemon and no user is told.
SECRETS = (
    "mailroomHold: Case 2026/17",
    "mailroomFormerAddress: 2026-01-31 lidell@directory.test",
    "mailroomAgent: alice2@directory.test read",
)


def ldif_mailbox(uid: str, *more: str, state: str = "active", kind: str = "person") -> str:
    lines = [
        f"dn: uid={uid},{DOMAIN}",
        "objectClass: inetOrgPerson",
        "objectClass: mailroomMailbox",
        f"uid: {uid}",
        f"cn: {uid}",
        f"sn: {uid}",
        f"mail: {uid}@directory.test",
        f"mailroomUser: {uid}@directory.test",
        f"mailroomKind: {kind}",
        f"mailroomStore: directory.test/{uid}",
        f"mailroomAddress: {uid}@directory.test",
        f"mailroomDelivery: {uid}@directory.test",
        f"mailroomState: {state}",
        "mailroomService: imap",
        *more,
    ]
    return "\n".join(lines) + "\n"


def search(host: Any, who: str, secret: str, base: str, filter_: str, *attributes: str) -> Any:
    wanted = " ".join(attributes)
    # The password goes by a pipe, so that it is in no process list.
    return sh(
        host,
        f"ldapsearch -LLL -o ldif-wrap=no -x -H ldapi:/// -D {shlex.quote(who)} -y /dev/stdin "
        f"-b {shlex.quote(base)} {shlex.quote(filter_)} {wanted}",
        secret,
    )


def binds(host: Any, who: str, secret: str, uri: str = "ldapi:///", options: str = "") -> Any:
    return sh(host, f"LDAPTLS_CACERT={CA} ldapwhoami {options} -x -H {uri} -D {shlex.quote(who)} -y /dev/stdin", secret)


@pytest.fixture(scope="module")
def provider(hosts: Callable[[str], Any]) -> Any:
    return hosts("ldap1")


@pytest.fixture(scope="module")
def replica(hosts: Callable[[str], Any]) -> Any:
    return hosts("mail1")


@pytest.fixture(scope="module")
def service_password() -> Callable[[str], str]:
    from conftest import STATE

    return lambda name: (STATE / "secrets" / f"ldap_{name}").read_text().split()[0]


@pytest.fixture(scope="module")
def service() -> Callable[[str], str]:
    return lambda name: f"cn={name},ou=services,{SUFFIX}"


@pytest.fixture(scope="module", autouse=True)
def domain(provider: Any, replica: Any, wait_for: Callable[..., Any]) -> Iterator[None]:
    """Three mailboxes with nearly equal names; one of them is disabled."""
    clean = f"ldapdelete -r {DOMAIN}"
    root(provider, clean)
    text = (
        f"dn: {DOMAIN}\nobjectClass: organizationalUnit\nobjectClass: mailroomDomain\nou: directory.test\n"
        "mailroomDomainName: directory.test\nmailroomState: active\n\n"
        + ldif_mailbox("alice", f"userPassword: {PASSWORD}", *SECRETS)
        + "\n"
        + ldif_mailbox("alice2", f"userPassword: {PASSWORD}")
        + "\n"
        + ldif_mailbox("alic", f"userPassword: {PASSWORD}", state="disabled")
    )
    done = root(provider, "ldapadd", text)
    assert done.rc == 0, done.stderr
    wait_for(lambda: binds(replica, ALICE2, PASSWORD).rc == 0, "the replica knows the new mailboxes")
    yield
    root(provider, clean)


# --- who may do what


def test_services_read_what_they_need_and_nothing_else(replica, service, service_password):
    hidden = ("userPassword", "uid", "mail", "sn", "mailroomHold", "mailroomFormerAddress", "mailroomAgent")
    for name, sees, not_ in (
        ("postfix", ("mailroomDelivery", "mailroomAddress"), (*hidden, "mailroomService", "mailroomStore")),
        ("dovecot", ("mailroomStore", "mailroomService"), (*hidden, "mailroomDelivery", "mailroomAddress")),
    ):
        found = search(replica, service(name), service_password(name), DOMAIN, IS_ALICE)
        assert found.rc == 0, found.stderr
        assert f"dn: {ALICE}" in found.stdout
        for attribute in sees:
            assert f"\n{attribute}:" in found.stdout, (name, attribute)
        for attribute in not_:
            assert f"\n{attribute}:" not in found.stdout, (name, attribute)
        assert search(replica, service(name), service_password(name), f"ou=services,{SUFFIX}", "(cn=*)").rc == 32


def test_only_replicas_read_hashes(provider, service, service_password):
    found = search(provider, service("replica"), service_password("replica"), ALICE, "(uid=alice)", "userPassword")
    assert "userPassword::" in found.stdout


def test_a_user_sees_only_the_own_entry_even_beside_a_near_namesake(replica):
    own = search(replica, ALICE, PASSWORD, ALICE, "(objectClass=*)")
    assert "\nmail: alice@directory.test" in own.stdout
    for secret in ("userPassword", "mailroomHold", "mailroomFormerAddress", "mailroomAgent"):
        assert secret not in own.stdout
    assert search(replica, ALICE, PASSWORD, ALICE2, "(objectClass=*)").rc == 32
    assert search(replica, ALICE, PASSWORD, DOMAIN, "(objectClass=*)").rc == 32


def test_a_user_changes_nothing_but_the_own_password(provider):
    def modify(dn: str, attribute: str, value: str) -> int:
        text = f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        script = f"cat >/run/directory.test; ldapmodify -x -H ldapi:/// -D {ALICE} -w {PASSWORD} -f /run/directory.test"
        command = f"sh -c {shlex.quote(script)}"
        return int(sh(provider, command, text).rc)

    assert modify(ALICE, "mailroomAddress", "thief@directory.test") == 50
    assert modify(ALICE, "mailroomQuota", "99999999") == 50
    assert modify(ALICE, "mailroomSender", "boss@directory.test") == 50
    assert modify(ALICE, "mailroomStore", "directory.test/thief") == 50
    assert modify(ALICE, "mailroomHold", "none") == 50
    assert modify(ALICE2, "userPassword", "Another-Horse-Battery-9") in (32, 50)
    provider.run("rm -f /run/directory.test")


def test_disabled_quarantined_and_shared_mailboxes_cannot_log_in(provider, replica, wait_for):
    for uid, state, kind in (("closed", "quarantined", "person"), ("desk", "active", "shared")):
        text = ldif_mailbox(uid, f"userPassword: {PASSWORD}", state=state, kind=kind)
        assert root(provider, "ldapadd", text).rc == 0
    wait_for(lambda: "desk" in root(replica, f"ldapsearch -LLL -b {DOMAIN} uid=desk uid").stdout, "the replica")
    for host in (provider, replica):
        for uid in ("alic", "closed", "desk"):
            assert binds(host, f"uid={uid},{DOMAIN}", PASSWORD).rc == 49, uid


def test_anonymous_is_refused(provider, replica):
    for host in (provider, replica):
        assert host.run("ldapwhoami -x -H ldapi:///").rc == 48
        # Without a bind: python-ldap comes with the role.
        code = f"import ldap; c = ldap.initialize('ldapi:///'); print(c.search_s('{SUFFIX}', ldap.SCOPE_SUBTREE))"
        done = host.run(f"python3 -c {shlex.quote(code)}")
        assert done.rc == 1
        assert "dn" not in done.stdout


def test_access_tests_of_the_role_fail_a_play_with_who_what_and_found(playbook):
    wrong = (
        '{"openldap_access_tests": [{"who": "anonymous", "what": "uid=a,ou=x,ou=domains,dc=mailroom,dc=example", '
        '"attributes": "mail", "expect": "read"}]}'
    )
    run = playbook("playbooks/directory.yml", "--limit", "ldap1", "-e", wrong, ok=False)
    assert "anonymous to mail of uid=a,ou=x,ou=domains,dc=mailroom,dc=example: expected read, found none" in run.output


# --- TLS


def test_passwords_only_over_tls(provider):
    name = provider.run("hostname -f").stdout.strip()
    assert binds(provider, ALICE, PASSWORD, f"ldap://{name}").rc == 13
    assert binds(provider, ALICE, PASSWORD, f"ldap://{name}", "-ZZ").rc == 0
    assert binds(provider, ALICE, PASSWORD, f"ldaps://{name}").rc == 0


def test_certificate_is_the_ca_s_and_old_tls_is_refused(provider, info):
    name, port = provider.run("hostname -f").stdout.strip(), info["services"]["ldap"][1]
    client = f"openssl s_client -connect {name}:{port} -verify_return_error -CAfile {CA} -verify_hostname {name}"
    assert "Verify return code: 0" in provider.run(f"{client} </dev/null").stdout
    assert provider.run(f"{client} -tls1_1 -cipher DEFAULT@SECLEVEL=0 </dev/null").rc != 0
    assert ssl.HAS_TLSv1_2


def test_replica_has_no_open_ldap_port(replica):
    listening = replica.run("ss -Hltn").stdout
    assert not re.search(r":(389|636)\s", listening)


# --- guards


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("mailroomAddress: ALICE@directory.test", "non-unique"),
        ("mailroomQuota: 0", "constraint on mailroomQuota"),
        ("mailroomService: telnet", "constraint on mailroomService"),
        ("mail: no-address", "constraint on mail"),
        ("mailroomSender: no-address", "constraint on mailroomSender"),
        ("mailroomIdentity: @directory.test", "constraint on mailroomIdentity"),
        ("mailroomAgent: alice@directory.test owner", "constraint on mailroomAgent"),
        ("mailroomExpires: 2027-13-01", "constraint on mailroomExpires"),
        ("mailroomPurge: tomorrow", "constraint on mailroomPurge"),
        ("mailroomFormerAddress: alice@directory.test", "constraint on mailroomFormerAddress"),
        ("mailroomDigest: 12345", "constraint on mailroomDigest"),
    ],
)
def test_guards_refuse(provider, line, said):
    done = root(provider, "ldapadd", ldif_mailbox("guard", line))
    assert done.rc == 19
    assert said in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mailroomUser: guard@", "mailroomUser: Alice@", "non-unique"),
        ("mailroomStore: directory.test/guard", "mailroomStore: directory.test/alice", "non-unique"),
        ("mailroomStore: directory.test/guard", "mailroomStore: directory.test/../x", "constraint on mailroomStore"),
        ("mailroomStore: directory.test/guard", "mailroomStore: ../guard", "constraint on mailroomStore"),
        ("mailroomStore: directory.test/guard", "mailroomStore: guard", "constraint on mailroomStore"),
        ("mailroomKind: person", "mailroomKind: robot", "constraint on mailroomKind"),
    ],
)
def test_guards_refuse_a_wrong_user_kind_and_store(provider, old, new, said):
    text = ldif_mailbox("guard")
    assert old in text
    done = root(provider, "ldapadd", text.replace(old, new))
    assert done.rc == 19
    assert said in done.stderr


def test_guard_refuses_an_unknown_state(provider):
    done = root(provider, "ldapadd", ldif_mailbox("guard", state="sleeping"))
    assert done.rc == 19
    assert "constraint on mailroomState" in done.stderr


# --- passwords


def test_password_change_is_hashed_with_argon2_and_reaches_the_replica(provider, replica, wait_for):
    new = "Another-Horse-Battery-10"
    # In files, so that no password is in a process list.
    script = (
        'umask 077; cd /run; IFS= read -r old; IFS= read -r new; printf %s "$old" >dt.old; printf %s "$new" >dt.new; '
    )
    script += f"ldappasswd -x -H ldapi:/// -D {ALICE2} -y dt.old -t dt.old -T dt.new; "
    script += "code=$?; rm -f dt.old dt.new; exit $code"
    command = f"sh -c {shlex.quote(script)}"
    assert "quality" in sh(provider, command, f"{PASSWORD}\nshort\n").stdout
    done = sh(provider, command, f"{PASSWORD}\n{new}\n")
    assert done.rc == 0, done.stderr
    wait_for(lambda: binds(replica, ALICE2, new).rc == 0, "the new password works on the replica")
    assert binds(replica, ALICE2, PASSWORD).rc == 49
    for host in (provider, replica):
        code = (
            "import ldap; c = ldap.initialize('ldapi:///'); c.sasl_non_interactive_bind_s('EXTERNAL'); "
            f"print(c.search_s('{ALICE2}', ldap.SCOPE_BASE, attrlist=['userPassword'])[0][1]['userPassword'])"
        )
        assert "b'{ARGON2}$argon2id$" in host.run(f"python3 -c {shlex.quote(code)}").stdout


def test_ten_wrong_passwords_lock_and_do_not_lock_a_near_namesake_or_a_service(provider, service, service_password):
    user = f"uid=locked,{DOMAIN}"
    for uid in ("locked", "locked2"):
        assert root(provider, "ldapadd", ldif_mailbox(uid, f"userPassword: {PASSWORD}")).rc == 0
    assert binds(provider, user, PASSWORD).rc == 0
    for who in (user, service("postfix")):
        tries = f"for i in 1 2 3 4 5 6 7 8 9 10; do ldapwhoami -x -H ldapi:/// -D {who} -w wrong; done"
        provider.run(tries)
    assert binds(provider, user, PASSWORD).rc == 49
    assert binds(provider, f"uid=locked2,{DOMAIN}", PASSWORD).rc == 0
    assert binds(provider, service("postfix"), service_password("postfix")).rc == 0
    # The way back: taking the mark away.
    text = f"dn: {user}\nchangetype: modify\ndelete: pwdAccountLockedTime\n"
    assert root(provider, "ldapmodify", text).rc == 0
    assert binds(provider, user, PASSWORD).rc == 0


def test_hash_from_the_account_code_is_accepted(provider):
    # Debian's slappasswd makes no Argon2 hash by itself; any scheme shows that a hash passes.
    hashed = provider.run("slappasswd -h '{SSHA}' -s Correct-Horse-Battery-11").stdout.strip()
    assert root(provider, "ldapadd", ldif_mailbox("hashed", f"userPassword: {hashed}")).rc == 0
    assert binds(provider, f"uid=hashed,{DOMAIN}", "Correct-Horse-Battery-11").rc == 0


# --- replication


def test_replica_equals_provider(provider, replica, wait_for):
    wait_for(lambda: content(provider) == content(replica), "equal content")


def test_write_to_a_replica_is_referred_to_the_provider(provider, replica):
    done = root(replica, "ldapmodify", f"dn: {ALICE}\nchangetype: modify\nreplace: sn\nsn: elsewhere\n")
    assert done.rc == 10
    assert f"ldaps://{provider.run('hostname -f').stdout.strip()}/" in done.stderr


def test_replica_answers_while_the_provider_is_down_and_catches_up(
    provider, replica, service, service_password, wait_for
):
    provider.run("systemctl stop slapd")
    try:
        found = search(replica, service("postfix"), service_password("postfix"), DOMAIN, IS_ALICE)
        assert f"dn: {ALICE}" in found.stdout
        assert binds(replica, ALICE, PASSWORD).rc == 0
    finally:
        provider.run("systemctl start slapd")
    assert root(provider, "ldapadd", ldif_mailbox("late", f"userPassword: {PASSWORD}")).rc == 0
    wait_for(lambda: binds(replica, f"uid=late,{DOMAIN}", PASSWORD).rc == 0, "the late mailbox on the replica", 60)


def test_slapd_that_dies_comes_back_and_one_that_was_stopped_does_not(
    provider, replica, service, service_password, wait_for
):
    def unit(host: Any, field: str) -> str:
        return str(host.check_output(f"systemctl show -P {field} slapd"))

    def answers(host: Any) -> bool:
        who, secret = service("postfix"), service_password("postfix")
        found = search(host, who, secret, DOMAIN, IS_ALICE)
        return f"dn: {ALICE}" in found.stdout and binds(host, ALICE, PASSWORD).rc == 0

    # One of them more than once: it is not given up.
    for host, deaths in ((provider, 1), (replica, 2)):
        for _ in range(deaths):
            before = unit(host, "MainPID")
            host.check_output("systemctl kill --signal KILL slapd")
            wait_for(lambda host=host, pid=before: unit(host, "MainPID") not in ("0", pid), "another process", 15)
            wait_for(lambda host=host: answers(host), "look-ups and log-ins work again", 15)
        host.check_output("systemctl stop slapd")
        try:
            # Waiting to be started again would be "activating".
            assert unit(host, "ActiveState") == "inactive"
        finally:
            host.check_output("systemctl start slapd")
        wait_for(lambda host=host: answers(host), "it answers after the stop", 15)
    # Both sides died, and still follow each other.
    assert root(provider, "ldapadd", ldif_mailbox("after", f"userPassword: {PASSWORD}")).rc == 0
    wait_for(lambda: binds(replica, f"uid=after,{DOMAIN}", PASSWORD).rc == 0, "a later mailbox on the replica", 60)


def test_a_replica_that_was_away_when_the_provider_died_misses_nothing(provider, replica, wait_for):
    """The number of the newest change that slapd has written down is older than the change (olcSpCheckpoint)."""
    who = f"uid=unheard,{DOMAIN}"
    before = content(replica)
    replica.check_output("systemctl stop slapd")
    try:
        assert root(provider, "ldapadd", ldif_mailbox("unheard", f"userPassword: {PASSWORD}")).rc == 0
        died = provider.check_output("systemctl show -P MainPID slapd")
        provider.check_output("systemctl kill --signal KILL slapd")
        wait_for(lambda: provider.check_output("systemctl show -P MainPID slapd") not in ("0", died), "it is back", 15)
        wait_for(lambda: binds(provider, who, PASSWORD).rc == 0, "the provider answers", 15)
    finally:
        replica.check_output("systemctl start slapd")
    wait_for(lambda: binds(replica, who, PASSWORD).rc == 0, "the replica hears of it", 30)
    wait_for(lambda: content(provider) == content(replica), "equal content", 30)
    assert content(replica) != before


def test_a_replica_that_was_in_use_when_the_host_went_down_is_fetched_anew(provider, replica, wait_for):
    assert "nosync" in root(replica, "ldapsearch -LLL -b cn=config olcDbEnvFlags=* olcDbEnvFlags").stdout
    assert "olcDbEnvFlags" not in root(provider, "ldapsearch -LLL -b cn=config olcDbEnvFlags=* olcDbEnvFlags").stdout
    mark, data = "/var/lib/ldap/.in-use", "stat -c %w /var/lib/ldap/data.mdb"

    def power_failure() -> None:
        # As if it had been another boot: slapd was not stopped, and the kernel had no time to write.
        replica.check_output(f"echo another-boot >{mark}; systemctl kill --signal KILL slapd; systemctl start slapd")

    before = replica.check_output(data)
    replica.check_output("systemctl restart slapd")
    assert replica.check_output(data) == before, "a clean stop keeps the copy"
    provider.run("systemctl stop slapd")
    try:
        power_failure()
        assert replica.check_output(data) == before, "without a provider the old copy is better than none"
        assert binds(replica, ALICE, PASSWORD).rc == 0
    finally:
        provider.run("systemctl start slapd")
    power_failure()
    assert replica.check_output(data) != before
    wait_for(lambda: content(provider) == content(replica), "equal content", 60)
    assert replica.check_output(f"cat {mark}") == replica.check_output("cat /proc/sys/kernel/random/boot_id")
    replica.check_output("systemctl stop slapd")
    try:
        assert not replica.file(mark).exists
    finally:
        replica.check_output("systemctl start slapd")


def test_wiped_replica_comes_back_by_a_restart(provider, replica, service, service_password, wait_for):
    """And until it is complete, services cannot log in: a half copy must never say "no such user"."""
    replica.run("systemctl stop slapd; rm -rf /var/lib/ldap/*; systemctl start slapd")
    found = wait_for(
        lambda: (lambda done: done if done.rc == 0 else None)(
            search(replica, service("postfix"), service_password("postfix"), DOMAIN, IS_ALICE)
        ),
        "a log-in of Postfix",
        120,
    )
    assert f"dn: {ALICE}" in found.stdout
    wait_for(lambda: content(provider) == content(replica), "equal content")


def test_replica_that_differs_is_filled_anew_by_a_run(provider, replica, playbook, wait_for):
    """A transaction that fails on the provider leaves traces on replicas (slapd 2.6.10): the role repairs that."""
    replica.run(
        "systemctl stop slapd; "
        f"slapcat -b {SUFFIX} -o ldif-wrap=no | sed '/^dn: uid=alice,/,/^$/d' >/run/directory.ldif; "
        "rm -f /var/lib/ldap/*.mdb; "
        f"slapadd -q -b {SUFFIX} -l /run/directory.ldif; rm /run/directory.ldif; "
        "chown openldap: /var/lib/ldap/*.mdb; systemctl start slapd"
    )
    assert binds(replica, ALICE, PASSWORD).rc == 49
    assert "filled anew" in playbook("playbooks/directory.yml", "--check", "--diff").output
    playbook("playbooks/directory.yml")
    assert binds(replica, ALICE, PASSWORD).rc == 0
    run = playbook("playbooks/directory.yml", "--diff")
    assert run.changed == 0, run.output


# --- change and removal


def test_rename_of_the_organisation_leaves_nothing_of_the_old(provider, replica, playbook, wait_for):
    new = "Renamed Directory Test"
    old = re.search(r"^o: (.*)$", root(provider, f"ldapsearch -LLL -b {SUFFIX} -s base").stdout, re.M)[1]
    try:
        playbook("playbooks/directory.yml", "-e", f"openldap_organization='{new}'")
        for host in (provider, replica):
            values = re.findall(r"^o: (.*)$", root(host, f"ldapsearch -LLL -b {SUFFIX} -s base").stdout, re.M)
            assert values == [new]
            assert host.run(f"grep -rqF '{old}' /etc/ldap").rc == 1
    finally:
        playbook("playbooks/directory.yml")


def test_service_account_comes_and_goes_and_its_password_turns(provider, playbook, service, service_password):
    """One run each; the other services' passwords stay as they are."""

    def accounts(*more: tuple[str, str]) -> str:
        names = [(name, service_password(name)) for name in ("replica", "postfix", "dovecot")] + list(more)
        rows = ", ".join(f'{{"name": "{name}", "password": "{secret}"}}' for name, secret in names)
        return f'{{"openldap_service_accounts": [{rows}]}}'

    first, second = "first" + "x" * 20, "second" + "y" * 20
    try:
        run = playbook("playbooks/directory.yml", "-vvv", "--diff", "-e", accounts(("probe", first)))
        assert binds(provider, service("probe"), first).rc == 0
        # What was given on the command line is printed there; the tasks' output is what counts.
        tasks = run.output.partition("PLAY [")[2]
        for secret in (first, service_password("postfix"), service_password("replica")):
            assert secret not in tasks
        playbook("playbooks/directory.yml", "-e", accounts(("probe", second)))
        assert binds(provider, service("probe"), second).rc == 0
        assert binds(provider, service("probe"), first).rc == 49
        assert binds(provider, service("postfix"), service_password("postfix")).rc == 0
    finally:
        playbook("playbooks/directory.yml")
    assert "dn:" not in root(provider, f"ldapsearch -LLL -b ou=services,{SUFFIX} cn=probe 1.1").stdout


def test_changed_limit_and_removed_rule_converge(provider, playbook):
    where = "ldapsearch -LLL -b olcDatabase={-1}frontend,cn=config -s base olcSizeLimit"
    playbook("playbooks/directory.yml", "--limit", "ldap1", "-e", "openldap_size_limit=77")
    assert "olcSizeLimit: 77" in root(provider, where).stdout
    playbook("playbooks/directory.yml", "--limit", "ldap1")
    assert "olcSizeLimit: 500" in root(provider, where).stdout


def test_another_suffix_is_refused_and_nothing_happens(provider, playbook):
    before = content(provider)
    run = playbook("playbooks/directory.yml", "--limit", "ldap1", "-e", "openldap_suffix=dc=other,dc=example", ok=False)
    assert f"The suffix of the database on this host is {SUFFIX}" in run.output
    assert content(provider) == before


def test_second_run_changes_nothing(playbook):
    run = playbook("playbooks/directory.yml", "--diff")
    assert run.changed == 0, run.output


# --- secrets


def test_no_secrets_in_files_that_others_may_read(provider, replica, service_password):
    for host in (provider, replica):
        for name in ("replica", "postfix", "dovecot"):
            found = host.run(
                f"grep -rlF {service_password(name)} /etc /var/lib/ldap /var/log /run 2>/dev/null | "
                "xargs -r -I{} find {} -perm /004"
            )
            assert found.stdout == "", (host.backend.hostname, name)
        assert host.run("find /etc/ldap/slapd.d /var/lib/ldap -perm /007 -type f").stdout == ""
        assert host.run("stat -c %a /etc/ldap/slapd.d").stdout.strip() in ("700", "750")
