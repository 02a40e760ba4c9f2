"""Organisations, from the command line."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from daimon.accounts import organisations
from daimon.accounts.organisations import Organisation
from daimon.config import Settings
from daimon.db.engine import Connection
from daimon.kit import ids
from daimon.kit.clock import rfc3339, utc_now
from daimon.kit.ids import Kind
from daimon.operate.desk import Desk, account_id_of, change, look
from daimon.operate.errors import NotDone
from daimon.quotas import organisations as usage
from daimon.quotas.organisations import Line, Used

USED = ("inboxes", "received", "sent", "bounced", "stored_bytes")


@dataclass(frozen=True, slots=True)
class Report:
    """What an organisation's accounts used in some days."""

    organisation: Organisation
    first: date
    last: date
    lines: list[Line]
    total: Used


def create(settings: Settings, name: str) -> Organisation:
    """Make an organisation. Raises NotDone."""
    return change(settings, lambda desk: organisations.create(desk.db, name, now=desk.now))


def page(settings: Settings, *, limit: int, after: str | None) -> tuple[list[Organisation], bool]:
    """Return organisations, the oldest first, and whether there are more. Raises NotDone."""
    last = None if after is None else ids.read(Kind.ORGANISATION, after)
    if after is not None and last is None:
        raise NotDone(f"no organisation {after}")
    found = look(settings, lambda db: organisations.page(db, limit=limit + 1, after=last))
    return found[:limit], len(found) > limit


def add(settings: Settings, organisation: str, account: str) -> Organisation:
    """Put an account into an organisation. Raises NotDone."""
    account_id = account_id_of(account)

    async def work(desk: Desk) -> Organisation:
        joined = await organisations.find(desk.db, organisation)
        await organisations.add(desk.db, joined, account_id)
        await desk.note(account_id, "join_organisation", account, after={"organisation": joined.name})
        return joined

    return change(settings, work, account=account)


def remove(settings: Settings, organisation: str, account: str) -> Organisation:
    """Take an account out of an organisation. Raises NotDone."""
    account_id = account_id_of(account)

    async def work(desk: Desk) -> Organisation:
        left = await organisations.find(desk.db, organisation)
        await organisations.remove(desk.db, left, account_id)
        await desk.note(account_id, "leave_organisation", account, before={"organisation": left.name})
        return left

    return change(settings, work, account=account)


def report(settings: Settings, organisation: str, first: date | None, last: date | None) -> Report:
    """Return what an organisation's accounts used, by default in this month until today. Raises NotDone."""
    today = utc_now().date()
    last = last or max(today, first or today)
    first = first or last.replace(day=1)

    async def read(db: Connection) -> Report:
        found = await organisations.find(db, organisation)
        lines = await usage.report(db, found.id, first, last)
        return Report(found, first, last, lines, usage.joint(lines))

    return look(settings, read)


def fields(organisation: Organisation) -> dict[str, str]:
    """Return an organisation for programs."""
    return {
        "organisation_id": ids.show(Kind.ORGANISATION, organisation.id),
        "name": organisation.name,
        "created_at": rfc3339(organisation.created_at),
    }


def line_fields(line: Line) -> dict[str, Any]:
    """Return an account's line of a report for programs."""
    return {
        "account_id": ids.show(Kind.ACCOUNT, line.account_id),
        "tier": line.tier.value,
        "status": line.status.value,
        **asdict(line.used),
    }


def report_fields(told: Report) -> dict[str, Any]:
    """Return a report for programs."""
    return {
        "organisation_id": ids.show(Kind.ORGANISATION, told.organisation.id),
        "name": told.organisation.name,
        "from": told.first.isoformat(),
        "to": told.last.isoformat(),
        "accounts": [line_fields(line) for line in told.lines],
        "total": asdict(told.total),
    }
