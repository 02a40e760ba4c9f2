"""The worker role: shows accepted mail, sends webhooks, checks domains, tells people what to know, and cleans up."""

import asyncio
import socket
from collections.abc import Sequence

from daimon.audit.service import Trail
from daimon.bootstrap.billing import mirrored
from daimon.bootstrap.database import opened
from daimon.bootstrap.road import road
from daimon.config import Settings
from daimon.db.engine import Database
from daimon.db.ringer import Ringer
from daimon.domains import service_keys
from daimon.domains.dkim import KeyVault
from daimon.domains.signing import SigningKeys
from daimon.events import rings
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.kit.safe_http import SafeHttp
from daimon.outbound.couriers import Couriers, MxCourier, RelayCourier
from daimon.outbound.lines import Courier
from daimon.outbound.mta_sts import MtaStsPolicies
from daimon.outbound.return_path import ReturnPaths
from daimon.outbound.routing import Router
from daimon.outbound.tls import TlsDemands
from daimon.webhooks.secret import Vault
from daimon.worker import (
    closing,
    domains,
    drafts,
    erasure,
    guard,
    inbound,
    janitor,
    notices,
    outbound,
    webhooks,
)
from daimon.worker.outbound import InboxesHere

CONNECTIONS = 6
OUTBOUND_CONNECTIONS = 4
WEBHOOK_CONNECTIONS = 4  # of their own: mail that comes in and mail that is told of do not wait for each other


async def run(settings: Settings, _listeners: Sequence[socket.socket], stop: asyncio.Event) -> None:
    """Show accepted mail, send webhooks and notices, and clean up, until `stop`; then finish what is in hand."""
    async with (
        opened(settings, Database, connections=CONNECTIONS) as db,
        opened(settings, Database, connections=OUTBOUND_CONNECTIONS) as for_outbound,
        SafeHttp(resolver=settings.dns_resolver) as for_policies,
        opened(settings, Database, connections=WEBHOOK_CONNECTIONS) as for_webhooks,
        SafeHttp(allow_insecure=settings.allow_insecure_webhooks, resolver=settings.dns_resolver) as http,
        mirrored(settings, lambda _: db.transaction(), Ringer(db, rings.CHANNEL)) as mirror,
        asyncio.TaskGroup() as group,
    ):
        async with db.transaction() as connection:
            await service_keys.ensure(connection, settings.service_domain, KeyVault(settings.secret), utc_now())
        dns = Dns(settings.dns_resolver)
        group.create_task(domains.run(db, dns=dns, service_domain=settings.service_domain, clock=utc_now, stop=stop))
        policies = MtaStsPolicies(for_outbound, dns, for_policies, utc_now)
        group.create_task(
            outbound.run(
                for_outbound,
                inboxes=InboxesHere(for_outbound, settings.service_domain, ReturnPaths(settings.secret)),
                courier=Couriers(_outside(settings, dns, policies), settings.service_domain, utc_now),
                clock=utc_now,
                stop=stop,
            )
        )
        group.create_task(inbound.run(db, dns=dns if settings.authenticate_mail else None, clock=utc_now, stop=stop))
        if settings.abuse_guard:
            group.create_task(guard.run(db, trail=Trail(settings.secret), clock=utc_now, stop=stop))
        if mirror is not None:
            from daimon.worker import billing  # it imports stripe

            group.create_task(billing.run(db, mirror, metered=settings.stripe_meters, stop=stop))
        group.create_task(drafts.run(db, road=road(settings, db), clock=utc_now, stop=stop))
        group.create_task(janitor.run(db, trail=Trail(settings.secret), clock=utc_now, stop=stop))
        group.create_task(closing.run(db, clock=utc_now, stop=stop))
        group.create_task(erasure.run(db, clock=utc_now, stop=stop))
        group.create_task(
            notices.run(
                db,
                signing=SigningKeys(KeyVault(settings.secret), service_domain=settings.service_domain, clock=utc_now),
                public_url=settings.public_url,
                domain=settings.service_domain,
                clock=utc_now,
                stop=stop,
            )
        )
        group.create_task(
            webhooks.run(
                for_webhooks,
                http=http,
                vault=Vault(settings.secret),
                public_url=settings.public_url,
                clock=utc_now,
                stop=stop,
            )
        )


def _outside(settings: Settings, dns: Dns, policies: MtaStsPolicies) -> Courier:
    """Return the way out of this server: the relay that is set, or the recipients' own servers."""
    demands = TlsDemands(utc_now)
    if settings.smtp_relay:
        return RelayCourier(settings.smtp_relay, demands, settings.smtp_hostname)
    own = {settings.smtp_hostname, settings.service_domain, *settings.mx_hosts}
    router = Router(
        dns,
        policies,
        own_names=frozenset(name.lower() for name in own),
        allow_private=settings.allow_private_networks,
    )
    return MxCourier(router, demands, settings.smtp_hostname)
