"""Pages of any origin may call the API and read its answers (CORS, WHATWG Fetch §3.2).

That is safe as a page has nothing but the key it sends itself: there are no cookies, and a browser is never told to
send credentials of its own. What people open themselves, such as a link to pay, and `/mcp` stay closed to other pages.
"""

from collections.abc import Mapping

from daimon.api.answer import Response

_OPEN = (b"/v1/", b"/openapi.json", b"/llms.txt", b"/llms-full.txt", b"/skill.md", b"/healthz")
_ANSWER = [
    (b"access-control-allow-origin", b"*"),
    (
        b"access-control-expose-headers",
        b"Allow, Content-Disposition, Idempotency-Replayed, RateLimit, RateLimit-Policy, Retry-After, "
        b"WWW-Authenticate, X-Daimon-Sequence, X-Request-Id",
    ),
]
_PREFLIGHT = [
    (b"access-control-allow-methods", b"DELETE, GET, HEAD, PATCH, POST, PUT"),
    # `*` does not mean Authorization; the others are for browsers that do not know it.
    (b"access-control-allow-headers", b"Authorization, Content-Type, Idempotency-Key, Last-Event-ID, *"),
    (b"access-control-max-age", b"7200"),  # seconds: the longest that Chromium keeps it
]


def preflight(method: str, raw_path: bytes, headers: Mapping[bytes, bytes]) -> Response | None:
    """Return the answer to a browser that asks whether a page may call; None if this is another request.

    A path that is not there may be called as well: the page then reads that it is not.
    """
    if method != "OPTIONS" or b"origin" not in headers or b"access-control-request-method" not in headers:
        return None
    return Response(204, [*_PREFLIGHT], b"") if raw_path.startswith(_OPEN) else None


def readable(raw_path: bytes, headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Return the fields that let a page read an answer; none if no page asked, or none may read it."""
    return _ANSWER if b"origin" in headers and raw_path.startswith(_OPEN) else []
