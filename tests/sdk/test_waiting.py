"""The long poll as a flow: what it asks for, step by step, with nobody to talk to."""

from datetime import datetime

import pytest

from daimon_email import DaimonClient
from daimon_email._flow import Answer, Lost, Pause, Request
from daimon_email._retry import LONGEST_PAUSE, back_off, pause_after
from daimon_email._waiting import wait
from daimon_email.errors import NoAnswer, RateLimited

RETRIES = 2
NOTHING = Answer(200, {}, b'{"result": null, "next_steps": []}')


def test_a_long_wait_is_several_polls() -> None:
    """No poll is longer than proxies allow, and each leaves the server its time to answer."""
    flow = wait(RETRIES, "a@d", timeout=None, subject="x")
    for _ in range(3):
        poll = flow.send(None)
        assert isinstance(poll, Request)
        assert poll.query == {"subject": "x", "timeout": "60.0"}
        assert poll.patience == 60.0
        assert isinstance(flow.send(NOTHING), Pause)  # it answered at once, so it is given a moment


def test_the_last_poll_ends_in_time() -> None:
    """A poll asks for no more than what is left."""
    poll = wait(RETRIES, "a@d", timeout=7).send(None)
    assert isinstance(poll, Request)
    assert float(poll.query["timeout"]) <= 7


def test_a_wait_does_not_retry_beyond_its_time() -> None:
    """The connection's error is raised instead of a late None: it is not known that nothing came."""
    flow = wait(RETRIES, "a@d", timeout=0)
    flow.send(None)
    with pytest.raises(NoAnswer):
        flow.send(Lost("reset", maybe_done=True))


def test_a_wait_outlasts_a_restart_of_the_server() -> None:
    """Whoever has answered a poll is looked for until the time is over, and not only for a few tries."""
    flow = wait(RETRIES, "a@d", timeout=1000)
    flow.send(None)
    outcome: Answer | Lost | None = NOTHING
    for _ in range(10 * RETRIES):
        assert isinstance(flow.send(outcome), Pause)
        assert isinstance(flow.send(None), Request)
        outcome = Lost("connection refused", maybe_done=False)
    with pytest.raises(StopIteration) as end:
        flow.send(Answer(200, {}, b'{"result": {"id": "msg_1"}}'))
    assert end.value.value.id == "msg_1"


def test_a_server_that_was_never_there_is_told_after_the_usual_tries() -> None:
    """Nor is one looked for that has never answered, nor if the caller wants no second tries."""
    gone = Lost("connection refused", maybe_done=False)
    flow = wait(RETRIES, "a@d", timeout=None)
    flow.send(None)
    for _ in range(RETRIES):
        assert isinstance(flow.send(gone), Pause)
        assert isinstance(flow.send(None), Request)
    with pytest.raises(NoAnswer):
        flow.send(gone)
    flow = wait(0, "a@d", timeout=None)
    for outcome in (None, NOTHING, None):
        flow.send(outcome)
    with pytest.raises(NoAnswer):
        flow.send(gone)


def test_a_wait_for_no_number_is_refused() -> None:
    """It would never end."""
    with pytest.raises(ValueError, match="timeout"):
        wait(RETRIES, "a@d", timeout=float("nan")).send(None)


def test_a_wait_ends_with_none() -> None:
    """After the caller's time."""
    flow = wait(RETRIES, "a@d", timeout=0)
    flow.send(None)
    with pytest.raises(StopIteration) as end:
        flow.send(NOTHING)
    assert end.value.value is None


def test_a_naive_time_is_refused() -> None:
    """Nobody knows which moment it is."""
    with pytest.raises(ValueError, match="time zone"):
        DaimonClient("dm_free_x", "http://daimon.test").messages.list("a@d", after=datetime(2026, 1, 1))  # noqa: DTZ001


def test_pauses_grow_with_jitter_up_to_a_bound() -> None:
    """Clients that failed together do not come back together, and none waits for ever."""
    pauses = [pause_after(NoAnswer("x"), tries, maybe_done=False, repeatable=True) for tries in range(40)]
    assert all(0 < pause <= LONGEST_PAUSE for pause in pauses if pause is not None)
    assert pauses[0] is not None
    assert pauses[9] is not None
    assert pauses[9] > pauses[0]
    assert 0 < back_off(100_000) <= LONGEST_PAUSE  # a stream tries as long as it takes
    assert pause_after(RateLimited("x", retry_after=31), 0, maybe_done=False, repeatable=True) is None
