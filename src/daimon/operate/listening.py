"""`daimon webhooks listen`: an account's events, sent on to a program on this machine and signed as webhooks are."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import msgspec

from daimon.feed.models import EventBody
from daimon.kit.clock import rfc3339
from daimon.operate.following import ANSWER_READ, LOST, Following, connected, follow, in_a_line, target
from daimon.webhooks import signing

FORWARD_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What to listen for, and where to send it."""

    following: Following
    forward: str
    secret: str
    webhook_id: str  # that the events name: nobody made this webhook


@dataclass(frozen=True, slots=True)
class Sent:
    """An event that was sent on. `status` is the program's answer, `failure` why there was none."""

    at: datetime
    event: str
    sequence: int
    event_id: str
    status: int | None
    failure: str | None
    ms: int

    def line(self) -> str:
        """Return what a person reads."""
        came = self.status if self.failure is None else f"failed: {self.failure}"
        return f"{self.at:%H:%M:%S} {self.event} {self.sequence} {self.event_id} -> {came} ({self.ms} ms)"

    def fields(self) -> dict[str, object]:
        """Return what a program reads."""
        return {**asdict(self), "at": rfc3339(self.at)}


_event = msgspec.json.Decoder(EventBody).decode


def listen(
    wish: Wish, told: Callable[[Sent], None], say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send events on, one after the other, until interrupted. Raises NotDone for what no patience mends."""
    follow(wish.following, lambda event: told(_sent_on(wish, _event(event))), say, sleep)


def _sent_on(wish: Wish, event: EventBody) -> Sent:
    """Send an event on, and return what came of it."""
    body, at = msgspec.json.encode(msgspec.structs.replace(event, webhook_id=wish.webhook_id)), datetime.now(UTC)
    headers = signing.headers(
        event_id=event.event_id, event=event.event, sequence=event.sequence, at=at, body=body, secrets=[wish.secret]
    )
    begun = time.perf_counter()
    status, failure = None, None
    try:
        status = _post(wish.forward, body, headers)
    except LOST as error:
        failure = in_a_line(error)
    took = round((time.perf_counter() - begun) * 1000)
    return Sent(at, event.event, event.sequence, event.event_id, status, failure, took)


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a POST and return the answer's status. No redirect is followed, and no proxy used."""
    with closing(connected(url, FORWARD_SECONDS)) as connection:
        connection.request("POST", target(url), body, headers)
        answer = connection.getresponse()
        answer.read(ANSWER_READ)
        return answer.status
