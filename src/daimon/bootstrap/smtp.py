"""The SMTP role: receives mail, and takes mail to be sent; says 250 when it is durable."""

import asyncio
import socket
import ssl
from collections.abc import Sequence

from daimon.audit.models import SYSTEM, Change, Entry
from daimon.audit.service import Trail
from daimon.bootstrap import submission
from daimon.bootstrap.database import opened
from daimon.config import Settings
from daimon.db.engine import Connection, Database
from daimon.inbound.accept import Acceptor
from daimon.inbound.directory import Directory
from daimon.inboxes import postmaster
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.outbound.return_path import ReturnPaths
from daimon.smtpd import tls
from daimon.smtpd.policy import Policy, Timeouts
from daimon.smtpd.server import SmtpServer

CONNECTIONS = 8
DRAIN_SECONDS = 8.0


async def run(settings: Settings, listeners: Sequence[socket.socket], stop: asyncio.Event) -> None:
    """Receive mail on the first socket and take submissions on the others until `stop`; then finish."""
    async with opened(settings, Database, connections=CONNECTIONS) as db:
        async with db.transaction() as connection:
            await _ensure_postmaster(connection, settings)
        policy, context = _policy(settings), _tls(settings)
        server = SmtpServer(
            directory=Directory(db, domain=settings.service_domain, return_paths=ReturnPaths(settings.secret)),
            acceptor=Acceptor(db),
            policy=policy,
            tls=context,
            clock=utc_now,
        )
        async with submission.opened_desk(settings, db) as desk:
            servers = [server, *submission.servers(desk, policy, context)]
            for each, sock in zip(servers, listeners, strict=False):  # that of TLS alone may not be asked for
                await each.start(sock)
            await stop.wait()
            await asyncio.gather(*(each.drain(patience=DRAIN_SECONDS) for each in servers))


async def _ensure_postmaster(db: Connection, settings: Settings) -> None:
    now = utc_now()
    made = await postmaster.ensure(db, domain=settings.service_domain, now=now)
    if made:
        change = Change(ids.show(ids.Kind.INBOX, made.id), after={"email": made.email}, inbox_id=made.id)
        await Trail(settings.secret).record(db, [Entry(made.account_id, SYSTEM, "create_inbox", change, now)])


def _policy(settings: Settings) -> Policy:
    return Policy(
        hostname=settings.smtp_hostname,
        service_domain=settings.service_domain,
        submission_port=settings.submission_port,
        max_message_bytes=settings.max_message_bytes,
        max_connections=settings.smtp_max_connections,
        max_connections_per_ip=settings.smtp_max_connections_per_ip,
        timeouts=Timeouts().scaled(settings.smtp_timeout_scale),
        proxy_protocol=settings.smtp_proxy_protocol,
        trusted_proxies=settings.trusted_proxies,
    )


def _tls(settings: Settings) -> ssl.SSLContext:
    if settings.tls_cert and settings.tls_key:
        return tls.configured(settings.tls_cert, settings.tls_key)
    settings.data_dir.mkdir(parents=True, exist_ok=True)  # a role over a database of its own may have had no use for it
    return tls.self_made(settings.data_dir, hostname=settings.smtp_hostname, now=utc_now())
