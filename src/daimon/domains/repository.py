"""Rows of `domains` and `verified_domains`, born scoped: a pod's key reaches the pod's own."""

from datetime import datetime
from uuid import UUID

import msgspec

from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope
from daimon.db.where import Where, rows_for
from daimon.domains.errors import DomainNotFound
from daimon.domains.models import DkimKey, Domain, DomainQuery, DomainStatus
from daimon.kit.paging import COUNT_CAP, Page, read_cursor, write_cursor

COLUMNS = """d.*, (
    select json_agg(json_build_object('selector', k.selector, 'algorithm', k.algorithm, 'stage', k.stage,
        'record', k.record, 'created_at', k.created_at, 'retired_at', k.retired_at) order by k.created_at, k.selector)
    from dkim_keys k where k.account_id = d.account_id and k.domain_id = d.id) as keys"""

_read_keys = msgspec.json.Decoder(tuple[DkimKey, ...]).decode
_read_seen = msgspec.json.Decoder(dict[str, list[str] | None]).decode


class DomainRepository:
    """The domains within one scope."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._scope = scope

    async def add(self, domain: Domain) -> bool:
        """Insert a domain; False if the account has it already."""
        return bool(
            await self._db.fetchval(
                """
                insert into domains (account_id, id, pod_id, domain, status, token, client_id, pending_since,
                                     next_check_at, created_at, updated_at)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $8, $8)
                on conflict (account_id, domain) do nothing returning true
                """,
                domain.account_id, domain.id, domain.pod_id, domain.domain, domain.status, domain.token,
                domain.client_id, domain.created_at, domain.next_check_at,
            )
        )  # fmt: skip

    async def get(self, domain_id: UUID, *, lock: bool = False) -> Domain:
        """Return a domain, locked until the transaction ends if that is asked for. Raises DomainNotFound."""
        return await self._one(self._reached().add("d.id = $?", domain_id), " for update of d" if lock else "")

    async def named(self, name: str) -> Domain:
        """Return the domain of a name, kept until the transaction ends. Raises DomainNotFound."""
        return await self._one(self._reached().add("d.domain = $?", name), " for share of d")

    async def page(self, query: DomainQuery) -> Page[Domain]:
        """Return domains, the oldest first, and how many there are, counted up to COUNT_CAP."""
        where = self._reached().add("d.status = $?", query.status).add("d.pod_id = $?", query.pod_id)
        total = f"(select count(*) from (select from domains d where d.account_id = $1{where} limit {COUNT_CAP}) c)"
        beyond = Where(*where.parameters)
        beyond.add("d.id > $?", read_cursor(query.cursor, tuple[UUID])[0] if query.cursor else None)
        rows = await self._db.fetch(
            f"""
            select {COLUMNS}, {total} as total from domains d where d.account_id = $1{where}{beyond}
            order by d.account_id, d.id limit {rows_for(query.limit)} offset {beyond.offset(query.offset)}
            """,
            *beyond.parameters,
        )
        domains = [domain_of(row) for row in rows[: query.limit]]
        more = len(rows) > query.limit
        in_all = rows[0]["total"] if rows else await self._db.fetchval(f"select {total}", *where.parameters)
        return Page(domains, write_cursor(domains[-1].id) if more else None, in_all)

    async def write_check(self, domain: Domain) -> None:
        """Write what a check changed. The caller holds the domain's lock."""
        await self._db.execute(
            """
            update domains set status = $3, reason = $4, seen = $5::json, checked_at = $6, verified_at = $7,
                missing_since = $8, next_check_at = $9, updated_at = $10
            where account_id = $1 and id = $2
            """,
            domain.account_id, domain.id, domain.status, domain.reason, msgspec.json.encode(domain.seen).decode(),
            domain.checked_at, domain.verified_at, domain.missing_since, domain.next_check_at, domain.updated_at,
        )  # fmt: skip

    async def set_catch_all(self, domain: Domain, inbox_id: UUID | None, now: datetime) -> None:
        """Say where mail to unknown addresses of a domain goes. The caller holds the domain's lock."""
        await self._db.execute(
            """
            with known as (
                update verified_domains set catch_all_inbox_id = $3 where account_id = $1 and domain_id = $2)
            update domains set catch_all_inbox_id = $3, updated_at = $4 where account_id = $1 and id = $2
            """,
            domain.account_id, domain.id, inbox_id, now,
        )  # fmt: skip

    async def check_soon(self, domain_id: UUID, at: datetime) -> None:
        """Let a domain be checked at a time, or before."""
        await self._db.execute(
            "update domains set next_check_at = least(coalesce(next_check_at, $3), $3)"
            " where account_id = $1 and id = $2",
            self._scope.account_id, domain_id, at,
        )  # fmt: skip

    async def delete(self, domain_id: UUID) -> None:
        """Erase a domain. The caller holds its lock and has released it."""
        await self._db.execute(
            "delete from domains where account_id = $1 and id = $2", self._scope.account_id, domain_id
        )

    async def holder(self, name: str) -> UUID | None:
        """Return the account that has verified a domain, whoever it is."""
        account_id: UUID | None = await self._db.fetchval(
            "select account_id from verified_domains where domain = $1", name
        )
        return account_id

    async def take(self, domain: Domain) -> bool:
        """Let the account have a domain; False if another has it."""
        taken = await self._db.fetchval(
            """
            insert into verified_domains (domain, account_id, domain_id, catch_all_inbox_id) values ($1, $2, $3, $4)
            on conflict (domain) do nothing returning true
            """,
            domain.domain, domain.account_id, domain.id, domain.catch_all_inbox_id,
        )  # fmt: skip
        return bool(taken) or await self.holder(domain.domain) == domain.account_id

    async def release(self, domain: Domain, now: datetime) -> None:
        """Let others have a domain, and its addresses: mail to them is refused from now on."""
        await self._db.execute(
            "delete from verified_domains where account_id = $1 and domain_id = $2", domain.account_id, domain.id
        )
        await self._db.execute(
            """
            update addresses a set status = 'deleted', held_until = $3 from inboxes i
            where i.account_id = $1 and i.domain = $2 and a.address = i.username || '@' || i.domain
              and a.account_id = $1
            """,
            domain.account_id, domain.domain, now,
        )  # fmt: skip

    async def restore_addresses(self, domain: Domain, now: datetime) -> None:
        """Give the inboxes of a domain that is back their addresses again."""
        await self._db.execute(
            """
            insert into addresses as a (address, account_id, inbox_id, status)
            select i.username || '@' || i.domain, i.account_id, i.id, i.status from inboxes i
            where i.account_id = $1 and i.domain = $2 and i.status <> 'deleted' order by 1
            on conflict (address) do update
                set account_id = excluded.account_id, inbox_id = excluded.inbox_id, status = excluded.status,
                    held_until = null
                where a.status = 'deleted' and (a.account_id = excluded.account_id or a.held_until < $3)
            """,
            domain.account_id, domain.domain, now,
        )  # fmt: skip

    def _reached(self) -> Where:
        """Return the conditions of what the scope reaches; `account_id = $1` is not among them."""
        where = Where(self._scope.account_id).within("d.pod_id", self._scope.pod_ids)
        return where if self._scope.inbox_id is None else where.always("false")  # an inbox's key reaches none

    async def _one(self, where: Where, lock: str) -> Domain:
        row = await self._db.fetchrow(
            f"select {COLUMNS} from domains d where d.account_id = $1{where}{lock}",
            *where.parameters,
        )
        if row is None:
            raise DomainNotFound
        return domain_of(row)


def domain_of(row: Record) -> Domain:
    """Return the domain in a row of `domains` with its keys."""
    return Domain(
        id=row["id"],
        account_id=row["account_id"],
        pod_id=row["pod_id"],
        domain=row["domain"],
        status=DomainStatus(row["status"]),
        reason=row["reason"],
        token=row["token"],
        catch_all_inbox_id=row["catch_all_inbox_id"],
        seen=_read_seen(row["seen"]),
        client_id=row["client_id"],
        pending_since=row["pending_since"],
        checked_at=row["checked_at"],
        verified_at=row["verified_at"],
        missing_since=row["missing_since"],
        next_check_at=row["next_check_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        keys=_read_keys(row["keys"]) if row["keys"] else (),
    )
