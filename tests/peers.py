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
from pathlib import Path

import peer_opensmtpd
import peer_postfix
import peer_tools
from peer_mails import Received, as_sent, oldest_first
from peer_postfix import DEFERRED, PASSWORD, REFUSED, USER

__all__ = ["DEFERRED", "PASSWORD", "REFUSED", "USER", "Peer", "Received", "postfix", "second_server", "smtp_sink"]


_PATIENCE = 20.0  # seconds


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
        control = peer_postfix.configure(root, port, certificate)
        view = peer_postfix.view_with_passwords(root) if authenticated else []
        subprocess.run([*view, *control, "start"], check=True, capture_output=True, env=peer_tools.plain())
        try:
            _await(port)
            yield Peer(
                port, lambda: peer_postfix.mails(root), lambda: (root / "mail.log").read_text("utf-8", "replace")
            )
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
        script = peer_opensmtpd.configure(root, port, certificate)
        with _process(["unshare", "--mount", "sh", str(script)], root, port):
            yield Peer(port, lambda: peer_opensmtpd.mails(root / "spool/smtpd/queue"), lambda: _log(root))


def _from_sink(folder: Path) -> list[Received]:
    return [_dumped(path.read_bytes()) for path in oldest_first(folder)]


def _dumped(octets: bytes) -> Received:
    head, _, rest = octets.partition(b"Received: ")
    mail_from = re.search(rb"(?m)^X-Mail-Args: <(.*?)>", head)
    rcpt_to = tuple(each.decode() for each in re.findall(rb"(?m)^X-Rcpt-Args: <(.*?)>", head))
    # An empty line ends what it keeps.
    return Received(
        mail_from[1].decode() or None if mail_from else None,
        rcpt_to,
        as_sent(b"Received: " + rest).removesuffix(b"\r\n"),
    )


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
