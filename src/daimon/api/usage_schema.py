"""What was used, as clients ask for it and read it."""

from datetime import date, timedelta
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.api.schema import Page, read_id
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show_or_none
from daimon.kit.paging import Page as PageOf
from daimon.kit.written import Ours
from daimon.quotas.usage_report import By, UsageLine, UsageQuery, Used

DEFAULT_DAYS = 30
MAX_DAYS = 366
InboxFilter = Annotated[str, Meta(max_length=100, description="Only what this inbox used; it may be deleted.")]


class _UsageDays(Page, frozen=True):
    """Which days a report tells of."""

    from_: Annotated[date, Meta(description="First day, in UTC. Left out: 30 days up to `to`.")] | None = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[date, Meta(description="Last day, in UTC. Left out: today.")] | None = None
    inbox_id: InboxFilter | None = None

    def reading(self, by: By, today: date, pod_id: UUID | None = None) -> UsageQuery:
        """Return what the report is asked. Raises Invalid."""
        last = self.to or today
        try:
            first = self.from_ or last - timedelta(days=DEFAULT_DAYS - 1)
        except OverflowError:
            raise Invalid.field("to", "is out of range") from None
        if first > last:
            raise Invalid.field("from", "must not be after `to`")
        if (last - first).days >= MAX_DAYS:
            raise Invalid.field("from", f"at most {MAX_DAYS} days are shown at once")
        inbox_id = read_id(Kind.INBOX, self.inbox_id, "inbox_id")
        if inbox_id and by is not By.INBOX:
            raise Invalid.field("by", "must be `inbox`, or left out, together with `inbox_id`")
        return UsageQuery(first, last, by, self.limit, self.cursor, pod_id, inbox_id)


class UsageList(_UsageDays, frozen=True):
    """Which days of an account a report tells of, and whose."""

    by: Annotated[Literal["account", "pod", "inbox"], Meta(description="What each line is of.")] | None = None

    def to_domain(self, today: date) -> UsageQuery:
        """Return what the report is asked. Raises Invalid."""
        by = By(self.by) if self.by else By.INBOX if self.inbox_id else By.ACCOUNT
        return self.reading(by, today)


class PodUsageList(_UsageDays, frozen=True):
    """Which days of a pod a report tells of, and whose."""

    by: Annotated[Literal["pod", "inbox"], Meta(description="What each line is of.")] | None = None

    def to_domain(self, today: date, pod_id: UUID) -> UsageQuery:
        """Return what the report is asked. Raises Invalid."""
        by = By(self.by) if self.by else By.INBOX if self.inbox_id else By.POD
        return self.reading(by, today, pod_id)


class UsageTotals(msgspec.Struct):
    """What was used in all the days of a report."""

    received: int
    sent: int
    bounced: int
    stored_bytes: int


class UsageLineView(msgspec.Struct):
    """What was used on one day. `pod_id` is the pod that held the inbox then, null for none."""

    day: date
    pod_id: Ours | None
    inbox_id: Ours | None
    received: int
    sent: int
    bounced: int
    stored_bytes: int


class UsagePage(msgspec.Struct):
    """A page of a report, the oldest day first; days without use are left out. `totals` is of all pages."""

    usage: list[UsageLineView]
    totals: UsageTotals
    first_day: date
    last_day: date
    by: Literal["account", "pod", "inbox"]
    limit: int
    has_more: bool
    next_cursor: Ours | None


def usage_page(query: UsageQuery, page: PageOf[UsageLine], total: Used) -> UsagePage:
    """Return a page of a report as clients read it."""
    return UsagePage(
        usage=[_line_view(line) for line in page.items],
        totals=UsageTotals(total.received, total.sent, total.bounced, total.stored_bytes),
        first_day=query.first,
        last_day=query.last,
        by=query.by.value,
        limit=query.limit,
        has_more=page.next_cursor is not None,
        next_cursor=page.next_cursor,
    )


def _line_view(line: UsageLine) -> UsageLineView:
    used = line.used
    return UsageLineView(
        line.day,
        show_or_none(Kind.POD, line.pod_id),
        show_or_none(Kind.INBOX, line.inbox_id),
        used.received,
        used.sent,
        used.bounced,
        used.stored_bytes,
    )
