"""`daimon webhooks listen`: an account's events, sent on to a program on this machine and signed as webhooks are."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from daimon.operate.errors import NotDone
from daimon.webhooks import signing

FORWARD_SECONDS = 30.0
_PAUSES = (0.2, 0.5, 1.0, 2.0, 5.0)  # seconds until the next try to connect
_ENVELOPE = '{"type":"event",'
_POLICY_VIOLATION = 1008
_ANSWER_READ = 65_536


@dataclass(frozen=True, slots=True)
class Wish:
    """What to listen for, and where to send it. `after` is a number or id of an event; None: from now on."""

    base_url: str
    api_key: str
    forward: str
    secret: str
    events: tuple[str, ...] = ()
    inbox_ids: tuple[str, ...] = ()
    pod_ids: tuple[str, ...] = ()
    after: str | None = None


def listen(wish: Wish, say: Callable[[str], None], sleep: Callable[[float], None] = time.sleep) -> None:
    """Send events on, one after the other, until interrupted. Raises NotDone for what no patience mends."""
    after, failures = wish.after, 0
    while True:
        try:
            for place, event in _events(wish, after):
                if event is None:
                    say(f"Listening from {place} on" if failures == 0 else f"Connected again, from {place} on")
                    failures = 1  # said once; from now on it is again
                else:
                    say(_sent_on(wish, event))
                after = place
        except (OSError, ConnectionClosed, InvalidHandshake) as error:
            if reason := _hopeless(error):
                raise NotDone(reason) from None
            pause = _PAUSES[min(failures, len(_PAUSES) - 1)]
            if failures < 2:
                say(f"No connection to {wish.base_url}; trying again until there is one")
            failures += 1
            sleep(pause)


def _events(wish: Wish, after: str | None) -> Iterator[tuple[str, str | None]]:
    """Yield the place in the sequence and the JSON of each event; None once, when the stream begins."""
    headers = {"Authorization": f"Bearer {wish.api_key}"}
    url = wish.base_url.replace("http", "ws", 1).rstrip("/") + "/v1/stream"
    with connect(url, additional_headers=headers, max_size=None, proxy=None, open_timeout=10) as socket:
        asked = {"events": wish.events, "inbox_ids": wish.inbox_ids, "pod_ids": wish.pod_ids, "after": after}
        socket.send(json.dumps({"action": "subscribe"} | {name: value for name, value in asked.items() if value}))
        for text in socket:
            assert isinstance(text, str)
            said = json.loads(text)
            match said["type"]:
                case "subscribed":
                    yield str(said["sequence"]), None
                case "event":
                    yield str(said["sequence"]), _body(text)
                case "error":
                    raise NotDone(said["message"])


def _body(text: str) -> str:
    """Return the event as webhooks have it: the same text, without the stream's own word before it."""
    if not text.startswith(_ENVELOPE):
        raise NotDone("the server speaks another version of the stream; upgrade this command")
    return "{" + text.removeprefix(_ENVELOPE)


def _hopeless(error: Exception) -> str | None:
    """Return why there is no use in trying again, None if there is."""
    if isinstance(error, InvalidStatus) and 400 <= error.response.status_code < 500:
        try:
            return str(json.loads(error.response.body or b"")["message"])
        except (ValueError, KeyError, TypeError):
            return f"the server answered {error.response.status_code}"
    if isinstance(error, ConnectionClosed) and error.rcvd and error.rcvd.code == _POLICY_VIOLATION:
        return error.rcvd.reason or "the key is not good any more"
    return None


def _sent_on(wish: Wish, text: str) -> str:
    """Send an event on, and return the line that tells of it."""
    event, body, at = json.loads(text), text.encode(), datetime.now(UTC)
    headers = signing.headers(
        event_id=event["event_id"],
        event=event["event"],
        sequence=event["sequence"],
        at=at,
        body=body,
        secrets=[wish.secret],
    )
    begun = time.perf_counter()
    try:
        came = str(_post(wish.forward, body, headers))
    except (OSError, http.client.HTTPException) as error:
        came = f"failed: {str(error) or type(error).__name__}"
    took = round((time.perf_counter() - begun) * 1000)
    return f"{at:%H:%M:%S} {event['event']} {event['sequence']} {event['event_id']} -> {came} ({took} ms)"


def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """Send a POST and return the answer's status. No redirect is followed, and no proxy used."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=FORWARD_SECONDS)
    try:
        connection.request("POST", (parts.path or "/") + (f"?{parts.query}" if parts.query else ""), body, headers)
        answer = connection.getresponse()
        answer.read(_ANSWER_READ)
        return answer.status
    finally:
        connection.close()
