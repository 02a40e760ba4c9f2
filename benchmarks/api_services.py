"""What an API process works with, for benchmarks that run one themselves."""

import asyncio

from daimon.api.services import Services, Submission
from daimon.audit.reads import ReadLog
from daimon.audit.service import Trail
from daimon.billing.links import Links
from daimon.billing.service import Billing
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.domains.dkim import KeyVault
from daimon.domains.models import DomainPolicy
from daimon.domains.signing import SigningKeys
from daimon.events import rings
from daimon.feed.tail import Tails
from daimon.inboxes.models import InboxPolicy
from daimon.keys.cache import KeyCache
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.messages.waiting import Bells
from daimon.outbound import queue
from daimon.outbound.mailroom import Mailroom
from daimon.outbound.return_path import ReturnPaths
from daimon.outbound.road import Road
from daimon.quotas.tiers import TIERS
from daimon.webhooks import wake
from daimon.webhooks.secret import Vault


def api_services(db: TenantDatabase, jobs: Database, public_url: str) -> Services:
    """Return the services of a process that limits no free creates."""
    trail = Trail(b"benchmark")
    told, posts = Ringer(jobs, rings.CHANNEL), Ringer(jobs, queue.CHANNEL)
    road = Road(
        SigningKeys(KeyVault(b"benchmark"), service_domain="daimon.email", clock=utc_now),
        jobs,
        ReturnPaths(b"benchmark"),
        TIERS,
    )
    return Services(
        db=db,
        jobs=jobs,
        keys=KeyCache(db, utc_now),
        clock=utc_now,
        bells=Bells(),
        tails=Tails(db.read, public_url=public_url),
        ringer=told,
        hooks=Ringer(jobs, wake.CHANNEL),
        posts=posts,
        mailroom=Mailroom(db, road=road, trail=trail, told=told, posts=posts, clock=utc_now),
        http=SafeHttp(),
        dns=Dns(None),
        submission=Submission("127.0.0.1", 2587, None, 26_214_400),
        domain_vault=KeyVault(b"benchmark"),
        domain_policy=DomainPolicy("daimon.email", ("daimon.email",), TIERS),
        vault=Vault(b"benchmark"),
        inbox_policy=InboxPolicy("daimon.email", frozenset(), 0, TIERS),
        public_url=public_url,
        secret_key=b"benchmark",
        stopping=asyncio.Event(),
        trail=trail,
        reads=ReadLog(jobs, trail),
        billing=Billing(Links(b"benchmark", public_url), db.transaction, utc_now),
    )
