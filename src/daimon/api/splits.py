"""Billing splits over HTTP: parse, call, answer."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from daimon.accounts.errors import AccountSuspended
from daimon.api import split_examples as examples
from daimon.api.answer import Answer, Octets
from daimon.api.operation import operation
from daimon.api.page import CONTENT_TYPE, guards
from daimon.api.request import Request
from daimon.api.split_schema import (
    SplitPut,
    SplitReportQuery,
    SplitReportView,
    SplitView,
    StatementQuery,
    in_brief,
    report_view,
    split_view,
)
from daimon.audit.models import Change
from daimon.billing.splits import service as splits
from daimon.billing.splits.errors import SplitLineNotFound
from daimon.billing.splits.models import Method, Report, Settings
from daimon.billing.splits.statement import STYLE, statement
from daimon.billing.splits.table import as_csv
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.teams.errors import TeamNotFound

T = TypeVar("T")

_TAG = "billing"
_REPORT = "The report of this month: GET /v1/billing/splits/report"


@operation(
    "GET",
    "/v1/billing/splits",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    example=examples.GET_SPLITS,
)
async def get_splits(request: Request) -> Answer[SplitView]:
    """Show how the account's cost is divided."""
    found = await splits.settings(request.db, request.principal.scope, now=request.now)
    return Answer(split_view(found), [_REPORT])


@operation(
    "PUT",
    "/v1/billing/splits",
    tag=_TAG,
    permission=Permission.BILLING_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(PodNotFound, TeamNotFound, AccountSuspended),
    example=examples.PUT_SPLITS,
)
async def put_splits(request: Request, body: SplitPut) -> Answer[SplitView]:
    """Say how the account's cost is divided, from this month on.

    `usage` divides it by what was used, each kind by its weight; `inboxes` by inbox-days; `even` alike among those that
    were there; `fixed` by percentages that make exactly 100. Reports of closed months stay as they are.
    """
    scope, split = request.principal.scope, body.to_domain()
    before = await splits.change(request.db, scope, split, now=request.now)
    request.change = Change(show(Kind.ACCOUNT, scope.account_id), in_brief(before.split), in_brief(split))
    return Answer(split_view(Settings(split, request.now)), [_REPORT])


@operation(
    "GET",
    "/v1/billing/splits/report",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor,),
    example=examples.GET_SPLIT_REPORT,
    also="text/csv",
)
async def get_split_report(request: Request, query: SplitReportQuery) -> Answer[SplitReportView] | Octets:
    """Divide a month's cost among pods, teams or cost centres, every cent of it.

    The cost is what was invoiced or charged; without either, `total_cents` supposes one. What was used in no pod is on
    the line `unallocated`. With `format=csv` the answer is a table of all lines.
    """
    report = await _report(request, query)
    if query.format == "json":
        return Answer(await _worked(report, lambda: report_view(report, query)), _steps(report, query))
    name = f"splits-{report.month:%Y-%m}-{report.currency}.csv"
    headers = [(b"content-disposition", f'attachment; filename="{name}"'.encode())]
    table = await _worked(report, lambda: as_csv(report).encode())
    return Octets(table, "text/csv; charset=utf-8", headers=headers)


@operation(
    "GET",
    "/v1/billing/splits/statement",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    errors=(SplitLineNotFound,),
    content_type="text/html",
)
async def get_split_statement(request: Request, query: StatementQuery) -> Octets:
    """Get a page to print or to hand on: what one line of the report is charged for a month.

    It shows use and charge, with the mark-up in it, and neither the account's own cost nor anybody else's.
    """
    report = await _report(request, query)
    lines = [line for line in report.lines if line.unit == query.id]
    if not lines:
        raise SplitLineNotFound
    return Octets(statement(report, lines, issuer=query.issuer).encode(), CONTENT_TYPE, headers=guards(STYLE))


async def _worked(report: Report, work: Callable[[], T]) -> T:
    """Return what comes of some work on a report, in a thread if it is a long one: nobody else shall wait for it."""
    return await asyncio.to_thread(work) if len(report.lines) > splits.MANY else work()


async def _report(request: Request, query: SplitReportQuery | StatementQuery) -> Report:
    today = request.now.date()
    supposed = query.supposed(today) if isinstance(query, SplitReportQuery) else None
    currency = query.currency.lower() if query.currency else None
    return await splits.report(
        request.db, request.principal.scope, query.month(today), now=request.now, currency=currency, cost=supposed
    )


def _steps(report: Report, query: SplitReportQuery) -> list[str]:
    month = f"period={report.month:%Y-%m}"
    steps = [
        f"As a table: GET /v1/billing/splits/report?{month}&format=csv",
        # A `unit` may be a cost center, which is what somebody wrote: no word of this server.
        f"For one line, to print: GET /v1/billing/splits/statement?{month}&id={{unit}}"
        if report.lines
        else "Lines appear once something is used.",
    ]
    if not report.costs and query.total_cents is None and report.closed_at is None:
        steps.append("Nothing was invoiced or charged; suppose a cost: the same request with total_cents=4900")
    if report.split.method is Method.USAGE:
        steps.append("Other weights or another method: PUT /v1/billing/splits")
    return steps
