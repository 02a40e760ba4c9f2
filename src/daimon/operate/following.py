"""An account's events as they happen, over server-sent events: a lost connection is made again and nothing missed."""

import http.client
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import msgspec

from daimon.operate.errors import NotDone

LOST = (OSError, http.client.HTTPException)
ANSWER_READ = 65_536
_SILENT_SECONDS = 40.0  # more than two of the comments that come every 15 s while nothing happens
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds until the next try to connect


@dataclass(frozen=True, slots=True)
class Following:
    """What to follow. `after` is a number or id of an event; None: from now on."""

    base_url: str
    api_key: str
    events: tuple[str, ...] = ()
    inbox_ids: tuple[str, ...] = ()
    pod_ids: tuple[str, ...] = ()
    after: str | None = None


class _Problem(msgspec.Struct):
    message: str
    error: str = "FAILED"
    code: str | None = None


_problem = msgspec.json.Decoder(_Problem).decode


def follow(
    wish: Following,
    take: Callable[[bytes], None],
    say: Callable[[str], None],
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Take the JSON of events, one after the other, until interrupted. Raises NotDone for what no patience mends."""
    after, greeting, failures, was_open = wish.after, "Listening", 0, False
    while True:
        is_new = True
        try:
            for place, event in _events(wish, after):
                if is_new:
                    say(f"{greeting} from {place} on")
                    is_new, greeting, failures, was_open = False, "Connected again,", 0, True
                if event:
                    take(event)
                after = place
            reason = "the server ended the stream"
        except LOST as error:
            reason = in_a_line(error)
        except NotDone as error:
            if not (was_open and error.status == http.client.TOO_MANY_REQUESTS):
                raise
            reason = in_a_line(error)  # everybody comes back at once when a server starts again
        if failures == 0:
            say(f"No connection to {wish.base_url} ({reason}); trying again until there is one")
        sleep(_PAUSES[min(failures, len(_PAUSES) - 1)])
        failures += 1


def _events(wish: Following, after: str | None) -> Iterator[tuple[str, bytes]]:
    """Yield where the stream begins, then each event's place and JSON; no JSON: what was there is not for us."""
    asked = {
        "after": after,
        "event": ",".join(wish.events),
        "inbox_id": ",".join(wish.inbox_ids),
        "pod_id": ",".join(wish.pod_ids),
    }
    query = urlencode({name: value for name, value in asked.items() if value})
    url = f"{wish.base_url.rstrip('/')}/v1/events/stream?{query}"
    with closing(connected(url, _SILENT_SECONDS)) as connection:
        connection.request("GET", target(url), headers={"Authorization": f"Bearer {wish.api_key}"})
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            raise _refused(answer)
        if answer.headers.get_content_type() != "text/event-stream":
            raise _no_api(f"what answers at {wish.base_url} is no API of daimon")
        yield from _said(answer)


def _said(answer: http.client.HTTPResponse) -> Iterator[tuple[str, bytes]]:
    """Read server-sent events (WHATWG HTML §9.2.6): one that breaks off before its empty line is none."""
    fields: dict[bytes, bytes] = {}
    while line := answer.readline():
        if line != b"\n":
            name, _, value = line.rstrip(b"\n").partition(b": ")
            fields[name] = value
            continue
        if fields.get(b"event") == b"error":
            raise _not_done(fields[b"data"], None)
        if b"id" in fields:
            yield fields[b"id"].decode("latin-1"), fields.get(b"data", b"")
        fields = {}


def _refused(answer: http.client.HTTPResponse) -> Exception:
    """Return what an answer that is no stream means: the end for what we did wrong, another try else."""
    reason = f"the server answered {answer.status}"
    if 300 <= answer.status < 400:
        return _no_api(f"the server sends on to {answer.headers.get('Location')}: that is the address to give")
    if not 400 <= answer.status < 500:
        return http.client.HTTPException(reason)
    try:
        return _not_done(answer.read(ANSWER_READ), answer.status)
    except msgspec.DecodeError:
        return NotDone(reason, status=answer.status)


def _no_api(reason: str) -> NotDone:
    return NotDone(reason, status=http.client.BAD_GATEWAY, error="UNEXPECTED_ANSWER")


def _not_done(octets: bytes, status: int | None) -> NotDone:
    problem = _problem(octets)
    return NotDone(problem.message, status=status, error=problem.code or problem.error)


def connected(url: str, seconds: float) -> http.client.HTTPConnection:
    """Return a connection to the host of a URL, opened when it is first used."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=seconds)


def target(url: str) -> str:
    """Return what a request line says of a URL."""
    parts = urlsplit(url)
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def in_a_line(error: Exception) -> str:
    """Return what went wrong, as far as it can be shown: a peer that speaks another protocol says what it likes."""
    return "".join(each if each.isprintable() else " " for each in str(error)).strip()[:200] or type(error).__name__
