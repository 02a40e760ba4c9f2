"""What was deleted is kept 30 days, what a rule blocked 7, then it is erased: rows, contents and octets."""

from datetime import datetime, timedelta

from daimon.db.engine import Connection

DELETED_KEPT = timedelta(days=30)
BLOCKED_KEPT = timedelta(days=7)


async def erase(db: Connection, *, now: datetime, limit: int) -> int:
    """Erase messages deleted or blocked long ago, and those of inboxes deleted long ago, `limit` at a time."""
    before = now - DELETED_KEPT
    await _mark_mail_of_deleted_inboxes(db, before, limit)
    gone = await db.fetch(
        """
        delete from messages where (account_id, id) in (
            (select account_id, id from messages where deleted_at < $1 limit $2)
            union all (select account_id, id from messages where blocked_at < $3 limit $2) limit $2)
        returning account_id, id, raw_id
        """,
        before,
        limit,
        now - BLOCKED_KEPT,
    )
    accounts = [row["account_id"] for row in gone]
    await db.execute(
        """
        delete from deliveries d using unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
        where d.account_id = n.account_id and d.message_id = n.id
        """,
        accounts,
        [row["id"] for row in gone],
    )
    await _erase_unused(db, accounts, [row["raw_id"] for row in gone])
    return len(gone)


async def _mark_mail_of_deleted_inboxes(db: Connection, before: datetime, limit: int) -> None:
    await db.execute(
        """
        update messages m set deleted_at = i.deleted_at from inboxes i
        where i.deleted_at < $1 and m.account_id = i.account_id and m.inbox_id = i.id and m.deleted_at is null
          and (m.account_id, m.id) in (
            select m.account_id, m.id from inboxes i
            join messages m on m.account_id = i.account_id and m.inbox_id = i.id and m.deleted_at is null
            where i.deleted_at < $1 limit $2)
        """,
        before,
        limit,
    )


async def _erase_unused(db: Connection, accounts: list[object], raws: list[object]) -> None:
    """Erase contents and octets that no other inbox of the account still shows."""
    for table in ("mail_contents", "raw_mails"):
        await db.execute(
            f"""
            delete from {table} r using unnest($1::uuid[], $2::uuid[]) as n (account_id, id)
            where r.account_id = n.account_id and r.id = n.id and not exists (
                select 1 from messages m where m.account_id = n.account_id and m.raw_id = n.id)
            """,
            accounts,
            raws,
        )
