"""What metering costs mail, and how fast a month is split.

Metering: three servers side by side, one as it is, one that keeps sums and no ledger, one that meters nothing. In turn
they accept mails until all are visible, and take sends. The figure is CPU time of all a server's processes, its
database included, for one mail: it does not move with the machine's other load as time does.
Then the statement that meters alone, as the backend's CPU time, with the ledger and without, in a table by month and in
one that is not.
Reports: an account with ten thousand pods that were used on each of 31 days, and with inboxes for a million days and
for thirty; the time that the server takes in its code and in the database, without HTTP.
Old lines: a million of them, deleted row by row and dropped with their month.
"""

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import UUID

import asyncpg

from benchmarks import http_load
from benchmarks.figures import median, verdict
from benchmarks.http_load import turns_per_second
from benchmarks.metering.sitecustomize import without_lines
from benchmarks.outbound import drained as handed_over
from benchmarks.outbound import sent as taken
from benchmarks.outbound import sink
from benchmarks.postfix import free_port
from benchmarks.serving import WORK, Serving, cpu_seconds, serving, tree
from benchmarks.smtp_accept import drained
from benchmarks.smtp_load import send
from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.billing.forecast import forecast
from daimon.billing.splits import books, service
from daimon.billing.splits.models import Method, Report, Split
from daimon.billing.splits.table import as_csv
from daimon.db.embedded import EmbeddedPostgres
from daimon.db.migrate import migrate
from daimon.db.scope import Scope
from daimon.quotas import ledger, usage
from daimon.quotas.tiers import TIERS
from daimon.quotas.usage import Used

MOST = 1.05
KINDS = ("ledger", "sums", "nothing")
MONTH, NOW = date(2026, 10, 1), datetime(2026, 11, 1, 0, 30, tzinfo=UTC)
ACCOUNT = UUID(int=1)
TIERS_SET = '{"enterprise": {"burst_per_minute": 1000000, "concurrent_sends": 1000}}'


def main() -> None:
    """Print what metering costs, then how long reports take."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mails", type=int, default=3000, help="mails a round")
    arguments.add_argument("--seconds", type=int, default=3, help="of sends in a round")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--only", choices=("metering", "reports"))
    options = arguments.parse_args()
    if options.only != "reports":
        metering(options.mails, options.seconds, options.rounds)
    with cluster() as url:
        if options.only != "reports":
            asyncio.run(statement(url))
        if options.only != "metering":
            asyncio.run(reports(url))


def metering(mails: int, seconds: int, rounds: int) -> None:
    """Compare the three servers."""
    http_load.install()
    os.environ["DAIMON_ABUSE_GUARD"] = "false"  # one text to thousands is what is measured
    port = free_port()
    flags = ("--smtp-relay", f"127.0.0.1:{port}", "--tiers", TIERS_SET)
    with sink(port), _kind("ledger", flags) as whole, _kind("sums", flags) as sums, _kind("nothing", flags) as bare:
        servers = dict(zip(KINDS, (whole, sums, bare), strict=True))
        keys = {kind: asyncio.run(server.open_account()) for kind, server in servers.items()}
        for name, work in (
            ("accepted and visible", lambda kind: accept(servers[kind], keys[kind][1], mails)),
            ("sent", lambda kind: submit(servers[kind], *keys[kind], seconds)),
        ):
            for kind in KINDS:
                work(kind)  # warms caches and code
            costs = [{kind: work(kind) for kind in _turn(number)} for number in range(rounds)]
            shown = ", ".join(f"{kind} {median([cost[kind] for cost in costs]):.0f}" for kind in KINDS)
            lines, all_of_it = (median([cost["ledger"] / cost[kind] for cost in costs]) for kind in ("sums", "nothing"))
            print(f"{name}, µs of CPU a mail: {shown}")
            print(f"    the ledger's lines: × {verdict(lines, MOST, at_least=False)}; all metering: × {all_of_it:.3f}")


def accept(ours: Serving, address: str, mails: int) -> float:
    """Return the microseconds of CPU time for a mail from the first octet until it is readable."""
    before = _cpu(ours)
    send(ours.smtp_port, address, mails=mails, size=4096, connections=20, persistent=True)
    asyncio.run(drained(ours))
    return (_cpu(ours) - before) / mails * 1e6


def submit(ours: Serving, key: str, email: str, seconds: int) -> float:
    """Return the microseconds of CPU time for a send, until it is handed over."""
    body = '{"to": "somebody@out.example", "subject": "benchmark", "body": "' + "x" * 3000 + '"}'
    before, had = _cpu(ours), asyncio.run(taken(ours))
    turns_per_second(f"{ours.api}/v1/inboxes/{email}/send", keys=[key], seconds=seconds, method="POST", bodies=[body])
    asyncio.run(handed_over(ours))
    return (_cpu(ours) - before) / (asyncio.run(taken(ours)) - had) * 1e6


async def statement(url: str) -> None:
    """Compare the statement that meters with what it would be, for one send and for a batch that came in."""
    db = await asyncpg.connect(url, server_settings={"jit": "off", "timezone": "UTC", "synchronous_commit": "off"})
    await db.execute("create table plain_lines (like usage_lines including all)")
    backend = await db.fetchval("select pg_backend_pid()")
    account_id, day, inboxes = UUID(int=2), NOW.date(), [UUID(int=n) for n in range(8)]
    whole = usage._METER
    ways = {
        "ledger": whole,
        "not by month": whole.replace("into usage_lines", "into plain_lines"),
        "sums": without_lines(whole),
    }
    shapes = {
        "one send": [Used(account_id, None, inboxes[0], day, sent=1, stored_bytes=4096)],
        "64 mails to 8 inboxes": [Used(account_id, None, each, day, received=8, stored_bytes=1) for each in inboxes],
    }
    for shape, used in shapes.items():
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(9):
            for way, each in ways.items():
                usage._METER = each
                before = _microseconds(backend)
                for _ in range(500):
                    await usage.meter(db, used)
                times[way].append((_microseconds(backend) - before) / 500)
        print(f"{shape}, µs of the backend: " + ", ".join(f"{way} {median(each):.0f}" for way, each in times.items()))
    usage._METER = whole
    await db.close()


def _microseconds(pid: int) -> float:
    """Return the CPU time of a process, finer than the clock ticks of its stat."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1000


def _turn(number: int) -> tuple[str, ...]:
    """Return the kinds in another order each round, so that none always comes first."""
    at = number % len(KINDS)
    return KINDS[at:] + KINDS[:at]


@contextmanager
def _kind(kind: str, flags: tuple[str, ...]) -> Iterator[Serving]:
    """Run a server that meters so."""
    before = os.environ.get("PYTHONPATH")
    if kind != "ledger":
        os.environ |= {"METERING": kind, "PYTHONPATH": str(Path(__file__).parent / "metering")}
    try:
        with serving(*flags) as ours:
            os.environ.pop("METERING", None)
            os.environ.pop("PYTHONPATH", None)
            if before is not None:
                os.environ["PYTHONPATH"] = before
            yield ours
    finally:
        os.environ.pop("METERING", None)


def _cpu(ours: Serving) -> float:
    return cpu_seconds(tree(ours.process.pid))


@contextmanager
def cluster() -> Iterator[str]:
    """Run a PostgreSQL with the schema in it until the block ends; yields its URL."""
    directory = Path(tempfile.mkdtemp(prefix="daimon-benchmark-", dir=WORK))
    server = EmbeddedPostgres(directory)
    server.start()
    try:
        asyncio.run(migrate(server.url))
        yield server.url
    finally:
        server.stop()
        shutil.rmtree(directory, ignore_errors=True)


async def reports(url: str) -> None:
    """Fill an account, more and more, and time its reports."""
    db = await asyncpg.connect(url, server_settings={"jit": "off", "timezone": "UTC"})
    await db.execute("insert into accounts values ($1, 'enterprise', 'active', null, $2)", ACCOUNT, _at(2026, 1))
    await fill_pods(db, 10_000)
    for method in (Method.USAGE, Method.EVEN):
        await timed(f"10,000 pods, 31 days, by {method}", lambda m=method: _report(db, m), 1.0)
    inboxes = 0
    for more, days, target in ((32_260, "1 million", 3.0), (967_740, "31 million", None)):
        await fill_inboxes(db, more)
        inboxes += more
        await timed(f"{inboxes:,} inboxes, {days} inbox-days", lambda: _report(db, Method.INBOXES), target)
    report = await _report(db, Method.USAGE)
    started = time.perf_counter()
    table = as_csv(report)
    print(f"as a table of {len(table) >> 10} KiB: {(time.perf_counter() - started) * 1000:.0f} ms")
    account = Account(ACCOUNT, Tier.DEVELOPER, AccountStatus.ACTIVE, None, _at(2026, 1))
    await timed("forecast of that account", lambda: forecast(db, account, TIERS[Tier.FREE], now=NOW), None)
    await timed("verify of that account", lambda: ledger.verify(db, Scope(ACCOUNT), NOW.date()), None)
    async with db.transaction():
        started = time.perf_counter()
        await books.open_for(db, Scope(ACCOUNT), NOW)
        await books.write(db, Scope(ACCOUNT), MONTH, [report], NOW)
        print(f"a report of {len(report.lines):,} lines written down: {(time.perf_counter() - started) * 1000:.0f} ms")
        await timed("and read again", lambda: books.read(db, Scope(ACCOUNT), MONTH), None)
    await old_lines(db, 1_000_000)
    await db.close()


async def timed(name: str, work: Callable[[], Awaitable[object]], target: float | None) -> None:
    """Print the median of seven times."""
    await work()
    times = []
    for _ in range(7):
        started = time.perf_counter()
        await work()
        times.append(time.perf_counter() - started)
    shown = verdict(median(times), target, at_least=False) if target else f"{median(times):.3f}"
    print(f"{name}: {shown} s")


async def _report(db: "asyncpg.Connection[asyncpg.Record]", method: Method) -> Report:
    split = Split(method=method)
    await db.execute(
        "insert into split_settings values ($1, $2, $3, $4) on conflict (account_id, since) do update"
        " set settings = excluded.settings",
        ACCOUNT, MONTH, f'{{"method": "{split.method.value}"}}', NOW,
    )  # fmt: skip
    report = await service.report(db, Scope(ACCOUNT), MONTH, now=NOW)
    assert sum(line.amount for line in report.lines) == 4_900_001
    return report


async def fill_pods(db: "asyncpg.Connection[asyncpg.Record]", pods: int) -> None:
    """Let each of so many pods be used on each day of the month, and charge for it in two halves."""
    await db.execute(
        "insert into pods (account_id, id, name, created_at, updated_at)"
        " select $1, md5('pod ' || n)::uuid, 'Customer ' || n, $3, $3 from generate_series(1, $2::int) n",
        ACCOUNT, pods, _at(2026, 2),
    )  # fmt: skip
    await db.execute(
        "insert into usage_pod_days select $1, $3::date + d, md5('pod ' || n)::uuid, n % 7, n % 5, 0, n * 100"
        " from generate_series(1, $2::int) n, generate_series(0, 30) d",
        ACCOUNT, pods, MONTH,
    )  # fmt: skip
    for amount, first, last in ((2_450_000, 1, 14), (2_450_001, 15, 31)):
        await db.execute(
            "insert into billing_charges values ($1, gen_random_uuid(), $2, 'usd', $3, $4, 'half a month', $5)",
            ACCOUNT, amount, date(2026, 10, first), date(2026, 10, last), _at(2026, 10),
        )  # fmt: skip
    await db.execute("vacuum analyze", timeout=600)


async def fill_inboxes(db: "asyncpg.Connection[asyncpg.Record]", inboxes: int) -> None:
    """Put so many more inboxes into the pods, one in a hundred of which moved in the month."""
    await db.execute(
        """
        with made as (select gen_random_uuid() as id, n from generate_series(1, $2::int) n)
        insert into inbox_placements (account_id, inbox_id, first, last, pod_id)
        select $1::uuid, id, date '2026-03-01', case when n % 100 = 0 then date '2026-10-15' else date 'infinity' end,
               md5('pod ' || n % 10000 + 1)::uuid
        from made
        union all
        select $1::uuid, id, date '2026-10-16', date 'infinity', md5('pod ' || n % 9999 + 1)::uuid
        from made where n % 100 = 0
        """,
        ACCOUNT, inboxes, timeout=600,
    )  # fmt: skip
    await db.execute("vacuum analyze", timeout=600)


async def old_lines(db: "asyncpg.Connection[asyncpg.Record]", lines: int) -> None:
    """Write lines into a month, then let it go: row by row as a janitor would, and as a whole."""
    for way in ("deleted, a thousand at a time", "dropped with its month"):
        await db.execute("call add_usage_month('2025-05-01')")
        started = time.perf_counter()
        await db.execute(
            """
            insert into usage_lines (account_id, day, id, pod_id, inbox_id, kind, quantity)
            select md5('account ' || n % 1000)::uuid, date '2025-05-01' + n % 31, gen_random_uuid(), gen_random_uuid(),
                   gen_random_uuid(), 'received', 1 from generate_series(1, $1::int) n
            """,
            lines, timeout=600,
        )  # fmt: skip
        size = await db.fetchval("select pg_total_relation_size('usage_lines_2025_05')")
        print(f"{lines:,} lines written: {time.perf_counter() - started:.1f} s, {size / lines:.0f} octets each")
        started = time.perf_counter()
        if way.startswith("deleted"):
            while (
                await db.execute(
                    "delete from usage_lines_2025_05 where ctid = any(array("
                    "select ctid from usage_lines_2025_05 where day < '2025-06-01' limit 1000))"
                )
                != "DELETE 0"
            ):
                pass
            await db.execute("vacuum usage_lines_2025_05", timeout=600)
            print(f"    {way}: {time.perf_counter() - started:.1f} s")
            await db.execute("drop table usage_lines_2025_05")
        else:
            await ledger.keep_months(db, now=_at(2026, 11))
            print(f"    {way}: {(time.perf_counter() - started) * 1000:.0f} ms")


def _at(year: int, month: int) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


if __name__ == "__main__":
    main()
