"""The API's description of itself: `/openapi.json` for machines, `/docs` for people."""

from asyncio import to_thread  # made once in a process, which would hold up every other request
from functools import cache

from daimon.api import openapi, reference_page
from daimon.api.answer import Octets
from daimon.api.operation import OPERATIONS, Lend, operation
from daimon.api.request import Request

_TAG = "server"
_HEADERS = [(b"cache-control", b"no-cache"), (b"x-content-type-options", b"nosniff")]


@operation("GET", "/openapi.json", tag=_TAG, reach=None, lend=Lend.NOTHING)
async def get_openapi(request: Request) -> Octets:
    """Fetch this API's OpenAPI 3.1 document."""
    return Octets(await to_thread(_openapi, request.services.public_url), "application/json", headers=_HEADERS)


@operation("GET", "/docs", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/html")
async def get_docs(request: Request) -> Octets:
    """Read this API's reference."""
    policy = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")
    return Octets(
        await to_thread(_docs, request.services.public_url), "text/html; charset=utf-8", headers=[*_HEADERS, policy]
    )


@cache
def _openapi(public_url: str) -> bytes:
    return openapi.encode(openapi.document(OPERATIONS, server_url=public_url))


@cache
def _docs(public_url: str) -> bytes:
    return reference_page.render(OPERATIONS, public_url).encode()
