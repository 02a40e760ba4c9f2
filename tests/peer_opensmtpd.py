"""How OpenSMTPD is set up as a peer, and what its queue has."""

import re
import shutil
from pathlib import Path

import peer_tools
from peer_mails import Received, as_sent, oldest_first

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


def configure(root: Path, port: int, certificate: Path | None) -> Path:
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
    (root / "smtpd.conf").write_text(_conf(port, certificate))
    (root / "smtpd.conf").chmod(0o600)
    (root / "start").write_text(_VIEW.format(root=root, unpacked=peer_tools.OPENSMTPD))
    return root / "start"


def _conf(port: int, certificate: Path | None) -> str:
    pki = [f'pki opensmtpd.test {what} "{certificate}"' for what in ("cert", "key")] if certificate else []
    tls = " pki opensmtpd.test tls" if certificate else ""
    lines = [
        *pki,
        f"listen on 127.0.0.1 port {port} hostname opensmtpd.test{tls}",
        'action "keep" relay host "smtp://127.0.0.1:1"',  # where nobody listens: it stays in the queue
        'match from any for any action "keep"',
    ]
    return "\n".join([*lines, ""])


def mails(queue: Path) -> list[Received]:
    return [_queued(path.parent) for path in oldest_first(queue, "*/*/message")]


def _queued(message: Path) -> Received:
    envelopes = [path.read_text("utf-8") for path in sorted(message.iterdir()) if path.name != "message"]
    mail_from = re.search(r"(?m)^sender: (.*)$", envelopes[0])
    rcpt_to = tuple(found[1] for each in envelopes if (found := re.search(r"(?m)^dest: (.*)$", each)))
    return Received(mail_from[1] or None if mail_from else None, rcpt_to, as_sent((message / "message").read_bytes()))
