"""`daimon messages wait`: as long as it was asked for, over as many requests as that takes."""

import time
from collections.abc import Callable

from daimon.cli.api import calling
from daimon.cli.api.calling import Answer, Call
from daimon.cli.failures import Failure

DEFAULT_SECONDS = 30.0
_LONGEST = 60.0  # of one request; proxies on the way often cut a silent connection later than that
_PAUSE = 1.0

Send = Callable[[Callable[[], Call]], Answer]  # what makes a request anew for each try


def wait(asked: Call, send: Send, seconds: float | None) -> Answer:
    """Return the answer with the message, or with nothing after so many seconds.

    A server that is away for a while once it has answered is waited for, too. Raises Unreachable, and Failure for
    what no patience mends.
    """
    if not (seconds is None or seconds >= 0):
        return send(lambda: asked)  # the API says what is wrong with it
    until = time.monotonic() + (DEFAULT_SECONDS if seconds is None else seconds)
    rest = [(name, value) for name, value in asked.query if name != "timeout"]
    has_answered = False

    def poll() -> Call:
        left = max(0.0, until - time.monotonic())
        return asked._replace(query=[*rest, ("timeout", f"{min(left, _LONGEST):.3f}")])

    while True:
        began = time.monotonic()
        try:
            answer = send(poll)
        except (calling.Unreachable, Failure) as error:
            if not has_answered or until <= time.monotonic() or not _passes(error):
                raise
        else:
            has_answered = True
            if answer.content["result"] is not None or until <= time.monotonic():
                return answer
        if time.monotonic() - began < _PAUSE:  # it is about to stop, or away: it is not asked again at once
            time.sleep(min(_PAUSE, max(0.0, until - time.monotonic())))


def _passes(error: Exception) -> bool:
    return not isinstance(error, Failure) or error.code == 9
