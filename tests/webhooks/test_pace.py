"""How much an endpoint is sent at a time, by what came of the attempts before."""

from datetime import UTC, datetime, timedelta

from daimon.webhooks.attempting import Outcome
from daimon.webhooks.models import Attempt, WebhookStatus
from daimon.webhooks.pace import FIRST_OPEN, MOST_OPEN, Pace
from daimon.webhooks.recording import Standing

NOW = datetime(2026, 3, 16, 10, 30, tzinfo=UTC)
ACTIVE, UNHEALTHY = WebhookStatus.ACTIVE, WebhookStatus.UNHEALTHY


def outcome(*, good: bool, not_before: datetime | None = None) -> Outcome:
    return Outcome(Attempt(NOW, "https://example.com/", {}, 1), good, not_before=not_before)


def test_an_endpoint_that_does_well_is_sent_more_and_one_that_fails_half() -> None:
    """Between one and MOST_OPEN, less what is under way."""
    pace = Pace(failing=False, not_before=None)
    assert pace.room(0, ACTIVE, NOW) == FIRST_OPEN
    for _ in range(20):
        pace.heed(outcome(good=True))
    assert (pace.room(0, ACTIVE, NOW), pace.room(3, ACTIVE, NOW)) == (MOST_OPEN, MOST_OPEN - 3)
    rooms = []
    for _ in range(4):
        pace.heed(outcome(good=False))
        rooms.append(pace.room(0, ACTIVE, NOW))
    assert rooms == [4, 2, 1, 1]
    assert Pace(failing=True, not_before=None).room(0, ACTIVE, NOW) == 1


def test_an_unhealthy_endpoint_is_probed_with_one_after_a_pause() -> None:
    """And left in peace no longer once it is well."""
    pace = Pace(failing=False, not_before=None)
    pace.stand(ACTIVE, Standing(UNHEALTHY, 20), NOW)
    pause = pace.pause(NOW)
    assert pause
    assert timedelta(seconds=5) <= pause - NOW <= timedelta(seconds=6)
    assert (pace.room(0, UNHEALTHY, NOW), pace.room(0, UNHEALTHY, pause), pace.room(1, UNHEALTHY, pause)) == (0, 1, 0)
    pace.stand(UNHEALTHY, Standing(ACTIVE, 0), NOW)
    assert pace.pause(NOW) is None


def test_a_wish_to_be_left_alone_is_heeded_until_it_is_another_endpoint() -> None:
    """A Retry-After, which a restart remembers too."""
    pace = Pace(failing=False, not_before=None)
    pace.heed(outcome(good=False, not_before=NOW + timedelta(minutes=1)))
    assert pace.room(0, ACTIVE, NOW) == 0
    pace.begin_anew()
    assert pace.room(0, ACTIVE, NOW) == FIRST_OPEN
    assert Pace(failing=False, not_before=NOW + timedelta(minutes=1)).room(0, ACTIVE, NOW) == 0
