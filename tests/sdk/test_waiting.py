"""The long poll as a flow: what it asks for, step by step, with nobody to talk to."""

from datetime import datetime

import pytest

from daimon_email import DaimonClient
from daimon_email._flow import Answer, Lost, Pause, Request
from daimon_email._retry import LONGEST_PAUSE, pause_after
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
    assert pause_after(RateLimited("x", retry_after=31), 0, maybe_done=False, repeatable=True) is None
