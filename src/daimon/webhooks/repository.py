"""Rows of `webhooks`, `webhook_deliveries` and `webhook_replays`, born scoped: a pod's key reaches the pod's own."""

from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor
from daimon.webhooks.errors import DeliveryNotFound, WebhookNotFound
from daimon.webhooks.models import (
    Attempt,
    Delivery,
    DeliveryQuery,
    DeliveryStatus,
    Replay,
    Webhook,
    WebhookQuery,
    WebhookStatus,
)

_COLUMNS = """w.account_id, w.id, w.pod_id, w.inbox_id, w.url, w.description, w.events, w.status, w.disabled_reason,
    w.failure_count, w.last_delivered_at, w.client_id, w.created_at, w.updated_at, w.cursor"""
DELIVERY_COLUMNS = """d.account_id, d.id, d.webhook_id, d.sequence, d.event_id, d.event, d.replay_id, d.status,
    d.attempt_count, d.attempts, d.next_attempt_at, d.created_at, d.updated_at"""

# Whoever holds the lease sees a time that he did not set, and looks; if nobody does, the next worker wakes.
_WAKE = "update webhooks set wake_at = clock_timestamp() where account_id = $1 and id = {webhook}"

_read_attempts = msgspec.json.Decoder(tuple[Attempt, ...]).decode


class WebhookRepository:
    """The webhooks within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, webhook: Webhook, box: bytes) -> None:
        """Insert a webhook, with its sealed secret. It hears of what happens from now on."""
        await self._db.execute(
            """
            insert into webhooks (account_id, id, pod_id, inbox_id, url, description, events, secret, status, client_id,
                                  created_at, updated_at, cursor)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11,
                    coalesce((select last from event_sequences where account_id = $1), 0))
            """,
            webhook.account_id, webhook.id, webhook.pod_id, webhook.inbox_id, webhook.url, webhook.description,
            webhook.events, box, webhook.status, webhook.client_id, webhook.created_at,
        )  # fmt: skip

    async def get(self, webhook_id: UUID, *, lock: bool = False) -> Webhook:
        """Return a webhook, locked until the transaction ends if that is asked for. Raises WebhookNotFound."""
        where = self._named(webhook_id)
        row = await self._db.fetchrow(
            f"select {_COLUMNS} from webhooks w where w.account_id = $1{where}{' for update' if lock else ''}",
            *where.parameters,
        )
        if row is None:
            raise WebhookNotFound
        return webhook_of(row)

    async def page(self, query: WebhookQuery) -> Page[Webhook]:
        """Return webhooks, the oldest first, and how many there are, counted up to COUNT_CAP."""
        where = self._reached().add("w.status = $?", query.status)
        where.add("w.pod_id = $?", query.pod_id).add("w.inbox_id = $?", query.inbox_id)
        total = f"(select count(*) from (select from webhooks w where w.account_id = $1{where} limit {COUNT_CAP}) c)"
        beyond = Where(*where.parameters)
        beyond.add("w.id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {_COLUMNS}, {total} as total from webhooks w where w.account_id = $1{where}{beyond}
            order by w.account_id, w.id limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        webhooks = [webhook_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        in_all = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *where.parameters)
        return Page(webhooks, write_cursor(webhooks[-1].id) if more else None, in_all)

    async def change(self, before: Webhook, after: Webhook) -> None:
        """Write what a PATCH changes. With another status or URL it is tried at once, whatever it was to wait for."""
        await self._db.execute(
            """
            update webhooks set url = $3, events = $4, description = $5, status = $6, disabled_reason = $7,
                failure_count = $8, updated_at = $9, wake_at = clock_timestamp(),
                not_before = case when $10 then null else not_before end
            where account_id = $1 and id = $2
            """,
            after.account_id, after.id, after.url, after.events, after.description, after.status,
            after.disabled_reason, after.failure_count, after.updated_at,
            before.status != after.status or before.url != after.url,
        )  # fmt: skip

    async def delete(self, webhook_id: UUID) -> None:
        """Delete a webhook, and what waited to be sent to it. Its log is forgotten with the rest of that age."""
        await self._db.execute(
            """
            with replays as (delete from webhook_replays where account_id = $1 and webhook_id = $2)
            delete from webhooks where account_id = $1 and id = $2
            """,
            self._scope.account_id, webhook_id,
        )  # fmt: skip

    async def set_secret(self, webhook_id: UUID, box: bytes, *, until: datetime, now: datetime) -> None:
        """Give a webhook a new sealed secret; the one before signs beside it for a while."""
        await self._db.execute(
            """
            update webhooks set previous_secret = secret, previous_until = $4, secret = $3, updated_at = $5,
                wake_at = clock_timestamp()
            where account_id = $1 and id = $2
            """,
            self._scope.account_id, webhook_id, box, until, now,
        )  # fmt: skip

    async def sealed_secrets(self, webhook_id: UUID, now: datetime) -> list[bytes]:
        """Return the sealed secrets that sign at present, the newest first. Raises WebhookNotFound."""
        where = self._named(webhook_id)
        row = await self._db.fetchrow(
            f"select secret, previous_secret, previous_until from webhooks w where w.account_id = $1{where}",
            *where.parameters,
        )
        if row is None:
            raise WebhookNotFound
        return sealed_of(row, now)

    async def deliveries(self, webhook_id: UUID, query: DeliveryQuery) -> Page[Delivery]:
        """Return what was sent to a webhook, the newest first. Raises WebhookNotFound."""
        webhook = await self.get(webhook_id)
        where = (
            Where(webhook.account_id, webhook.id).add("d.status = $?", query.status).add("d.event = $?", query.event)
        )
        where.add("d.id < $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {DELIVERY_COLUMNS} from webhook_deliveries d where d.account_id = $1 and d.webhook_id = $2{where}
            order by d.account_id desc, d.webhook_id desc, d.id desc limit {rows_for(query.limit)}
            """,
            *where.parameters,
        )
        shown = [delivery_of(row) for row in rows[: query.limit]]
        return Page(shown, write_cursor(shown[-1].id) if len(rows) > query.limit else None)

    async def delivery(self, webhook_id: UUID, delivery_id: UUID, *, lock: bool = False) -> Delivery:
        """Return one delivery. Raises WebhookNotFound, DeliveryNotFound."""
        webhook = await self.get(webhook_id)
        row = await self._db.fetchrow(
            f"""
            select {DELIVERY_COLUMNS} from webhook_deliveries d
            where d.account_id = $1 and d.webhook_id = $2 and d.id = $3{" for update" if lock else ""}
            """,
            webhook.account_id, webhook.id, delivery_id,
        )  # fmt: skip
        if row is None:
            raise DeliveryNotFound
        return delivery_of(row)

    async def send_again(self, delivery: Delivery, now: datetime) -> None:
        """Let a delivery be tried again at once."""
        await self._db.execute(
            f"""
            with woken as ({_WAKE.format(webhook="$4")})
            update webhook_deliveries set status = 'pending', next_attempt_at = $3, updated_at = $3
            where account_id = $1 and id = $2
            """,
            delivery.account_id, delivery.id, now, delivery.webhook_id,
        )  # fmt: skip

    async def add_replay(self, replay: Replay) -> None:
        """Insert a range that is to be sent again."""
        await self._db.execute(
            f"""
            with woken as ({_WAKE.format(webhook="$3")})
            insert into webhook_replays (account_id, id, webhook_id, events, cursor, until, created_at, finished_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            """,
            self._scope.account_id, replay.id, replay.webhook_id, replay.events, replay.cursor, replay.until,
            replay.created_at, replay.finished_at,
        )  # fmt: skip

    def _reached(self) -> Where:
        """Return the conditions of all within the scope; `account_id = $1` is not among them."""
        if self._scope.inbox_id is not None:  # the key of an inbox reaches no webhook
            return Where(self._scope.account_id).within("w.pod_id", ())
        return Where(self._scope.account_id).within("w.pod_id", self._scope.pod_ids)

    def _named(self, webhook_id: UUID) -> Where:
        return self._reached().add("w.id = $?", webhook_id)


def sealed_of(row: Record, now: datetime) -> list[bytes]:
    """Return the sealed secrets in a row that sign at a moment, the newest first."""
    signs_too = row["previous_until"] is not None and row["previous_until"] > now
    return [row["secret"], *([row["previous_secret"]] if signs_too else [])]


def webhook_of(row: Record) -> Webhook:
    """Return the webhook in a row of `webhooks`."""
    return Webhook(
        id=row["id"],
        account_id=row["account_id"],
        pod_id=row["pod_id"],
        inbox_id=row["inbox_id"],
        url=row["url"],
        description=row["description"],
        events=tuple(row["events"]),
        status=WebhookStatus(row["status"]),
        disabled_reason=row["disabled_reason"],
        failure_count=row["failure_count"],
        last_delivered_at=row["last_delivered_at"],
        client_id=row["client_id"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        cursor=row["cursor"],
    )


def delivery_of(row: Record) -> Delivery:
    """Return the delivery in a row of `webhook_deliveries`."""
    return Delivery(
        id=row["id"],
        account_id=row["account_id"],
        webhook_id=row["webhook_id"],
        sequence=row["sequence"],
        event_id=row["event_id"],
        event=row["event"],
        replay_id=row["replay_id"],
        status=DeliveryStatus(row["status"]),
        attempt_count=row["attempt_count"],
        attempts=_read_attempts(row["attempts"]),
        next_attempt_at=row["next_attempt_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )
