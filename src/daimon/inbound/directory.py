"""Whom a forward-path reaches. All addresses asked for at one moment are looked up by one query."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from uuid import UUID

from daimon.db.engine import Connection, Database
from daimon.inbound.errors import DomainNotServed, InboxDeleted, InboxSuspended, RecipientRefused, UnknownInbox
from daimon.inbound.models import Recipient
from daimon.inboxes.postmaster import ALIASES, POSTMASTER
from daimon.mail.address import Address

MAX_AGE_SECONDS = 0.9  # a new, suspended or deleted inbox is seen by every SMTP process within a second
MAX_ENTRIES = 100_000

_REFUSALS: dict[str, type[RecipientRefused]] = {"suspended": InboxSuspended, "deleted": InboxDeleted}
_ACTIVE = "active"
_OPERATORS = tuple(f"{name}@" for name in (POSTMASTER, *ALIASES))  # RFC 5321 §4.5.1, RFC 2142: in each domain served
_Entry = tuple[UUID, UUID, str]  # account, inbox, status

# A deleted account takes all its addresses with it by its own row alone, and gives them back the same way.
_FIND = """
    select a.address, a.account_id, a.inbox_id,
           case when o.deleted_at is null then a.status else 'deleted' end as status
    from addresses a left join accounts o on o.account_id = a.account_id where a.address = any($1)
"""


class Directory:
    """Finds inboxes by address."""

    def __init__(self, db: Database, *, domain: str) -> None:
        self._db = db
        self._domain = domain
        self._subdomains = f".{domain}"
        self._operator = f"{POSTMASTER}@{domain}"
        self._known: OrderedDict[str, tuple[float, _Entry]] = OrderedDict()
        self._asked: dict[str, asyncio.Future[_Entry | None]] = {}
        self._lookup: asyncio.Task[None] | None = None

    def find(self, address: Address) -> "Recipient | asyncio.Future[Recipient]":
        """Return the inbox that an address reaches, `+tag` or not, or its future if the database has to be asked.

        Both raise DomainNotServed, UnknownInbox, InboxDeleted, InboxSuspended; the future, Unavailable without a
        database.
        """
        base = address.base
        if address.domain != self._domain and not address.domain.endswith(self._subdomains):
            raise DomainNotServed
        if (known := self._known.get(base)) and time.monotonic() < known[0]:
            return _recipient(address, known[1])
        found: asyncio.Future[Recipient] = asyncio.get_running_loop().create_future()
        self._ask(base).add_done_callback(lambda asked: _settle(found, address, asked))
        return found

    def _ask(self, base: str) -> "asyncio.Future[_Entry | None]":
        if base not in self._asked:
            self._asked[base] = asyncio.get_running_loop().create_future()
        if self._lookup is None:
            self._lookup = asyncio.create_task(self._look_up())
        return self._asked[base]

    async def _look_up(self) -> None:
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._lookup = None

    async def _answer(self, asked: "dict[str, asyncio.Future[_Entry | None]]") -> None:
        good_until = time.monotonic() + MAX_AGE_SECONDS
        addresses = [*asked, self._operator] if any(map(_reaches_the_operator, asked)) else [*asked]
        try:
            async with self._db.read() as db:
                rows = await db.fetch(_FIND, addresses)
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
            return
        found: dict[str, _Entry] = {r["address"]: (r["account_id"], r["inbox_id"], r["status"]) for r in rows}
        for base, future in asked.items():
            entry = self._entry(base, found)
            if entry:
                self._remember(base, good_until, entry)
            future.set_result(entry)

    def _entry(self, base: str, found: dict[str, _Entry]) -> _Entry | None:
        """Return whom an address reaches. `postmaster@` a subdomain is the operator, unless a customer reads it."""
        entry = found.get(base)
        if _reaches_the_operator(base) and (entry is None or entry[2] != _ACTIVE):
            return found.get(self._operator, entry)
        return entry

    def _remember(self, base: str, good_until: float, entry: _Entry) -> None:
        self._known[base] = (good_until, entry)
        self._known.move_to_end(base)
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)


async def reachable(db: Connection, addresses: Sequence[Address]) -> dict[str, Recipient]:
    """Return whom those of the addresses reach that an inbox here has, by the address as it is written."""
    rows = await db.fetch(_FIND, list({address.base for address in addresses}))
    found = {row["address"]: row for row in rows if row["status"] == "active"}
    return {
        str(address): Recipient(str(address), row["account_id"], row["inbox_id"])
        for address in addresses
        if (row := found.get(address.base))
    }


def _reaches_the_operator(base: str) -> bool:
    return base.startswith(_OPERATORS)


def _recipient(address: Address, entry: _Entry | None) -> Recipient:
    if entry is None:
        raise UnknownInbox
    account_id, inbox_id, status = entry
    if refusal := _REFUSALS.get(status):
        raise refusal
    return Recipient(str(address), account_id, inbox_id)


def _settle(found: "asyncio.Future[Recipient]", address: Address, asked: "asyncio.Future[_Entry | None]") -> None:
    error = asked.exception()
    if found.done():  # whoever asked is gone
        return
    if error:
        found.set_exception(error)
        return
    try:
        found.set_result(_recipient(address, asked.result()))
    except RecipientRefused as refusal:
        found.set_exception(refusal)
