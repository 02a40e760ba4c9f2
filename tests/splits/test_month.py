"""A month of a platform with two hundred customers, on a clock of its own: ledger, report and invoices agree.

What has to come out is kept beside it in plain dictionaries, and added up with fractions.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from uuid import UUID

from daimon.billing.splits import service
from daimon.billing.splits.models import UNALLOCATED, Report, Split, Weights
from daimon.billing.splits.statement import statement
from daimon.billing.splits.table import as_csv
from daimon.inboxes.models import Inbox
from daimon.pods.models import Pod
from daimon.quotas import ledger, usage
from daimon.quotas.usage import Used

from .conftest import Firm, close_months, ledger_sums, unit_of

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
DAYS = [FIRST + timedelta(days=day) for day in range(30)]
PODS = 200
KINDS = ("sent", "received", "stored_bytes", "inbox_days")
WEIGHTS = Weights(sends=5, received=2, storage=1, inboxes=3)
# The developer tier; growth from the 11th; developer again from the 21st. What is not used is given back.
INVOICES = {
    date(2026, 11, 1): [(900, FIRST, LAST)],
    date(2026, 11, 11): [(-600, date(2026, 11, 11), LAST), (3267, date(2026, 11, 11), LAST)],
    date(2026, 11, 21): [(-1633, date(2026, 11, 21), LAST), (300, date(2026, 11, 21), LAST)],
}
TAXES = 171  # on the second one


@dataclass
class Platform:
    """The account as it is, and what has to come out."""

    firm: Firm
    pods: list[Pod]
    inboxes: dict[UUID, Inbox] = field(default_factory=dict)
    places: dict[UUID, Pod | None] = field(default_factory=dict)
    used: defaultdict[date, Counter[tuple[str, str]]] = field(default_factory=lambda: defaultdict(Counter))
    random: Random = field(default_factory=lambda: Random(11))

    async def create(self, pod: Pod | None, at: datetime) -> None:
        """Make an inbox in a pod."""
        made = await self.firm.inbox(pod, at)
        self.inboxes[made.id], self.places[made.id] = made, pod

    def somewhere(self) -> Pod | None:
        """Return a pod, or now and then none."""
        return None if self.random.random() < 0.05 else self.random.choice(self.pods)

    async def live(self, day: date) -> None:
        """Let inboxes come, move and go, and mail be received and sent."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
        for _ in range(10):
            await self.create(self.somewhere(), noon)
        await self._use(day)
        for inbox in self.random.sample([*self.places], 6):
            self.places[inbox] = self.somewhere()
            await self.firm.move(self.inboxes[inbox], self.places[inbox], noon)
        await self._use(day)
        for pod in self.places.values():
            self.used[day][_unit(pod), "inbox_days"] += 1
        for inbox in self.random.sample([*self.places], 3):  # it counts on the day that it goes
            await self.firm.delete(self.inboxes[inbox], noon)
            del self.places[inbox]

    async def _use(self, day: date) -> None:
        metered = []
        for inbox in self.random.sample([*self.places], len(self.places) // 2):
            pod, mails, size = self.places[inbox], self.random.randint(0, 9), self.random.randint(500, 90_000)
            kind = self.random.choice(("sent", "received"))
            pod_id = pod.id if pod else None
            counts = {kind: mails, "stored_bytes": size}
            metered.append(Used(self.firm.scope.account_id, pod_id, inbox, day, **counts))
            for name, count in counts.items():
                self.used[day][_unit(pod), name] += count
        async with self.firm.db.transaction() as db:
            await usage.meter(db, metered)

    def quantity(self, first: date, unit: str, kind: str) -> int:
        """Return what has to come out for a unit from a day on."""
        return sum(of_day[unit, kind] for day, of_day in self.used.items() if day >= first)

    def share(self, first: date, unit: str) -> Fraction:
        """Return the part of the cost of the days from one on that a unit has to bear."""
        units = [*map(unit_of, self.pods), UNALLOCATED]
        weights = dict(zip(KINDS, (WEIGHTS.sends, WEIGHTS.received, WEIGHTS.storage, WEIGHTS.inboxes), strict=True))
        parts = [
            Fraction(weight * self.quantity(first, unit, kind), sum(self.quantity(first, each, kind) for each in units))
            for kind, weight in weights.items()
        ]
        return sum(parts, Fraction()) / sum(weights.values())


def _unit(pod: Pod | None) -> str:
    return unit_of(pod) if pod else UNALLOCATED


async def _opened(firm: Firm) -> Platform:
    october = datetime(2026, 10, 1, tzinfo=UTC)
    pods = [await firm.pod(f"Customer {number}", october) for number in range(PODS)]
    platform = Platform(firm, pods)
    for pod in pods:
        for _ in range(2):
            await platform.create(pod, october)
    async with firm.db.transaction() as db:
        split = Split(weights=WEIGHTS, markup=125_000, markups={unit_of(pods[0]): 0})
        await service.change(db, firm.scope, split, now=october)
    return platform


async def test_a_month(firm: Firm) -> None:
    """To the unit in the ledger, and to the cent in the report, open and closed; a failed payment changes nothing."""
    platform = await _opened(firm)
    for day in DAYS:
        if day in INVOICES:
            at, extra = datetime(day.year, day.month, day.day, tzinfo=UTC), TAXES if day.day == 11 else 0
            status = "open" if day.day == 21 else "paid"  # the last one's payment fails
            await firm.invoice(f"in_{day.day}", at, *INVOICES[day], extra=extra, status=status)
        await platform.live(day)
    await _check_ledger(platform)

    report = await firm.report(FIRST, datetime(2026, 12, 1, tzinfo=UTC))
    _check(platform, report)
    await firm.do("update invoices set status = 'paid' where status = 'open'")  # it was made good
    assert await close_months(firm.db, datetime(2026, 12, 2, 1, tzinfo=UTC)) == 5
    closed = await firm.report(FIRST, datetime(2026, 12, 9, tzinfo=UTC))
    assert (closed.lines, closed.total) == (report.lines, report.total)
    assert closed.closed_at is not None
    december = await firm.report(date(2026, 12, 1), datetime(2026, 12, 9, tzinfo=UTC))
    assert (december.total, [line for line in december.lines if line.corrects]) == (0, [])
    async with firm.db.read() as db:
        assert await ledger.verify(db, firm.scope, LAST) == []


async def _check_ledger(platform: Platform) -> None:
    """By day, pod and kind, the lines sum to what was used."""
    async with platform.firm.db.read() as db:
        lines = await ledger_sums(db, platform.firm.scope.account_id)
    units = {pod.id: unit_of(pod) for pod in platform.pods}
    found: defaultdict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
    for (day, pod_id, _, kind), quantity in lines.items():
        found[day][units.get(pod_id, UNALLOCATED), kind] += quantity  # type: ignore[index,call-overload]
    expected = {
        day: {key: count for key, count in of_day.items() if count and key[1] != "inbox_days"}
        for day, of_day in platform.used.items()
    }
    assert {day: dict(of_day) for day, of_day in found.items()} == expected


def _check(platform: Platform, report: Report) -> None:
    """The amounts are those of the invoices, and each is that of its share, but for what rounding takes."""
    lines = {line.unit: line for line in report.lines}
    assert len(lines) == len(report.lines) == PODS + 1
    for unit, line in lines.items():
        used = (line.used.sent, line.used.received, line.used.stored_bytes, line.used.inbox_days)
        assert used == tuple(platform.quantity(FIRST, unit, kind) for kind in KINDS)
    invoiced = sum(amount for lines_of in INVOICES.values() for amount, *_ in lines_of) + TAXES
    assert sum(line.amount for line in report.lines) == report.total == invoiced == 2405
    pools = {FIRST: 900, date(2026, 11, 11): 2667 + TAXES, date(2026, 11, 21): -1333}
    for unit, line in lines.items():
        exact = sum((amount * platform.share(first, unit) for first, amount in pools.items()), Fraction())
        assert abs(line.amount - exact) < len(pools)
    unmarked = lines[unit_of(platform.pods[0])]
    assert (unmarked.markup, lines[UNALLOCATED].markup) == (0, 0)
    assert all(abs(line.markup - Fraction(line.amount, 8)) <= Fraction(1, 2) for line in lines.values() if line.markup)
    rows = [row.split(",") for row in as_csv(report).splitlines()[1:]]
    assert sum(int(row[-3]) for row in rows) == invoiced
    assert "Customer 0" in statement(report, [unmarked])
