"""Real mail servers as peers, each on a port of its own, with what it received.

`postfix` and `second_server` (OpenSMTPD) need root. A mail that they answered with 250 is there to read: it stays in
their queue.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import peer_tools

REFUSED = "nobody@example.com"  # postfix: 550 5.1.1
DEFERRED = "full@example.com"  # postfix: 452 4.2.2
USER, PASSWORD = "agent", "correct horse"  # postfix, if it asks

_PATIENCE = 20.0  # seconds
_TRACE = re.compile(rb"\AReceived:.*\r\n(?:[ \t].*\r\n)*")


@dataclass(frozen=True)
class Received:
    """A mail as a peer has it: the envelope, and the octets without what the peer put before them."""

    mail_from: str | None
    rcpt_to: tuple[str, ...]
    octets: bytes


@dataclass(frozen=True)
class Peer:
    """A server on 127.0.0.1. `mails()` reads what it has, the oldest first."""

    port: int
    mails: Callable[[], list[Received]]
    log: Callable[[], str]


@contextmanager
def smtp_sink(*flags: str) -> Iterator[Peer]:
    """Run Postfix's test server, which fails as its flags say: `-f RCPT`, `-q .`, `-r MAIL`, `-Q DATA` …"""
    peer_tools.install()
    with _folder() as root:
        port = _free_port()
        as_user = ["-u", "nobody"] if os.geteuid() == 0 else []
        (root / "mails").mkdir()
        (root / "mails").chmod(0o777)
        command = ["/usr/sbin/smtp-sink", *as_user, "-d", f"{root}/mails/", *flags, f"127.0.0.1:{port}", "100"]
        with _process(command, root, port):
            yield Peer(port, lambda: _from_sink(root / "mails"), lambda: _log(root))


@contextmanager
def postfix(*, certificate: Path | None = None, authenticated: bool = False) -> Iterator[Peer]:
    """Run Postfix, with STARTTLS if there is a file with a key and certificates.

    `authenticated`: it takes mail only after AUTH, which it offers under TLS.
    """
    peer_tools.install()
    with _folder() as root:
        port = _free_port()
        control = _configure_postfix(root, port, certificate)
        view = _view_with_passwords(root) if authenticated else []
        subprocess.run([*view, *control, "start"], check=True, capture_output=True, env=peer_tools.plain())
        try:
            _await(port)
            yield Peer(port, lambda: _from_postfix(root), lambda: (root / "mail.log").read_text("utf-8", "replace"))
        finally:
            subprocess.run([*control, "stop"], check=False, capture_output=True, env=peer_tools.plain())


@contextmanager
def second_server(*, certificate: Path | None = None) -> Iterator[Peer]:
    """Run OpenSMTPD, in a view of the file system of its own, for its paths and users are compiled in.

    It knows no PIPELINING. With a certificate it offers STARTTLS, and each handshake fails: Debian 12's build cannot
    use its key under OpenSSL 3.
    """
    peer_tools.install()
    with _folder() as root:
        port = _free_port()
        script = _configure_opensmtpd(root, port, certificate)
        with _process(["unshare", "--mount", "sh", str(script)], root, port):
            yield Peer(port, lambda: _from_opensmtpd(root / "spool/smtpd/queue"), lambda: _log(root))


# Postfix

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


def _configure_postfix(root: Path, port: int, certificate: Path | None) -> list[str]:
    for name in ("etc", "spool", "lib"):
        (root / name).mkdir()
    shutil.chown(root / "lib", "postfix")
    main = _MAIN.format(root=root, refused=REFUSED, deferred=DEFERRED)
    main += _MAIN_TLS.format(certificate=certificate) if certificate else ""
    (root / "etc/main.cf").write_text(main)
    services = _SERVICES | {f"127.0.0.1:{port}": "inet n - n - - smtpd"}
    (root / "etc/master.cf").write_text("".join(f"{name} {line}\n" for name, line in services.items()))
    return ["/usr/sbin/postfix", "-c", str(root / "etc")]


def _view_with_passwords(root: Path) -> list[str]:
    """Let Postfix ask for a password. Return the command before its own: where passwords are is compiled in."""
    users = root / "users"
    command = ["saslpasswd2", "-p", "-c", "-f", str(users), "-u", "postfix.test", USER]
    subprocess.run(command, check=True, input=PASSWORD.encode(), capture_output=True, env=peer_tools.plain())
    shutil.chown(users, "postfix")
    with (root / "etc/main.cf").open("a") as main:
        main.write(_MAIN_SASL)
    mount = 'test -e /etc/sasldb2 || : > /etc/sasldb2; mount --bind "$0" /etc/sasldb2 && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(users)]


def _from_postfix(root: Path) -> list[Received]:
    return [_held(root, path) for path in _oldest_first(root / "spool/hold")]


@lru_cache(maxsize=1000)  # what is held does not change
def _held(root: Path, path: Path) -> Received:
    envelope = _postcat(root, "-e", path).decode("utf-8", "replace")
    mail_from = re.search(r"(?m)^sender: (.*)$", envelope)
    assert mail_from, envelope
    rcpt_to = tuple(re.findall(r"(?m)^recipient: (.*)$", envelope))
    return Received(mail_from[1] or None, rcpt_to, _as_sent(_postcat(root, "-bh", path)))


def _postcat(root: Path, flags: str, path: Path) -> bytes:
    command = ["/usr/sbin/postcat", "-c", str(root / "etc"), flags, str(path)]
    return subprocess.run(command, check=True, capture_output=True, env=peer_tools.plain()).stdout


# OpenSMTPD

_VIEW = """
set -e
mount --bind {root}/passwd /etc/passwd
mount --bind {root}/group /etc/group
mount --bind {root}/spool /var/spool
mount --bind {root}/lib /var/lib
mount --bind {root}/run /run
mount --bind {unpacked}/usr/libexec /usr/libexec
exec {unpacked}/usr/sbin/smtpd -d -f {root}/smtpd.conf
"""


def _configure_opensmtpd(root: Path, port: int, certificate: Path | None) -> Path:
    (root / "run").mkdir()
    (root / "spool").mkdir()
    (root / "lib/opensmtpd/empty").mkdir(parents=True)
    (root / "spool").chmod(0o711)
    users = (("opensmtpd", 64_001), ("opensmtpq", 64_002))
    known = Path("/etc/passwd").read_text() + "".join(f"{name}:x:{id_}:{id_}::/:/bin/false\n" for name, id_ in users)
    (root / "passwd").write_text(known)
    groups = Path("/etc/group").read_text() + "".join(f"{name}:x:{id_}:\n" for name, id_ in users)
    (root / "group").write_text(groups)
    if certificate:
        certificate = Path(shutil.copy(certificate, root / "pki.pem"))
        certificate.chmod(0o600)
    (root / "smtpd.conf").write_text(_opensmtpd_says(port, certificate))
    (root / "smtpd.conf").chmod(0o600)
    (root / "start").write_text(_VIEW.format(root=root, unpacked=peer_tools.OPENSMTPD))
    return root / "start"


def _opensmtpd_says(port: int, certificate: Path | None) -> str:
    pki = [f'pki opensmtpd.test {what} "{certificate}"' for what in ("cert", "key")] if certificate else []
    tls = " pki opensmtpd.test tls" if certificate else ""
    lines = [
        *pki,
        f"listen on 127.0.0.1 port {port} hostname opensmtpd.test{tls}",
        'action "keep" relay host "smtp://127.0.0.1:1"',  # where nobody listens: it stays in the queue
        'match from any for any action "keep"',
    ]
    return "\n".join([*lines, ""])


def _from_opensmtpd(queue: Path) -> list[Received]:
    return [_queued(path.parent) for path in _oldest_first(queue, "*/*/message")]


def _queued(message: Path) -> Received:
    envelopes = [path.read_text("utf-8") for path in sorted(message.iterdir()) if path.name != "message"]
    mail_from = re.search(r"(?m)^sender: (.*)$", envelopes[0])
    rcpt_to = tuple(found[1] for each in envelopes if (found := re.search(r"(?m)^dest: (.*)$", each)))
    return Received(mail_from[1] or None if mail_from else None, rcpt_to, _as_sent((message / "message").read_bytes()))


# smtp-sink


def _from_sink(folder: Path) -> list[Received]:
    return [_dumped(path.read_bytes()) for path in _oldest_first(folder)]


def _dumped(octets: bytes) -> Received:
    head, _, rest = octets.partition(b"Received: ")
    mail_from = re.search(rb"(?m)^X-Mail-Args: <(.*?)>", head)
    rcpt_to = tuple(each.decode() for each in re.findall(rb"(?m)^X-Rcpt-Args: <(.*?)>", head))
    # An empty line ends what it keeps.
    return Received(
        mail_from[1].decode() or None if mail_from else None,
        rcpt_to,
        _as_sent(b"Received: " + rest).removesuffix(b"\r\n"),
    )


# Of all


def _as_sent(octets: bytes) -> bytes:
    """Return a mail that is kept with LF as it was on the wire, without the trace field of the peer."""
    return _TRACE.sub(b"", octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), count=1)


def _oldest_first(folder: Path, pattern: str = "*") -> list[Path]:
    found = [path for path in folder.rglob(pattern) if path.is_file()]
    return sorted(found, key=lambda path: (path.stat().st_mtime_ns, path.name))


@contextmanager
def _folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="daimon-peer-"))
    root.chmod(0o755)
    try:
        yield root
    finally:
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _process(command: list[str], root: Path, port: int) -> Iterator[None]:
    with (root / "log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=root, env=peer_tools.plain()
        )
    try:
        _await(port)
        yield
    except ConnectionError as error:
        raise ConnectionError(_log(root)) from error
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _log(root: Path) -> str:
    return (root / "log").read_text("utf-8", "replace")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(port: int) -> None:
    """Return when somebody listens on a port, which no server tells otherwise."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)
        else:
            return
