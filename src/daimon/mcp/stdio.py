"""`daimon mcp`: the server on standard input and output, over the API at a URL, with a key of the environment."""

import asyncio

import httpx2
from mcp.server.stdio import stdio_server

from daimon.mcp import operations, server
from daimon.mcp.calling import Context
from daimon.mcp.operations import Request, Response

_SECONDS = 150.0  # longer than the longest poll, which waits for 120


class CannotStart(Exception):
    """The API cannot be reached, or is none."""


async def run(base_url: str, api_key: str | None) -> None:
    """Serve until standard input ends. Without a key, the account that the first inbox opens is gone on with."""
    async with httpx2.AsyncClient(base_url=base_url, timeout=_SECONDS) as client:
        api = _Api(client, api_key)
        made = server.make(await api.operations(), api.call)
        await api.check_key()
        async with stdio_server() as (read, write):
            await made.run(read, write, made.create_initialization_options())


class _Api:
    def __init__(self, client: httpx2.AsyncClient, api_key: str | None) -> None:
        self._client = client
        self._key = api_key

    async def operations(self) -> dict[str, operations.Operation]:
        """Return what the API's OpenAPI document describes. Raises CannotStart."""
        try:
            answer = await self._client.get("/openapi.json")
            return operations.read(answer.raise_for_status().json())
        except (httpx2.HTTPError, ValueError) as error:
            raise self._no_daimon(str(error)) from error
        except (LookupError, TypeError, AttributeError) as error:
            raise self._no_daimon("/openapi.json describes another API") from error

    def _no_daimon(self, why: str) -> CannotStart:
        told = "DAIMON_BASE_URL or --base-url says where it is"
        return CannotStart(f"there is no daimon at {self._client.base_url}: {why}; {told}")

    async def check_key(self) -> None:
        """Raise CannotStart for a key that is refused: a model would see one tool, and nobody the reason."""
        answer = await self._ask(Request("GET", "/v1/whoami"))
        if self._key and answer.status == 401:
            raise CannotStart(f"DAIMON_API_KEY is refused: {answer.json['message']}")

    async def call(self, _: Context, request: Request) -> Response:
        """Call the API, and go on with the key of an account that this opens."""
        made = await self._ask(request)
        self._go_on_with(made)
        return made

    async def _ask(self, request: Request) -> Response:
        """Call the API. What cannot be reached answers as a server that is away does."""
        headers = dict(request.headers) | ({"authorization": f"Bearer {self._key}"} if self._key else {})
        try:
            answer = await self._client.request(
                request.method, request.path, params=list(request.query), content=request.body, headers=headers
            )
        except (httpx2.HTTPError, httpx2.InvalidURL):
            await asyncio.sleep(0)
            return Response(503, "text/plain", b"")
        return Response(answer.status_code, answer.headers.get("content-type", ""), answer.content)

    def _go_on_with(self, answer: Response) -> None:
        result = (answer.json or {}).get("result") if answer.status == 201 else None
        if self._key is None and isinstance(result, dict):
            self._key = result.get("account_api_key")
