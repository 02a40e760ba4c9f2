"""One request to the API, over the standard library: it starts in a tenth of the time of a real HTTP client."""

import http.client
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import urlencode, urlsplit

import daimon
from daimon.cli import failures
from daimon.cli.api.profiles import Connection

_CONNECT_SECONDS = 10.0
SECONDS = 90.0  # without an octet, until a server counts as lost; longer than any long poll that is asked for
_CHUNK = 1 << 16

Json = dict[str, Any]
Moved = Callable[[int, int | None], None]


class Unreachable(Exception):
    """The server could not be reached, or broke off."""


class _NotWritten(Exception):
    """What came could not be written away: no fault of the server's."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.error = error


class Answer(NamedTuple):
    """What the API answered. `content` is None where octets were written away."""

    status: int
    content: Any
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether it did what was asked for."""
        return self.status < 400


class Call(NamedTuple):
    """A request. The `key` of a POST makes it safe to be sent again."""

    method: str
    path: str
    query: list[tuple[str, str]]
    body: Json | None = None
    key: str = ""


def request(method: str, path: str, query: Mapping[str, object] | None = None, body: Json | None = None) -> Call:
    """Return a request as it is sent."""
    return Call(method, path, _written(query or {}), body, secrets.token_urlsafe(18) if method == "POST" else "")


def _written(query: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return query parameters as they are written; a list is a parameter for each of its values."""
    return [
        (name, str(each).lower() if isinstance(each, bool) else str(each))
        for name, value in query.items()
        for each in (value if isinstance(value, list) else [value])
    ]


def call(
    connection: Connection,
    asked: Call,
    *,
    into: Callable[[str], BinaryIO] | None = None,
    as_it_is: bool = False,
    progress: Moved = lambda _, __: None,
) -> Answer:
    """Call the API.

    What is no JSON is written to what `into` returns for its type, if that is given; `as_it_is`: JSON too.
    Raises Unreachable, Failure for what is no API of ours, and OSError for what cannot be written away.
    """
    url = urlsplit(connection.base_url)
    headers = {"User-Agent": f"daimon-cli/{daimon.__version__}", "Accept": "*/*"}
    if connection.api_key:
        headers["Authorization"] = f"Bearer {connection.api_key}"
    if asked.body is not None:
        headers["Content-Type"] = "application/json"
    if asked.key:
        headers["Idempotency-Key"] = asked.key
    target = url.path.rstrip("/") + asked.path + (f"?{urlencode(asked.query)}" if asked.query else "")
    octets = None if asked.body is None else json.dumps(asked.body).encode()
    opened = _open(url.scheme, url.netloc)
    try:
        _connect(opened)
        opened.request(asked.method, target, octets, headers)
        response = opened.getresponse()
        return _read(response, connection.base_url, into, as_it_is, progress)
    except _NotWritten as failed:
        raise failed.error from None
    except (TimeoutError, http.client.HTTPException, OSError) as error:
        raise Unreachable(f"{connection.base_url} cannot be reached: {_why(error)}") from error
    finally:
        opened.close()


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {SECONDS:.0f} s"
    if isinstance(error, http.client.IncompleteRead):
        return "it broke off in the middle of its answer"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:200] or type(error).__name__


def _open(scheme: str, netloc: str) -> http.client.HTTPConnection:
    if scheme == "https":
        return http.client.HTTPSConnection(netloc, timeout=_CONNECT_SECONDS, context=ssl.create_default_context())
    return http.client.HTTPConnection(netloc, timeout=_CONNECT_SECONDS)


def _connect(opened: http.client.HTTPConnection) -> None:
    try:
        opened.connect()
    except TimeoutError:
        raise OSError(None, f"no connection within {_CONNECT_SECONDS:.0f} s") from None
    opened.sock.settimeout(SECONDS)


def _read(
    response: http.client.HTTPResponse,
    base_url: str,
    into: Callable[[str], BinaryIO] | None,
    as_it_is: bool,
    progress: Moved,
) -> Answer:
    if 300 <= response.status < 400:
        to = response.headers.get("Location", "elsewhere")
        message = f"{base_url} sends on to {to}: give the address of the API itself by --base-url"
        raise failures.server_failed("UNEXPECTED_ANSWER", message)
    kind = response.headers.get_content_type()
    is_json = kind == "application/json"
    if into is None or response.status >= 400 or (is_json and not as_it_is):
        return Answer(response.status, _content(response, base_url, is_json), _seconds(response))
    done, whole = 0, response.length
    output = into(kind)
    while chunk := response.read1(_CHUNK):
        _write(output, chunk)
        done += len(chunk)
        progress(done, whole)
    if whole is not None and done < whole:
        raise http.client.IncompleteRead(b"", whole - done)
    return Answer(response.status, None)


def _write(output: BinaryIO, octets: bytes) -> None:
    try:
        output.write(octets)
    except OSError as error:
        raise _NotWritten(error) from error


def _content(response: http.client.HTTPResponse, base_url: str, is_json: bool) -> Any:
    octets = response.read()
    try:
        content = json.loads(octets) if is_json else None
    except (ValueError, RecursionError):
        content = None
    if response.status < 400 and not (isinstance(content, dict) and "result" in content):
        message = f"what answers at {base_url} is no API of daimon: check --base-url, DAIMON_BASE_URL or the profile"
        raise failures.server_failed("UNEXPECTED_ANSWER", message)
    return content


def _seconds(response: http.client.HTTPResponse) -> float | None:
    given = response.headers.get("Retry-After", "")
    return float(given) if given.isascii() and given.isdigit() else None
