"""The one place that turns answers and errors into bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from daimon.api.answer import Answer, Octets, Response, Streamed
from daimon.api.errors import Internal
from daimon.kit.errors import DaimonError, Detail
from daimon.kit.rate_limit import RateLimit
from daimon.kit.written import OurNumber, Ours

JSON = b"application/json"
_encode = msgspec.json.Encoder().encode


class Success(msgspec.Struct):
    """The envelope of every JSON answer (contract §1)."""

    result: Any
    next_steps: Sequence[str]


class Failure(msgspec.Struct, omit_defaults=True):
    """The body of every error (contract §1)."""

    error: Ours
    message: str
    next_steps: Sequence[Ours]
    request_id: Ours
    details: Sequence[Detail] = ()
    code: Ours | None = None
    retry_after: int | None = None
    current_usage: Mapping[str, OurNumber] | None = None
    upgrade_context: Mapping[str, Ours] | None = None


def answer(given: Answer[Any] | Octets | Streamed, status: int) -> Response:
    """Return the response to a request that succeeded; `status` holds where the answer names none."""
    if type(given) is Streamed:
        return Response(status, [(b"content-type", given.content_type.encode()), *given.headers], b"", given.chunks)
    if type(given) is Answer:
        body, content_type = _encode(Success(given.result, given.next_steps)), JSON
    else:
        assert type(given) is Octets
        body, content_type = given.content, given.content_type.encode()
    headers = [(b"content-type", content_type), *given.headers]
    return Response(given.status or status, headers, body)


def error(wrong: DaimonError, request_id: str) -> Response:
    """Return the response that tells of an error."""
    failure = Failure(
        wrong.error,
        wrong.message,
        wrong.steps,
        request_id,
        wrong.details,
        wrong.code,
        wrong.retry_after,
        wrong.current_usage,
        wrong.upgrade_context,
    )
    return Response(wrong.status, [(b"content-type", JSON), *_headers_of(wrong)], _encode(failure))


def bug(request_id: str) -> Response:
    """Return the response to a request that met a bug of ours; it tells nothing but where to find the log line."""
    return error(Internal(), request_id)


def _headers_of(wrong: DaimonError) -> list[tuple[bytes, bytes]]:
    headers = []
    if wrong.retry_after is not None and wrong.status in (429, 503):
        headers.append((b"retry-after", b"%d" % wrong.retry_after))
    if wrong.rate_limit:
        headers += rate_headers(wrong.rate_limit)
    if wrong.status == 401:
        headers.append((b"www-authenticate", b'Bearer realm="daimon"'))  # RFC 9110 §11.6.1
    return headers


def rate_headers(rate: RateLimit | None) -> list[tuple[bytes, bytes]]:
    """Return the fields that tell a client how much of a limit is left; none for a route that is not limited."""
    if rate is None:
        return []
    of = 'qu="concurrent-requests"' if rate.window is None else f"w={rate.window}"
    policy = f'"{rate.policy}";q={rate.quota};{of}'
    left = f'"{rate.policy}";r={rate.remaining};t={rate.reset}'
    return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]
