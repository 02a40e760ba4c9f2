"""Subdomains of the service domain: one pod's each, so that two customers both have `agent-1`."""

import re
import secrets
from collections.abc import Sequence
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.errors import Invalid
from daimon.pods.errors import SubdomainInUse, SubdomainTaken
from daimon.pods.models import PodPolicy

# One label of letters, digits and hyphens (RFC 1035 §2.3.1), without hyphens at the ends.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\Z")
_MAX_DOMAIN = 221  # with `@` and a username of 32, an address has 254 characters (RFC 5321 §4.5.3.1.3)
# fmt: off
RESERVED = frozenset((
    "www", "www1", "www2", "web", "mail", "mail1", "mail2", "email", "smtp", "smtps", "imap", "imaps", "pop",
    "pop3", "mx", "mx1", "mx2", "mx3", "ns", "ns1", "ns2", "ns3", "ns4", "dns", "api", "app", "apps",
    "console", "admin", "dashboard", "docs", "status", "support", "billing", "help", "blog", "cdn", "static",
    "assets", "ftp", "autoconfig", "autodiscover", "webmail", "relay", "out", "outbound", "in", "inbound",
    "bounce", "bounces", "track", "click", "mta-sts", "wpad", "localhost", "test",
))
# fmt: on


def check(text: str, policy: PodPolicy) -> str:
    """Return a subdomain as it is stored, in lower case. Raises Invalid."""
    label = text.lower()
    if not _LABEL.match(label):
        raise Invalid.field("subdomain", "must be 1-63 of a-z, 0-9 and '-', and not begin or end with '-'")
    if label[2:4] == "--":  # RFC 5891 §4.2.3.1: what an A-label looks like
        raise Invalid.field("subdomain", "must not have '--' as its third and fourth character")
    if label in RESERVED or label in policy.reserved_names:
        raise Invalid.field("subdomain", f"`{label}` is reserved for the operator of {policy.service_domain}")
    if len(domain_of(label, policy)) > _MAX_DOMAIN:
        raise Invalid.field("subdomain", f"{domain_of(label, policy)} would be too long for addresses")
    return label


def domain_of(subdomain: str, policy: PodPolicy) -> str:
    """Return the whole domain."""
    return f"{subdomain}.{policy.service_domain}"


class SubdomainRepository:
    """The subdomains of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def take(self, subdomain: str, domain: str, pod_id: UUID) -> None:
        """Bind a subdomain to a pod. Raises SubdomainTaken.

        One that its account kept after a pod, because addresses under it are held, may be taken by a pod of it again.
        """
        taken = await self._db.fetchval(
            """
            insert into subdomains as s (subdomain, domain, account_id, pod_id) values ($1, $2, $3, $4)
            on conflict (subdomain) do update set pod_id = excluded.pod_id, domain = excluded.domain
                where s.account_id = excluded.account_id and s.pod_id is null
            returning true
            """,
            subdomain, domain, self._account_id, pod_id,
        )  # fmt: skip
        if not taken:
            raise SubdomainTaken.suggesting(subdomain, await self._free(_alternatives(subdomain)))

    async def check_unused(self, domain: str) -> None:
        """Raise SubdomainInUse if an inbox has an address under it. The caller holds the pod's lock."""
        if await self._db.fetchval(
            "select true from inboxes where account_id = $1 and domain = $2 and status <> 'deleted' limit 1",
            self._account_id, domain,
        ):  # fmt: skip
            raise SubdomainInUse

    async def release(self, pod_id: UUID) -> None:
        """Take its subdomain from a pod. It stays bound to the account as long as addresses under it are held."""
        await self._db.execute(
            "update subdomains set pod_id = null where account_id = $1 and pod_id = $2", self._account_id, pod_id
        )
        await self._db.execute(
            """
            delete from subdomains s where s.account_id = $1 and s.pod_id is null and not exists (
                select 1 from inboxes i where i.account_id = $1 and i.domain = s.domain)
            """,
            self._account_id,
        )

    async def _free(self, candidates: Sequence[str]) -> list[str]:
        rows = await self._db.fetch("select subdomain from subdomains where subdomain = any($1)", list(candidates))
        taken = {row["subdomain"] for row in rows}
        return [name for name in candidates if name not in taken][:3]


def _alternatives(subdomain: str) -> list[str]:
    stem = subdomain[:50].rstrip("-")
    return [f"{stem}-2", f"{stem}-3", f"{stem}-mail"] + [f"{stem}-{secrets.randbelow(9000) + 1000}" for _ in range(4)]
