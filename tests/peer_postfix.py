"""How Postfix is set up as a peer, and what it holds."""

import re
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path

import peer_tools
from peer_mails import Received, as_sent, oldest_first

REFUSED = "nobody@example.com"  # 550 5.1.1
DEFERRED = "full@example.com"  # 452 4.2.2
USER, PASSWORD = "agent", "correct horse"  # if it asks

_MAIN = """
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/lib
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
mydestination =
local_recipient_maps =
relay_domains = static:all
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtputf8_enable = yes
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{{refused} = 550 5.1.1 no such mailbox}},
  {{{deferred} = 452 4.2.2 the mailbox is full}} }}, check_recipient_access static:HOLD, permit_mynetworks
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
message_size_limit = 41943040
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
alias_maps =
alias_database =
"""
_MAIN_TLS = """
smtpd_tls_security_level = may
smtpd_tls_chain_files = {certificate}
smtpd_tls_loglevel = 1
"""
_MAIN_SASL = """
smtpd_sasl_auth_enable = yes
smtpd_tls_auth_only = yes
smtpd_sasl_mechanism_filter = login
smtpd_client_restrictions = permit_sasl_authenticated, reject
"""
_SERVICES = {
    "cleanup": "unix n - n - 0 cleanup",
    "qmgr": "unix n - n 300 1 qmgr",
    "rewrite": "unix - - n - - trivial-rewrite",
    "bounce": "unix - - n - 0 bounce",
    "defer": "unix - - n - 0 bounce",
    "trace": "unix - - n - 0 bounce",
    "proxymap": "unix - - n - - proxymap",
    "tlsmgr": "unix - - n 1000? 1 tlsmgr",
    "error": "unix - - n - - error",
    "retry": "unix - - n - - error",
    "anvil": "unix - - n - 1 anvil",
    "postlog": "unix-dgram n - n - 1 postlogd",
}


def configure(root: Path, port: int, certificate: Path | None) -> list[str]:
    for name in ("etc", "spool", "lib"):
        (root / name).mkdir()
    shutil.chown(root / "lib", "postfix")
    main = _MAIN.format(root=root, refused=REFUSED, deferred=DEFERRED)
    main += _MAIN_TLS.format(certificate=certificate) if certificate else ""
    (root / "etc/main.cf").write_text(main)
    services = _SERVICES | {f"127.0.0.1:{port}": "inet n - n - - smtpd"}
    (root / "etc/master.cf").write_text("".join(f"{name} {line}\n" for name, line in services.items()))
    return ["/usr/sbin/postfix", "-c", str(root / "etc")]


def view_with_passwords(root: Path) -> list[str]:
    """Let Postfix ask for a password. Return the command before its own: where passwords are is compiled in."""
    users = root / "users"
    command = ["saslpasswd2", "-p", "-c", "-f", str(users), "-u", "postfix.test", USER]
    subprocess.run(command, check=True, input=PASSWORD.encode(), capture_output=True, env=peer_tools.plain())
    shutil.chown(users, "postfix")
    with (root / "etc/main.cf").open("a") as main:
        main.write(_MAIN_SASL)
    mount = 'test -e /etc/sasldb2 || : > /etc/sasldb2; mount --bind "$0" /etc/sasldb2 && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(users)]


def mails(root: Path) -> list[Received]:
    return [_held(root, path) for path in oldest_first(root / "spool/hold")]


@lru_cache(maxsize=1000)  # what is held does not change
def _held(root: Path, path: Path) -> Received:
    envelope = _postcat(root, "-e", path).decode("utf-8", "replace")
    mail_from = re.search(r"(?m)^sender: (.*)$", envelope)
    assert mail_from, envelope
    rcpt_to = tuple(re.findall(r"(?m)^recipient: (.*)$", envelope))
    return Received(mail_from[1] or None, rcpt_to, as_sent(_postcat(root, "-bh", path)))


def _postcat(root: Path, flags: str, path: Path) -> bytes:
    command = ["/usr/sbin/postcat", "-c", str(root / "etc"), flags, str(path)]
    return subprocess.run(command, check=True, capture_output=True, env=peer_tools.plain()).stdout
