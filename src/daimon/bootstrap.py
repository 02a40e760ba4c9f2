"""Wiring: what each role is made of. The only place that knows both the settings and the parts."""

import asyncio
import socket
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from daimon.api.access_log import AccessLog
from daimon.api.app import Api
from daimon.api.server import serve
from daimon.api.services import Services
from daimon.config import Settings
from daimon.db.engine import Database
from daimon.db.listener import listen
from daimon.inbound.accept import Acceptor
from daimon.inbound.directory import Directory
from daimon.inbound.pipeline import CHANNEL as NEW_MESSAGES
from daimon.inboxes import postmaster
from daimon.inboxes.models import InboxPolicy
from daimon.keys.cache import KeyCache
from daimon.kit import log
from daimon.kit.clock import utc_now
from daimon.messages.waiting import Bells
from daimon.quotas.tiers import read_tiers
from daimon.smtpd import tls
from daimon.smtpd.policy import Policy, Timeouts
from daimon.smtpd.server import SmtpServer
from daimon.worker import inbound, janitor

API_CONNECTIONS = 16
SMTP_CONNECTIONS = 8
WORKER_CONNECTIONS = 6
SMTP_DRAIN_SECONDS = 8.0


async def run_api(settings: Settings, sock: socket.socket, stop: asyncio.Event) -> None:
    """Serve HTTP on a listening socket until `stop`, then let running requests end."""
    async with _database(settings, API_CONNECTIONS) as db, asyncio.TaskGroup() as group:
        bells = Bells()
        services = Services(
            db=db,
            keys=KeyCache(db, utc_now),
            clock=utc_now,
            bells=bells,
            inbox_policy=_inbox_policy(settings),
            public_url=settings.public_url,
            secret_key=settings.secret,
            stopping=stop,
            trusted_proxies=settings.trusted_proxies,
            access_log=AccessLog(sys.stdout.buffer) if settings.log_level in ("debug", "info") else None,
        )
        group.create_task(listen(db.url, NEW_MESSAGES, bells.ring, stop, connected=bells.ring_all))
        group.create_task(_ring_at_the_end(bells, stop))
        await serve(Api(services), sock, stop)


async def run_smtp(settings: Settings, sock: socket.socket, stop: asyncio.Event) -> None:
    """Receive mail on a bound socket until `stop`, then let mails on their way finish."""
    async with _database(settings, SMTP_CONNECTIONS) as db:
        async with db.transaction() as connection:
            await postmaster.ensure(connection, domain=settings.service_domain, now=utc_now())
        server = SmtpServer(
            directory=Directory(db, domain=settings.service_domain),
            acceptor=Acceptor(db),
            policy=_smtp_policy(settings),
            tls=_tls(settings),
            clock=utc_now,
        )
        await server.start(sock)
        await stop.wait()
        await server.drain(patience=SMTP_DRAIN_SECONDS)


async def run_worker(settings: Settings, stop: asyncio.Event) -> None:
    """Show accepted mail, and clean up, until `stop`; then finish what is in hand."""
    async with _database(settings, WORKER_CONNECTIONS) as db, asyncio.TaskGroup() as group:
        group.create_task(inbound.run(db, clock=utc_now, stop=stop))
        group.create_task(janitor.run(db, clock=utc_now, stop=stop))


@asynccontextmanager
async def _database(settings: Settings, connections: int) -> AsyncIterator[Database]:
    log.configure(settings.log_level)
    db = await Database.open(settings.database, connections=connections)
    try:
        yield db
    finally:
        await db.close()


async def _ring_at_the_end(bells: Bells, stop: asyncio.Event) -> None:
    await stop.wait()
    bells.ring_all()


def _inbox_policy(settings: Settings) -> InboxPolicy:
    return InboxPolicy(
        service_domain=settings.service_domain,
        reserved_usernames=frozenset(settings.reserved_usernames),
        free_creates_per_hour=settings.free_creates_per_hour,
        tiers=read_tiers(settings.tiers),
    )


def _smtp_policy(settings: Settings) -> Policy:
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
    return tls.self_made(settings.data_dir, hostname=settings.smtp_hostname, now=utc_now())
