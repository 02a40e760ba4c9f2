"""A Postfix of the benchmark's own: its queue on the same disk, every mail flushed to it as Postfix does by default."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving import WORK

_MAIN = """
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/lib
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = benchmark.example
mydestination =
local_recipient_maps =
relay_domains = daimon.email
relay_transport = discard:
default_transport = {transport}
smtp_tls_security_level = none
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = {restrictions}
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
message_size_limit = 0
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
alias_maps =
alias_database =
"""
_SERVICES = {
    "pickup": "unix n - n 60 1 pickup",
    "cleanup": "unix n - n - 0 cleanup",
    "qmgr": "unix n - n 300 1 qmgr",
    "rewrite": "unix - - n - - trivial-rewrite",
    "bounce": "unix - - n - 0 bounce",
    "defer": "unix - - n - 0 bounce",
    "trace": "unix - - n - 0 bounce",
    "verify": "unix - - n - 1 verify",
    "flush": "unix n - n 1000? 0 flush",
    "proxymap": "unix - - n - - proxymap",
    "error": "unix - - n - - error",
    "retry": "unix - - n - - error",
    "discard": "unix - - n - - discard",
    "smtp": "unix - - n - - smtp",
    "anvil": "unix - - n - 1 anvil",
    "postlog": "unix-dgram n - n - 1 postlogd",
}


@dataclass(frozen=True)
class Postfix:
    """A running Postfix and where its mails are."""

    port: int
    root: Path

    def waiting(self) -> int:
        """Return how many mails are in the queue and not delivered."""
        queues = ("maildrop", "incoming", "active", "deferred")
        return sum(1 for name in queues for _, _, files in os.walk(self.root / "spool" / name) for _ in files)


def install() -> None:
    """Install Postfix and its load generator, if they are missing and we may."""
    if shutil.which("smtp-source") and shutil.which("postfix"):
        return
    if os.geteuid() != 0:
        raise SystemExit("this benchmark needs Debian's package postfix; install it, or run as root")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(
        ["apt-get", "install", "-y", "-qq", "postfix"], check=True, env=environment, stdout=subprocess.DEVNULL
    )


@contextmanager
def postfix(*, hold: bool = False, relay: int | None = None) -> Iterator[Postfix]:
    """Run Postfix on a free port.

    `hold`: mails stay in the hold queue, its best case; else they are discarded, or sent to the port `relay`.
    """
    install()
    root = Path(tempfile.mkdtemp(prefix="postfix-benchmark-", dir=WORK))
    root.chmod(0o755)
    port = free_port()
    (root / "etc").mkdir()
    (root / "spool").mkdir()
    (root / "lib").mkdir()
    shutil.chown(root / "lib", "postfix")
    restrictions = "check_recipient_access static:HOLD, permit_mynetworks" if hold else "permit_mynetworks, reject"
    transport = f"smtp:[127.0.0.1]:{relay}" if relay else "discard:"
    (root / "etc/main.cf").write_text(_MAIN.format(root=root, restrictions=restrictions, transport=transport))
    services = _SERVICES | {f"127.0.0.1:{port}": "inet n - n - - smtpd"}
    (root / "etc/master.cf").write_text("".join(f"{name} {line}\n" for name, line in services.items()))
    control = ["postfix", "-c", str(root / "etc")]
    subprocess.run([*control, "start"], check=True, capture_output=True, env=_plain())
    try:
        await_port(port)
        yield Postfix(port, root)
    finally:
        subprocess.run([*control, "stop"], check=False, capture_output=True, env=_plain())
        shutil.rmtree(root, ignore_errors=True)


def _plain() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "MAIL_CONFIG": ""}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_port(port: int) -> None:
    for _ in range(200):
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as client:
                client.recv(100)
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("Postfix did not answer")
