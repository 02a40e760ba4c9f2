"""The API role: HTTP, over the database."""

import asyncio
import contextlib
import socket
import sys
from collections.abc import Sequence
from ipaddress import ip_address

from daimon.api.access_log import AccessLog
from daimon.api.app import Api
from daimon.api.server import serve
from daimon.api.services import Services, Submission
from daimon.audit.reads import ReadLog
from daimon.audit.service import Trail
from daimon.bootstrap.billing import billed
from daimon.bootstrap.database import opened
from daimon.bootstrap.road import road
from daimon.config import Settings
from daimon.db.engine import Database
from daimon.db.listener import listen
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.domains.dkim import KeyVault
from daimon.domains.models import DomainPolicy
from daimon.events import rings
from daimon.feed.tail import Tails
from daimon.inboxes.models import InboxPolicy
from daimon.keys.cache import KeyCache
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.mcp.http import WithMcp
from daimon.messages.waiting import Bells
from daimon.outbound import queue
from daimon.outbound.mailroom import Mailroom
from daimon.quotas.tiers import read_tiers
from daimon.webhooks import wake
from daimon.webhooks.secret import Vault

CONNECTIONS = 14
JOBS = 2
MOST_URLS = 100  # of users, tried at one time
RING_PAUSE_SECONDS = 0.01  # what several requests tell of in so short a time goes out together


async def run(settings: Settings, listeners: Sequence[socket.socket], stop: asyncio.Event) -> None:
    """Serve HTTP on the listening socket until `stop`, then let running requests end."""
    async with (
        opened(settings, TenantDatabase, connections=CONNECTIONS) as db,
        opened(settings, Database, connections=JOBS) as jobs,
        SafeHttp(
            allow_insecure=settings.allow_insecure_webhooks, resolver=settings.dns_resolver, max_open=MOST_URLS
        ) as http,
        billed(settings, db.transaction, Ringer(jobs, rings.CHANNEL, pause=RING_PAUSE_SECONDS)) as billing,
        asyncio.TaskGroup() as group,
    ):
        bells = Bells()
        tails = Tails(db.read, public_url=settings.public_url)
        trail = Trail(settings.secret)
        told, posts = Ringer(jobs, rings.CHANNEL, pause=RING_PAUSE_SECONDS), Ringer(jobs, queue.CHANNEL)
        services = Services(
            db=db,
            jobs=jobs,
            keys=KeyCache(db, utc_now),
            clock=utc_now,
            bells=bells,
            tails=tails,
            ringer=told,
            hooks=Ringer(jobs, wake.CHANNEL, pause=RING_PAUSE_SECONDS),
            posts=posts,
            mailroom=Mailroom(db, road=road(settings, jobs), trail=trail, told=told, posts=posts, clock=utc_now),
            http=http,
            vault=Vault(settings.secret),
            dns=Dns(settings.dns_resolver),
            domain_vault=KeyVault(settings.secret),
            domain_policy=DomainPolicy(settings.service_domain, settings.mx_hosts, read_tiers(settings.tiers)),
            inbox_policy=_inbox_policy(settings),
            public_url=settings.public_url,
            submission=_submission(settings),
            secret_key=settings.secret,
            stopping=stop,
            trail=trail,
            reads=ReadLog(jobs, trail),
            billing=billing,
            trusted_proxies=settings.trusted_proxies,
            access_log=AccessLog(sys.stderr.buffer) if settings.log_level in ("debug", "info") else None,
        )

        def ring(payload: str) -> None:
            bells.ring(payload)
            tails.ring(payload)

        def ring_all() -> None:
            bells.ring_all()
            tails.ring_all()

        group.create_task(listen(db.url, rings.CHANNEL, ring, stop, connected=ring_all))
        group.create_task(tails.run(jobs, stop))
        group.create_task(_ring_at_the_end(bells, stop))
        served = asyncio.Event()
        group.create_task(services.key_uses.keep_writing(jobs, utc_now, served))
        [sock] = listeners
        app = WithMcp(Api(services), public_url=settings.public_url)
        await serve(app, sock, stop)
        await app.close()
        served.set()


async def _ring_at_the_end(bells: Bells, stop: asyncio.Event) -> None:
    await stop.wait()
    bells.ring_all()


def _submission(settings: Settings) -> Submission:
    """Return where clients submit mail: by the name of the certificate, unless only this machine is listened to."""
    with contextlib.suppress(ValueError):
        if ip_address(settings.smtp_host).is_loopback:
            return _submission_at(settings.smtp_host, settings)
    return _submission_at(settings.smtp_hostname, settings)


def _submission_at(host: str, settings: Settings) -> Submission:
    return Submission(host, settings.submission_port, settings.submission_tls_port, settings.max_message_bytes)


def _inbox_policy(settings: Settings) -> InboxPolicy:
    return InboxPolicy(
        service_domain=settings.service_domain,
        reserved_usernames=frozenset(settings.reserved_usernames),
        free_creates_per_hour=settings.free_creates_per_hour,
        tiers=read_tiers(settings.tiers),
    )
