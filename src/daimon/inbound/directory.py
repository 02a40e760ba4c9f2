"""Whom a forward-path reaches. All addresses asked for at one moment are looked up by one query."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Sequence
from uuid import UUID

from daimon.db.engine import Connection, Database, Record
from daimon.inbound.errors import DomainNotServed, InboxDeleted, InboxSuspended, RecipientRefused, UnknownInbox
from daimon.inbound.models import Recipient
from daimon.inboxes.postmaster import ALIASES, POSTMASTER
from daimon.mail.address import Address
from daimon.outbound.return_path import ReturnPaths

MAX_AGE_SECONDS = 0.9  # a new, suspended or deleted inbox is seen by every SMTP process within a second
MAX_ENTRIES = 100_000

_DELETED, _UNSERVED = "deleted", "unserved"
_REFUSALS: dict[str, type[RecipientRefused]] = {
    "suspended": InboxSuspended,
    _DELETED: InboxDeleted,
    _UNSERVED: DomainNotServed,
}
_ACTIVE = "active"
_OPERATORS = tuple(f"{name}@" for name in (POSTMASTER, *ALIASES))  # RFC 5321 §4.5.1, RFC 2142: in each domain served
_Entry = tuple[UUID, UUID, str]  # account, inbox, status
_NOBODY = UUID(int=0)
NO_INBOX = _NOBODY  # the recipient is the return path of a message

# A verified domain is found by its own name, with the inbox that gets mail to its unknown addresses.
# A deleted account takes all its addresses with it by its own row alone, and gives them back the same way.
_FIND = """
    select a.address as found, a.account_id, a.inbox_id,
           case when o.deleted_at is null then a.status else 'deleted' end as status
    from addresses a left join accounts o on o.account_id = a.account_id where a.address = any($1)
    union all
    select d.domain, d.account_id, coalesce(i.id, '00000000-0000-0000-0000-000000000000'), coalesce(i.status, 'deleted')
    from verified_domains d join accounts o on o.account_id = d.account_id and o.deleted_at is null
    left join inboxes i on i.account_id = d.account_id and i.id = d.catch_all_inbox_id
    where d.domain = any($2)
"""


class Directory:
    """Finds inboxes by address, and the accounts of return paths, which reach NO_INBOX."""

    def __init__(self, db: Database, *, domain: str, return_paths: ReturnPaths | None = None) -> None:
        self._db = db
        self._return_paths = return_paths
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
        if address.is_literal:
            raise DomainNotServed
        if self._return_paths and (sent := self._return_paths.read(address.local)):
            return Recipient(str(address), sent.account_id, NO_INBOX)
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
        customs = {domain for domain in map(_domain, asked) if not self._is_own(domain)}
        try:
            async with self._db.read() as db:
                rows = await db.fetch(_FIND, addresses, list(customs))
        except Exception as error:
            for future in asked.values():
                future.set_exception(error)
            return
        found = _entries(rows)
        for base, future in asked.items():
            entry = self._entry(base, found)
            if entry:
                self._remember(base, good_until, entry)
            future.set_result(entry)

    def _entry(self, base: str, found: dict[str, _Entry]) -> _Entry | None:
        """Return whom an address reaches. `postmaster@` any domain is the operator, unless a customer reads it."""
        entry = found.get(base)
        if not self._is_own(domain := _domain(base)):
            if domain not in found:
                return _NOBODY, _NOBODY, _UNSERVED
            entry = _on_custom_domain(base, entry, found[domain])
        if _reaches_the_operator(base) and (entry is None or entry[2] != _ACTIVE):
            return found.get(self._operator, entry)
        return entry

    def _is_own(self, domain: str) -> bool:
        return domain == self._domain or domain.endswith(self._subdomains)

    def _remember(self, base: str, good_until: float, entry: _Entry) -> None:
        self._known[base] = (good_until, entry)
        self._known.move_to_end(base)
        if len(self._known) > MAX_ENTRIES:
            self._known.popitem(last=False)


async def reachable(db: Connection, addresses: Sequence[Address]) -> dict[str, Recipient]:
    """Return whom those of the addresses reach that an inbox here has, by the address as it is written."""
    asked = {address.base for address in addresses}
    found = _entries(await db.fetch(_FIND, list(asked), list(set(map(_domain, asked)))))
    reached = {}
    for address in addresses:
        entry = found.get(address.base)
        if held := found.get(address.domain):
            entry = _on_custom_domain(address.base, entry, held)
        if entry and entry[2] == _ACTIVE:
            reached[str(address)] = Recipient(str(address), entry[0], entry[1])
    return reached


async def served(db: Connection, domains: Collection[str], *, service_domain: str) -> set[str]:
    """Return those of the domains that mail is received for here: the service domain's and accounts' verified ones."""
    own = {domain for domain in domains if domain == service_domain or domain.endswith(f".{service_domain}")}
    others = [domain for domain in domains if domain not in own]
    if not others:
        return own
    rows = await db.fetch("select domain from verified_domains where domain = any($1)", others)
    return own | {row["domain"] for row in rows}


def _entries(rows: Sequence[Record]) -> dict[str, _Entry]:
    return {row["found"]: (row["account_id"], row["inbox_id"], row["status"]) for row in rows}


def _domain(base: str) -> str:
    return base.rpartition("@")[2]


def _on_custom_domain(base: str, entry: _Entry | None, held: _Entry) -> _Entry | None:
    """Return whom an address of a verified domain reaches: its inbox, else the domain's catch-all.

    `held` is the domain's account, and its catch-all with that inbox's status. `postmaster@` a suspended inbox goes
    on to the catch-all too.
    """
    if entry and entry[0] != held[0]:  # of an account that had the domain before
        entry = None
    if entry and (entry[2] == _ACTIVE or (entry[2] != _DELETED and not _reaches_the_operator(base))):
        return entry
    return held if held[2] != _DELETED else entry


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
