"""Organisations: accounts that an enterprise keeps apart, under one name. They share a report and nothing else."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where
from daimon.kit import ids
from daimon.kit.errors import NotFound, StateConflict
from daimon.kit.ids import Kind


@dataclass(frozen=True, slots=True)
class Organisation:
    """A name that accounts are grouped under."""

    id: UUID
    name: str
    created_at: datetime


async def create(db: Connection, name: str, *, now: datetime) -> Organisation:
    """Make an organisation. Raises StateConflict if there is one of this name."""
    made = Organisation(ids.new(), name, now)
    added = await db.fetchval(
        "insert into organisations (id, name, created_at) values ($1, $2, $3)"
        " on conflict (name) do nothing returning true",
        made.id, name, now,
    )  # fmt: skip
    if not added:
        raise StateConflict(f"there is an organisation {name!r} already")
    return made


async def find(db: Connection, id_or_name: str) -> Organisation:
    """Return an organisation by its id or its name. Raises NotFound."""
    row = await db.fetchrow(
        "select * from organisations where id = $1 or name = $2 order by id = $1 desc limit 1",
        ids.read(Kind.ORGANISATION, id_or_name), id_or_name,
    )  # fmt: skip
    if row is None:
        raise NotFound(f"no organisation {id_or_name}")
    return _organisation_of(row)


async def page(db: Connection, *, limit: int, after: UUID | None = None) -> list[Organisation]:
    """Return organisations, the oldest first; `after` is the last one that was seen."""
    where = Where().add("id > $?", after)
    rows = await db.fetch(
        f"select * from organisations where true{where} order by id limit {where.parameter(limit)}", *where.parameters
    )
    return [_organisation_of(row) for row in rows]


async def add(db: Connection, organisation: Organisation, account_id: UUID) -> None:
    """Put an account into an organisation. Raises AccountNotFound, StateConflict for one that is in some already."""
    present = await _organisation_id_of(db, account_id)
    if present is not None:
        where = "this organisation" if present == organisation.id else ids.show(Kind.ORGANISATION, present)
        raise StateConflict(f"{ids.show(Kind.ACCOUNT, account_id)} is in {where} already")
    await db.execute("update accounts set organisation_id = $2 where account_id = $1", account_id, organisation.id)


async def remove(db: Connection, organisation: Organisation, account_id: UUID) -> None:
    """Take an account out of an organisation. Raises AccountNotFound, StateConflict for one that is not in it."""
    if await _organisation_id_of(db, account_id) != organisation.id:
        raise StateConflict(f"{ids.show(Kind.ACCOUNT, account_id)} is not in {organisation.name}")
    await db.execute("update accounts set organisation_id = null where account_id = $1", account_id)


async def of_account(db: Connection, account_id: UUID) -> Organisation | None:
    """Return the organisation that an account is in."""
    row = await db.fetchrow(
        "select o.* from accounts a join organisations o on o.id = a.organisation_id where a.account_id = $1",
        account_id,
    )
    return None if row is None else _organisation_of(row)


async def _organisation_id_of(db: Connection, account_id: UUID) -> UUID | None:
    await AccountRepository(db, Scope(account_id)).lock()
    present: UUID | None = await db.fetchval("select organisation_id from accounts where account_id = $1", account_id)
    return present


def _organisation_of(row: Record) -> Organisation:
    return Organisation(row["id"], row["name"], row["created_at"])
