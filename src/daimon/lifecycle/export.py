"""Everything that is in an account, as one ZIP archive, made while it is sent.

No more than one batch of rows, or about a megabyte of mail, is in memory at a time (one mail, if it is larger), and no
connection is held while the client takes its time. So what changes meanwhile may be in the archive or not.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from daimon.db.engine import Record
from daimon.db.scope import Scope
from daimon.db.walls import TenantDatabase
from daimon.kit.errors import Unavailable
from daimon.kit.ids import Kind, show
from daimon.kit.rate_limit import RateLimit
from daimon.kit.zip_stream import ZipStream
from daimon.lifecycle.errors import ExportRunning
from daimon.mail import mbox
from daimon.quotas.usage import NO_POD

AT_ONCE = 4  # in one process; each keeps a part of a core busy
ROWS = 200  # in one batch
BATCH_BYTES = 1 << 20  # of mail in one batch
LARGE_BYTES = 1 << 16  # packing more than this would hold up everybody else's requests

_IDS = {
    "account_id": Kind.ACCOUNT,
    "pod_id": Kind.POD,
    "inbox_id": Kind.INBOX,
    "catch_all_inbox_id": Kind.INBOX,
    "thread_id": Kind.THREAD,
    "member_id": Kind.MEMBER,
    "message_id": Kind.MESSAGE,
    "key_id": Kind.KEY,
    "created_by": Kind.KEY,
}
_JSON = frozenset(
    ("summary", "settings", "error", "attempts", "metadata", "data", "before", "after", "grants", "member_ids")
)
_GRANTS = """(select json_agg(json_build_object('role', g.role, 'pod_id',
    case when g.pod_id <> '00000000-0000-0000-0000-000000000000' then 'pod_' || replace(g.pod_id::text, '-', '') end)
    order by g.pod_id, g.role) from grants g where g.account_id = t.account_id and g.holder_id = t.id) as grants"""
_TEAM_MEMBERS = """(select json_agg('mem_' || replace(m.member_id::text, '-', '') order by m.member_id)
    from team_members m where m.account_id = t.account_id and m.team_id = t.id) as member_ids"""
_OF_INBOX = (
    "exists (select from inboxes i where (i.account_id, i.id) = (t.account_id, t.inbox_id) and i.status <> 'deleted')"
)

_encode = msgspec.json.Encoder(enc_hook=str).encode
_running: set[UUID] = set()  # one export of an account at a time


@dataclass(frozen=True, slots=True)
class _Table:
    """A table in the archive: its file, its rows in order of `key`, and what its own ids are."""

    file: str
    table: str
    columns: str
    key: tuple[str, ...] = ("id",)
    kind: Kind | None = None
    only: str = ""


_TABLES = (
    _Table(
        "pods.json", "pods", "id, name, description, subdomain, client_id, metadata, status, max_inboxes,"
        " max_sends_per_day, cost_center, created_at, updated_at", kind=Kind.POD,
    ),
    _Table(
        "members.json", "members", f"id, email, name, status, client_id, created_at, updated_at, {_GRANTS}",
        kind=Kind.MEMBER,
    ),
    _Table(
        "teams.json", "teams", f"id, name, description, client_id, created_at, updated_at, {_GRANTS}, {_TEAM_MEMBERS}",
        kind=Kind.TEAM,
    ),
    _Table(
        "keys.json", "keys", "id, scope, pod_id, inbox_id, member_id, name, permissions, networks, prefix, status,"
        " client_id, expires_at, created_by, created_at, last_used_at, revoked_at", kind=Kind.KEY,
    ),
    _Table(
        "inboxes.json", "inboxes", "id, pod_id, username, domain, display_name, status, message_count, thread_count,"
        " unread_count, last_received_at, client_id, metadata, created_at, updated_at", kind=Kind.INBOX,
        only="and status <> 'deleted'",
    ),
    _Table(
        "domains.json", "domains", "id, pod_id, domain, status, catch_all_inbox_id, client_id, verified_at, created_at,"
        " updated_at", kind=Kind.DOMAIN,
    ),
    _Table(
        "rules.json", "rules", "id, pod_id, inbox_id, direction, action, value, reason, client_id, created_at",
        kind=Kind.RULE,
    ),
    _Table(
        "suppressions.json", "suppressions", "pod_id, address, reason, message_id, detail, created_at",
        key=("pod_id", "address"),
    ),
    _Table(
        "drafts.json", "drafts", "id, inbox_id, status, send_at, summary, message_id, error, client_id, created_at,"
        " updated_at", kind=Kind.DRAFT,
    ),
    _Table(
        "deliveries.jsonl", "deliveries", "id, message_id, recipient, kind, status, attempts, next_attempt_at,"
        " created_at, updated_at", kind=Kind.DELIVERY,
    ),
    _Table(
        "usage.json", "usage_days", "day, pod_id, inbox_id, received, sent, bounced, stored_bytes",
        key=("day", "pod_id", "inbox_id"),
    ),
    _Table(
        "charges.json", "billing_charges", "id, amount, currency, first, last, description, created_at",
        kind=Kind.CHARGE,
    ),
    _Table("splits.json", "split_settings", "since, settings, updated_at", key=("since",)),
    _Table(
        "split_reports.json", "split_reports", "month, currency, summary, closed_at", key=("month", "currency"),
    ),
    _Table(
        "split_report_lines.jsonl", "split_report_lines", "month, currency, unit, name, corrects, received, sent,"
        " stored_bytes, inbox_days, amount, markup, place", key=("month", "currency", "place"),
    ),
    _Table(
        "audit.jsonl", "audit", "number, id, at, actor, key_id, member_id, ip, request_id, action, target, pod_id,"
        " inbox_id, before, after, encode(hash, 'hex') as hash", key=("number",), kind=Kind.AUDIT,
    ),
    _Table(
        "events.jsonl", "events", "sequence, id, event, pod_id, inbox_id, data, created_at", key=("sequence",),
        kind=Kind.EVENT,
    ),
    _Table(
        "webhooks.json", "webhooks", "id, pod_id, inbox_id, url, description, events, status, disabled_reason,"
        " failure_count, last_delivered_at, client_id, created_at, updated_at", kind=Kind.WEBHOOK,
    ),
    _Table(
        "invoices.json", "invoices", "id, number, status, currency, total, period_start, period_end, hosted_url,"
        " pdf_url, finalized_at, created_at",
    ),
    _Table(
        "threads.jsonl", "threads", "id, inbox_id, subject, participants, labels, message_count, unread_count,"
        " last_message_at, created_at, updated_at", kind=Kind.THREAD, only=f"and deleted_at is null and {_OF_INBOX}",
    ),
    _Table(
        "messages.jsonl", "messages", "id, inbox_id, pod_id, thread_id, direction, status, mail_from, rcpt_to,"
        " from_address, from_name, subject, message_id, labels, read, size, sent_at, received_at", kind=Kind.MESSAGE,
        only=f"and deleted_at is null and {_OF_INBOX}",
    ),
)  # fmt: skip


async def archive(db: TenantDatabase, scope: Scope, *, now: datetime) -> AsyncGenerator[bytes, None]:
    """Yield the archive. Raises ExportRunning and Unavailable before its first octet, if at all."""
    if scope.account_id in _running:
        raise ExportRunning(retry_after=60, rate_limit=RateLimit("exports", 1, None, 0, 60))
    if len(_running) >= AT_ONCE:
        raise Unavailable("As many exports are running as this server makes at once.", retry_after=60)
    _running.add(scope.account_id)
    written = ZipStream()
    try:
        async with aclosing(_contents(Export(db, scope), written, now)) as chunks:
            async for chunk in chunks:
                if chunk:
                    yield chunk
    finally:
        written.discard()
        _running.discard(scope.account_id)


async def _contents(export: "Export", written: ZipStream, now: datetime) -> AsyncGenerator[bytes, None]:
    account = await export.account()
    yield written.begin("account.json", now)
    yield written.write(_encode(account) + b"\n")
    yield written.end()
    for table in _TABLES:
        yield written.begin(table.file, now)
        async for text in _written(table, export):
            yield written.write(text)
        yield written.end()
    async for inbox in export.inboxes_with_mail():
        yield written.begin(f"{inbox['username']}@{inbox['domain']}.mbox", now)
        async for mail in export.mails(inbox["id"]):
            if len(mail) > LARGE_BYTES:
                yield await asyncio.to_thread(written.write, mail)
            else:
                yield written.write(mail)
        yield written.end()
    for chunk in written.close():
        yield chunk


async def _written(table: _Table, export: "Export") -> AsyncIterator[bytes]:
    """Yield the text of a table's file: a row a line, and around the lines of a .json file a list."""
    lines = table.file.endswith(".jsonl")
    between = b"" if lines else b"[\n"
    async for rows in export.batches(table):
        for row in rows:
            yield between + _encode(_shown(row, table)) + (b"\n" if lines else b"")
            between = b"" if lines else b",\n"
    if not lines:
        yield b"[]\n" if between == b"[\n" else b"\n]\n"


def _shown(row: Record, table: _Table) -> dict[str, Any]:
    return {name: _value(name, value, table.kind) for name, value in row.items()}


def _value(name: str, value: object, kind: Kind | None) -> object:
    named = kind if name == "id" else _IDS.get(name)
    if named and isinstance(value, UUID):
        return None if value == NO_POD else show(named, value)
    return msgspec.Raw(value.encode()) if name in _JSON and isinstance(value, str) else value


class Export:
    """Reads one account a batch at a time, each on a connection that is given back at once."""

    def __init__(self, db: TenantDatabase, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def account(self) -> dict[str, Any]:
        """Return the account itself."""
        rows = await self._fetch(
            "select account_id, tier, status, status_reason, operator_email, operator_email_verified_at, created_at,"
            " deleted_at from accounts where account_id = $1",
            self._account_id,
        )
        return {name: _value(name, value, None) for name, value in rows[0].items()}

    async def batches(self, table: _Table) -> AsyncIterator[Sequence[Record]]:
        """Yield the rows of a table in order."""
        key = ", ".join(table.key)
        places = ", ".join(f"${number}" for number in range(2, 2 + len(table.key)))
        after: list[object] = []
        while True:
            beyond = f"and ({key}) > ({places})" if after else ""
            rows = await self._fetch(
                f"select {table.columns} from {table.table} t where account_id = $1 {table.only} {beyond}"
                f" order by account_id, {key} limit {ROWS}",
                self._account_id,
                *after,
            )
            yield rows
            if len(rows) < ROWS:
                return
            after = [rows[-1][column] for column in table.key]

    async def inboxes_with_mail(self) -> AsyncIterator[Record]:
        """Yield the inboxes that hold any mail."""
        table = _Table("", "inboxes", "id, username, domain", only="and status <> 'deleted' and message_count > 0")
        async for rows in self.batches(table):
            for row in rows:
                yield row

    async def mails(self, inbox_id: UUID) -> AsyncIterator[bytes]:
        """Yield the mails of an inbox, the oldest first, as they stand in an mbox."""
        after = UUID(int=0)
        while rows := await self._fetch(
            "select id, raw_id, mail_from, received_at, size from messages"
            " where account_id = $1 and inbox_id = $2 and deleted_at is null and id > $3"
            f" order by account_id, inbox_id, id limit {ROWS}",
            self._account_id, inbox_id, after,
        ):  # fmt: skip
            for batch in _by_size(rows):
                octets = await self._octets([row["raw_id"] for row in batch])
                for row in batch:
                    mail = octets.get(row["raw_id"])
                    if mail is not None:  # else it was deleted and erased meanwhile
                        yield await _entry(mail, row)
            after = rows[-1]["id"]

    async def _octets(self, raw_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        rows = await self._fetch(
            "select id, octets from raw_mails where account_id = $1 and id = any($2)", self._account_id, raw_ids
        )
        return {row["id"]: row["octets"] for row in rows}

    async def _fetch(self, statement: str, *values: object) -> list[Record]:
        async with self._db.read(self._account_id) as db:
            return await db.fetch(statement, *values)


async def _entry(mail: bytes, row: Record) -> bytes:
    if len(mail) <= LARGE_BYTES:
        return mbox.entry(mail, sender=row["mail_from"], at=row["received_at"])
    return await asyncio.to_thread(mbox.entry, mail, sender=row["mail_from"], at=row["received_at"])


def _by_size(rows: Sequence[Record]) -> list[list[Record]]:
    """Return rows in groups of at most BATCH_BYTES of mail, or of one mail."""
    groups: list[list[Record]] = []
    room = 0
    for row in rows:
        if not groups or row["size"] > room:
            groups.append([])
            room = BATCH_BYTES
        groups[-1].append(row)
        room -= row["size"]
    return groups
