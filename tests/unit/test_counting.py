"""Counting in shared memory, and the text that Prometheus reads."""

from collections.abc import Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daimon.kit import metrics
from daimon.kit.exposition import text
from daimon.kit.metrics import CELLS, Board, Counter, Gauge, Histogram, SharedBoard, registry


@pytest.fixture(autouse=True)
def no_new_metrics() -> Iterator[None]:
    """What a test declares is forgotten after it."""
    known = dict(registry)
    yield
    registry.clear()
    registry.update(known)


@pytest.fixture
def board() -> Board:
    return Board(bytearray(metrics._SIZE))


def samples(*boards: Board) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return what Prometheus' own parser finds: name and label values, and the number."""
    families = text_string_to_metric_families(text(boards))
    return {
        (sample.name, tuple(sample.labels.values())): sample.value for family in families for sample in family.samples
    }


def test_what_processes_counted_is_added_up(board: Board) -> None:
    """Counters and gauges of two boards, each series by itself."""
    other = SharedBoard()
    counter, gauge = Counter("mails_total", "Mails.", ("why", "code")), Gauge("open", "Open.")
    for each in (board, other):
        counter.attach(each)
        gauge.attach(each)
        counter.inc("slow", 451)
        gauge.inc()
    counter.inc("slow", 550, by=3)
    gauge.dec()
    assert samples(board, other) == {
        ("mails_total", ("slow", "451")): 2,
        ("mails_total", ("slow", "550")): 3,
        ("open", ()): 1,
    }


def test_a_histogram_is_cumulative(board: Board) -> None:
    """A value counts in the first bucket whose bound it does not exceed, and in all above it."""
    histogram = Histogram("seconds", "Seconds.", buckets=(0.5, 1))
    histogram.attach(board)
    for value in (0.5, 0.75, 2):
        histogram.observe(value)
    assert samples(board) == {
        ("seconds_bucket", ("0.5",)): 1,
        ("seconds_bucket", ("1",)): 2,
        ("seconds_bucket", ("+Inf",)): 3,
        ("seconds_count", ()): 3,
        ("seconds_sum", ()): 3.25,
    }


def test_label_values_are_escaped(board: Board) -> None:
    """Quotes, backslashes and line ends come out as they went in."""
    counter = Counter("odd_total", "Odd.", ("what",))
    counter.attach(board)
    odd = 'a"b\\c\nd{é}'
    counter.inc(odd)
    assert samples(board) == {("odd_total", (odd,)): 1}


def test_a_successor_counts_on(board: Board) -> None:
    """Whoever takes over the memory finds its series in it; what was open at the death is not."""
    memory = bytearray(metrics._SIZE)
    counter, gauge = Counter("mails_total", "Mails.", ("why",)), Gauge("open", "Open.")
    for _ in range(2):
        heir = Board(memory)
        heir.drop_gauges()
        counter.attach(heir)
        gauge.attach(heir)
        gauge.inc()
        counter.inc("a")
        counter.inc("b")
    assert samples(heir) == {("mails_total", ("a",)): 2, ("mails_total", ("b",)): 2, ("open", ()): 1}


def test_more_series_than_there_is_room_for(board: Board) -> None:
    """Those that came too late are not shown, and spoil nothing."""
    counter = Counter("many_total", "Many.", ("number",))
    counter.attach(board)
    for number in range(CELLS + 100):
        counter.inc(number)
    shown = samples(board)
    assert 1000 < len(shown) < CELLS
    assert set(shown.values()) == {1}


def test_series_of_newer_code_are_passed_over(board: Board) -> None:
    """A role that was started again after an upgrade does not hide the metrics of the others."""
    known = Counter("known_total", "Known.", ("what",))
    known.attach(board)
    known.inc("it")
    board.take("unknown_total", (), 1)
    board.take("known_total", ("it", "and more"), 1)
    board.take("known_total", ("wider",), 7)
    assert samples(board) == {("known_total", ("it",)): 1}


def test_no_number_is_said_so(board: Board) -> None:
    """As Prometheus writes it."""
    gauge = Gauge("unknown", "Unknown.")
    gauge.attach(board)
    gauge.set(float("nan"))
    assert text([board]).endswith("\nunknown NaN\n")
