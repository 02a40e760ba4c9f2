"""When a delivery is tried again: the ladder, and what an endpoint asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.webhooks import ladder

NOW = datetime(2026, 3, 16, 10, 30, tzinfo=UTC)


def test_the_steps_are_those_that_are_promised() -> None:
    """Nine of them, each up to a fifth longer; then never."""
    steps = [5, 30, 120, 600, 1800, 7200, 21_600, 43_200, 86_400]
    for chance, factor in ((0.0, 1.0), (1.0, 1.2)):
        waits = [ladder.next_attempt(n, NOW, lambda chance=chance: chance) for n in range(1, 10)]
        assert [each - NOW for each in waits if each] == [timedelta(seconds=s * factor) for s in steps]
    assert ladder.next_attempt(10, NOW) is None
    assert ladder.next_attempt(99, NOW) is None


def test_probes_come_every_five_minutes_at_last() -> None:
    """Soon at first."""
    waits = [(ladder.next_probe(n, NOW, lambda: 0.0) - NOW).total_seconds() for n in range(8)]
    assert waits == [5, 15, 30, 60, 120, 300, 300, 300]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("1", 1),
        (" 120 ", 120),
        ("99999999999999999999", 86_400),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("Mon, 16 Mar 2026 10:31:00 GMT", 60),
        ("Monday, 16-Mar-26 10:31:00 GMT", 60),
        ("Mon Mar 16 10:31:00 2026", 60),
        ("Mon, 16 Mar 2026 10:29:00 GMT", None),
        ("Mon, 16 Mar 2026 12:31:00 +0200", None),
        ("Mon, 16 Mar 2099 10:31:00 GMT", 86_400),
        ("Mon, 16 Mar 2026 25:61:00 GMT", None),
        ("Mon, 16 Mar 0000 10:31:00 GMT", None),
        ("Mon, 16 Mar 2026 10:31:00 +9999", None),
    ],
)
def test_retry_after_is_read(text: str | None, seconds: int | None) -> None:
    """Seconds or a date, at most a day."""
    assert ladder.pause(text, NOW) == (None if seconds is None else NOW + timedelta(seconds=seconds))


@given(st.text(max_size=60))
def test_no_retry_after_does_harm(text: str) -> None:
    """Whatever it says, it is a moment within a day, or none."""
    until = ladder.pause(text, NOW)
    assert until is None or NOW < until <= NOW + timedelta(days=1)
