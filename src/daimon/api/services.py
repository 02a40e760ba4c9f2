"""What the HTTP edge is given by bootstrap: everything its handlers work with."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from daimon.api.access_log import AccessLog
from daimon.api.client_address import Network
from daimon.audit.reads import ReadLog
from daimon.audit.service import Trail
from daimon.billing.service import Billing
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.domains.dkim import KeyVault
from daimon.domains.models import DomainPolicy
from daimon.feed.crowd import Crowd
from daimon.feed.tail import Tails
from daimon.inboxes.models import InboxPolicy
from daimon.keys.cache import KeyCache
from daimon.keys.failures import AuthFailures
from daimon.keys.use import KeyUses
from daimon.kit.clock import Clock
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.messages.waiting import Bells
from daimon.outbound.mailroom import Mailroom
from daimon.outbound.road import Road
from daimon.webhooks.secret import Vault


@dataclass(frozen=True, slots=True)
class Submission:
    """Where mail is submitted by SMTP. `tls_port` is None where TLS begins by STARTTLS alone."""

    host: str
    port: int
    tls_port: int | None
    max_message_bytes: int


@dataclass(frozen=True, slots=True)
class Services:
    """The collaborators and settings of one API process."""

    db: TenantDatabase
    jobs: Database  # for what this process writes of many accounts at once; no request is answered from it
    keys: KeyCache
    clock: Clock
    bells: Bells
    tails: Tails
    ringer: Ringer  # of the events that requests record
    hooks: Ringer  # of the webhooks that requests change
    posts: Ringer  # of the mails that requests send from drafts
    mailroom: Mailroom
    http: SafeHttp
    vault: Vault  # of the secrets of webhooks
    dns: Dns
    domain_vault: KeyVault  # of the private keys that sign mail
    domain_policy: DomainPolicy
    inbox_policy: InboxPolicy
    public_url: str
    submission: Submission
    secret_key: bytes
    stopping: asyncio.Event
    trail: Trail
    reads: ReadLog
    billing: Billing
    trusted_proxies: Sequence[Network] = ()
    access_log: AccessLog | None = None
    crowd: Crowd = field(default_factory=Crowd)
    auth_failures: AuthFailures = field(default_factory=AuthFailures)
    key_uses: KeyUses = field(default_factory=KeyUses)

    @property
    def road(self) -> Road:
        """What sending works with."""
        return self.mailroom.road
