"""The MTA-STS policies of the domains that we send to: fetched, kept until they end, and renewed (RFC 8461 §3, §5)."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta

from daimon.db.engine import Connection, Database
from daimon.db.tag import rows_in
from daimon.kit.clock import Clock
from daimon.kit.dns import Dns, NoSuchName, Unanswered
from daimon.kit.safe_http import Failed, SafeHttp
from daimon.mail.mta_sts import Mode, MtaSts, parse_policy, record_id

LONGEST_RECORDS = 65_536  # octets of all texts of a name
RENEW_AFTER = timedelta(days=1)  # §3.3: long before a policy ends, so that nobody can hold the renewal up until it has
FAILURE_PAUSE = timedelta(minutes=5)  # §3.3: between fetches that fail
MOST_FAILURES = 10_000  # remembered


@dataclass(frozen=True, slots=True)
class _Kept:
    """A policy as it is kept."""

    id: str
    policy: MtaSts
    fetched_at: datetime
    expires_at: datetime

    def is_old(self, now: datetime) -> bool:
        """Return whether it is time to ask whether it still is the domain's."""
        return now >= self.fetched_at + min(RENEW_AFTER, (self.expires_at - self.fetched_at) / 2)


class MtaStsPolicies:
    """Says which policy holds for a domain at this moment."""

    def __init__(self, db: Database, dns: Dns, http: SafeHttp, clock: Clock, *, port: int = 443) -> None:
        """Ask nothing yet. `http` must believe the public authorities alone, and read 64 KiB in 5 s at most."""
        self._db = db
        self._dns = dns
        self._http = http
        self._clock = clock
        self._port = port
        self._failed_at: OrderedDict[tuple[str, str], datetime] = OrderedDict()

    async def policy(self, domain: str) -> MtaSts | None:
        """Return the policy in force for a domain, given in A-labels. Raises Unavailable if the database is away.

        §5.1: what is kept holds until it ends, even if the domain's record is gone, or its server does not answer.
        """
        now = self._clock()
        announced = await self._announced(domain)
        async with self._db.read() as db:
            kept = await _kept(db, domain, now=now)
        if announced is None or (kept and kept.id == announced and not kept.is_old(now)):
            return kept.policy if kept else None
        fetched = await self._fetched(domain, announced, now)
        if fetched is None:
            return kept.policy if kept else None
        async with self._db.read() as db:
            await _keep(db, domain, announced, fetched, now=now)
        return fetched

    async def _announced(self, domain: str) -> str | None:
        """Return the id of the domain's record; None for none, and if nobody says."""
        try:
            texts = (await self._dns.txt(f"_mta-sts.{domain}")).records
        except (NoSuchName, Unanswered):
            return None
        return record_id(texts) if sum(map(len, texts)) <= LONGEST_RECORDS else None

    async def _fetched(self, domain: str, announced: str, now: datetime) -> MtaSts | None:
        """Return the policy that the domain has now, asked for once in five minutes if it cannot be had."""
        failed_at = self._failed_at.get((domain, announced))
        if failed_at and now < failed_at + FAILURE_PAUSE:
            return None
        policy = await self._get(domain)
        if policy is None:
            self._note_failure((domain, announced), now)
        else:
            self._failed_at.pop((domain, announced), None)
        return policy

    async def _get(self, domain: str) -> MtaSts | None:
        port = "" if self._port == 443 else f":{self._port}"
        try:
            reply = await self._http.get(f"https://mta-sts.{domain}{port}/.well-known/mta-sts.txt")
        except Failed:
            return None
        kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if reply.status != 200 or reply.truncated or kind != "text/plain":  # §3.3: redirects are not followed
            return None
        return parse_policy(reply.body)

    def _note_failure(self, key: tuple[str, str], now: datetime) -> None:
        self._failed_at[key] = now
        self._failed_at.move_to_end(key)
        if len(self._failed_at) > MOST_FAILURES:
            self._failed_at.popitem(last=False)


async def _kept(db: Connection, domain: str, *, now: datetime) -> _Kept | None:
    row = await db.fetchrow(
        "select id, mode, mx, fetched_at, expires_at from mta_sts_policies where domain = $1 and expires_at > $2",
        domain,
        now,
    )
    if row is None:
        return None
    left = int((row["expires_at"] - now).total_seconds())
    policy = MtaSts(Mode(row["mode"]), tuple(row["mx"]), left)
    return _Kept(row["id"], policy, row["fetched_at"], row["expires_at"])


async def _keep(db: Connection, domain: str, announced: str, policy: MtaSts, *, now: datetime) -> None:
    """Keep a policy; one that another process fetched later stays."""
    await db.execute(
        """
        insert into mta_sts_policies as p (domain, id, mode, mx, fetched_at, expires_at) values ($1, $2, $3, $4, $5, $6)
        on conflict (domain) do update set id = excluded.id, mode = excluded.mode, mx = excluded.mx,
            fetched_at = excluded.fetched_at, expires_at = excluded.expires_at
        where p.fetched_at <= excluded.fetched_at
        """,
        domain, announced, policy.mode, list(policy.mx), now, now + timedelta(seconds=policy.max_age),
    )  # fmt: skip


async def forget(db: Connection, *, now: datetime, limit: int) -> int:
    """Delete policies that have ended."""
    tag = await db.execute(
        "delete from mta_sts_policies where domain in"
        " (select domain from mta_sts_policies where expires_at <= $1 limit $2)",
        now,
        limit,
    )
    return rows_in(tag)
