"""A large account on a server of small ones: its pages cost what they show, though plans are made for the average."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes.models import InboxQuery
from daimon.inboxes.repository import InboxRepository
from daimon.keys.models import KeyQuery
from daimon.keys.repository import KeyRepository
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.messages.models import Awaited, MessageQuery, Sort
from daimon.messages.repository import MessageRepository
from daimon.pods.models import PodQuery
from daimon.pods.repository import PodRepository
from daimon.threads.models import ThreadQuery
from daimon.threads.repository import ThreadRepository

from .conftest import Edge
from .podding import create_pod, in_pod

OF_ITS_OWN, OF_OTHERS = 3000, 600
A_PAGE = 20
MOST_READ = 3 * A_PAGE  # rows of the table that is listed

_TABLES = ("inboxes", "pods", "keys", "messages", "threads")
_COPIES = """
insert into {table} select (jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(), {changes}))).*
from {table} t, generate_series(1, $2::int)
where account_id = $1 and id = (select id from {table} where account_id = $1 {which} limit 1)
"""

Page = Callable[[Connection, Scope, UUID, UUID], Awaitable[object]]
PAGES: dict[str, tuple[str, Page]] = {
    "inboxes": ("inboxes", lambda db, who, inbox, pod: InboxRepository(db, who).page(InboxQuery(A_PAGE))),
    "inboxes of a pod": (
        "inboxes", lambda db, who, inbox, pod: InboxRepository(db, who).page(InboxQuery(A_PAGE, pod_id=pod)),
    ),
    "pods": ("pods", lambda db, who, inbox, pod: PodRepository(db, who).page(PodQuery(A_PAGE))),
    "keys": ("keys", lambda db, who, inbox, pod: KeyRepository(db, who).page(KeyQuery(A_PAGE, utc_now()))),
    "messages": ("messages", lambda db, who, inbox, pod: MessageRepository(db, who, inbox).page(MessageQuery(A_PAGE))),
    "oldest unread messages": (
        "messages",
        lambda db, who, inbox, pod: MessageRepository(db, who, inbox).page(
            MessageQuery(A_PAGE, sort=Sort.OLDEST, unread=True)
        ),
    ),
    "threads": ("threads", lambda db, who, inbox, pod: ThreadRepository(db, who).page(ThreadQuery(A_PAGE))),
    "threads of a pod": (
        "threads",
        lambda db, who, inbox, pod: ThreadRepository(db, who).page(ThreadQuery(A_PAGE, pod_id=pod)),
    ),
    "threads of an inbox": (
        "threads", lambda db, who, inbox, pod: ThreadRepository(db, who).page(ThreadQuery(A_PAGE, inbox=inbox)),
    ),
}  # fmt: skip


async def _crowded(edge: Edge) -> tuple[UUID, UUID, UUID]:
    """Fill an account beside many small ones; return it, its pod's inbox and the pod."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    inbox = await in_pod(edge, account, pod)
    await edge.deliver(inbox["id"])
    account_id, inbox_id, pod_id = (_uuid(shown) for shown in (account.account_id, inbox["id"], pod["id"]))
    async with edge.database.transaction() as db:
        for table in _TABLES:
            await _fill(db, table, account_id, inbox_id, pod_id)
    await edge.deliver(inbox["id"], "The latest")
    async with edge.database.transaction() as db:
        await db.execute("analyze")
    return account_id, inbox_id, pod_id


async def test_a_long_poll_reads_what_it_tells(fresh_edge: Edge) -> None:
    """Behind a number: one message of thousands, though an event says only in its data of which it tells."""
    account_id, inbox_id, _ = await _crowded(fresh_edge)
    async with fresh_edge.services.db.transaction(account_id) as db:
        last = await db.fetchval("select last from event_sequences where account_id = $1", account_id)
        before = await _rows_read(db, "messages")
        told = await MessageRepository(db, Scope(account_id), inbox_id).first(Awaited(behind=last - 1))
        read = await _rows_read(db, "messages") - before
    assert told
    assert (told.message.subject, told.sequence, read) == ("The latest", last, 1)


async def test_a_page_reads_what_it_shows(fresh_edge: Edge) -> None:
    """Of thousands of rows of the account, beside accounts with one each, not many more than the page has."""
    account_id, inbox_id, pod_id = await _crowded(fresh_edge)
    read = {}
    for name, (table, page) in PAGES.items():
        async with fresh_edge.services.db.transaction(account_id) as db:
            before = await _rows_read(db, table)
            await page(db, Scope(account_id), inbox_id, pod_id)
            read[name] = await _rows_read(db, table) - before
    assert all(A_PAGE <= rows <= MOST_READ for rows in read.values()), read


async def _rows_read(db: Connection, table: str) -> int:
    """Return how many rows of a table this connection has read; PostgreSQL counts, and adds it up later."""
    rows: int = await db.fetchval(
        "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = $1", table
    )
    return rows


async def _fill(db: Connection, table: str, account_id: UUID, inbox_id: UUID, pod_id: UUID) -> None:
    """Copy a row of the account, first for accounts that have one each, then within its own inbox and pod."""
    which = {"inboxes": f"and id = '{inbox_id}'", "keys": f"and pod_id = '{pod_id}'"}.get(table, "")
    others = "'account_id', gen_random_uuid(), 'inbox_id', gen_random_uuid(), 'pod_id', gen_random_uuid()"
    for changes, count in ((others, OF_OTHERS), ("'subject', 'n'", OF_ITS_OWN)):
        await db.execute(_COPIES.format(table=table, which=which, changes=changes), account_id, count)


def _uuid(shown: str) -> UUID:
    found = ids.read(ids.Kind(shown.partition("_")[0]), shown)
    assert found
    return found
