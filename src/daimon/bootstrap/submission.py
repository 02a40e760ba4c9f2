"""The submission side of the SMTP role: the desk, and the servers before it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec

from daimon.audit.service import Trail
from daimon.bootstrap.database import opened
from daimon.bootstrap.road import road
from daimon.config import Settings
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.events import rings
from daimon.keys.cache import KeyCache
from daimon.keys.failures import AuthFailures
from daimon.keys.use import KeyUses
from daimon.kit.clock import utc_now
from daimon.outbound import queue
from daimon.outbound.mailroom import Mailroom
from daimon.outbound.models import MOST_RECIPIENTS
from daimon.smtpd.desk import SubmissionDesk
from daimon.smtpd.policy import Policy
from daimon.smtpd.reading import TwoReaders
from daimon.smtpd.server import SubmissionServer

CONNECTIONS = 4
MAX_LINE = 998  # RFC 5322 §2.1.1: many servers that the mail may go to take no longer one


@asynccontextmanager
async def opened_desk(settings: Settings, jobs: Database) -> AsyncIterator[SubmissionDesk]:
    """Lend the desk of this process. `jobs` sees all accounts."""
    reader, uses, served = TwoReaders(), KeyUses(), asyncio.Event()
    async with opened(settings, TenantDatabase, connections=CONNECTIONS) as db, asyncio.TaskGroup() as group:
        group.create_task(uses.keep_writing(jobs, utc_now, served))
        try:
            yield SubmissionDesk(
                db,
                Mailroom(
                    db,
                    road=road(settings, jobs),
                    trail=Trail(settings.secret),
                    told=Ringer(jobs, rings.CHANNEL),
                    posts=Ringer(jobs, queue.CHANNEL),
                    clock=utc_now,
                ),
                keys=KeyCache(db, utc_now),
                failures=AuthFailures(),
                uses=uses,
                reader=reader,
                clock=utc_now,
            )
        finally:
            served.set()
            reader.close()


def servers(desk: SubmissionDesk, policy: Policy, tls: ssl.SSLContext) -> list[SubmissionServer]:
    """Return the server that offers STARTTLS, and the one that begins with TLS."""
    here = msgspec.structs.replace(policy, max_line=MAX_LINE, max_recipients=MOST_RECIPIENTS)
    # What a proxy says of its client would stand before the handshake, and be taken for the beginning of it.
    implicit = msgspec.structs.replace(here, implicit_tls=True, proxy_protocol=False)
    return [SubmissionServer(desk=desk, policy=each, tls=tls, clock=utc_now) for each in (here, implicit)]
