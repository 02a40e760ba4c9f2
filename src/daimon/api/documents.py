"""The API's description of itself: `/openapi.json` for machines, `/docs` for people, three texts for models."""

from asyncio import to_thread  # made once in a process, which would hold up every other request
from functools import cache

from daimon.api import for_agents, openapi, reference_page
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


@operation("GET", "/llms.txt", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/plain")
async def get_llms(request: Request) -> Octets:
    """Read where a model begins with this API."""
    return _text(_llms(request.services.public_url))


@operation("GET", "/llms-full.txt", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/plain")
async def get_llms_full(request: Request) -> Octets:
    """Read of every operation in one text, for a model."""
    return _text(_llms_full(request.services.public_url))


@operation("GET", "/skill.md", tag=_TAG, reach=None, lend=Lend.NOTHING, content_type="text/markdown")
async def get_skill(request: Request) -> Octets:
    """Read a skill for agents that load skills."""
    return _text(_skill(request.services.public_url), "text/markdown; charset=utf-8")


def _text(content: bytes, content_type: str = "text/plain; charset=utf-8") -> Octets:
    return Octets(content, content_type, headers=_HEADERS)


@cache
def _llms(public_url: str) -> bytes:
    return for_agents.llms(OPERATIONS, public_url).encode()


@cache
def _llms_full(public_url: str) -> bytes:
    return for_agents.llms_full(OPERATIONS, public_url).encode()


@cache
def _skill(public_url: str) -> bytes:
    return for_agents.skill(OPERATIONS, public_url).encode()


@cache
def _openapi(public_url: str) -> bytes:
    return openapi.encode(openapi.document(OPERATIONS, server_url=public_url))


@cache
def _docs(public_url: str) -> bytes:
    return reference_page.render(OPERATIONS, public_url).encode()
