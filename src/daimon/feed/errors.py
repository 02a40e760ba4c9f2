"""What can be wrong with a place in the sequence, and with following it."""

from typing import Self

from daimon.kit.errors import Gone, TooManyRequests
from daimon.kit.rate_limit import RateLimit

_RETRY_SECONDS = 5


class CursorExpired(Gone):
    """The events behind this place are older than 30 days and are not kept any more."""

    error = "CURSOR_EXPIRED"
    next_steps = ("Go on with the oldest event that is there: the same request without `after`.",)

    oldest = 0  # the number of the oldest event that is there, or of the next one that will be

    @classmethod
    def at(cls, oldest: int) -> "CursorExpired":
        """Return the error for a sequence that begins with this number now."""
        error = cls(
            f"Events behind this place are not kept any more; the oldest available is {oldest}.",
            next_steps=[f"Go on with after={oldest - 1}, and look once at what may have changed meanwhile."],
        )
        error.oldest = oldest
        return error


class TooManyFollowers(TooManyRequests):
    """As many streams, sockets and long polls of the account are open on this server process as may be."""

    own_words = True
    code = "CONCURRENCY_LIMIT"
    next_steps = ("Let several agents share one stream, or close one, then send the same request again.",)

    @classmethod
    def at(cls, most: int) -> Self:
        """Return the error for a limit that is reached."""
        return cls(
            f"{most} streams, sockets and long polls of the account are open, which is the most.",
            retry_after=_RETRY_SECONDS,
            rate_limit=RateLimit("open-streams", most, None, 0, _RETRY_SECONDS),
            current_usage={"open_streams": most, "max_open_streams": most},
        )
