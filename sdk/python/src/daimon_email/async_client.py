"""The asynchronous client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from daimon_email._async import AsyncTransport
from daimon_email._config import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, configure
from daimon_email.async_resources import AsyncApi

if TYPE_CHECKING:
    from typing_extensions import Self


class AsyncDaimonClient(AsyncApi):
    """A client of daimon whose calls are awaited; the first page of a list, too, or all of it is read by `async for`.

    `api_key` and `base_url` come from DAIMON_API_KEY and DAIMON_BASE_URL where they are not given; without a key only
    `inboxes.create` works. `timeout` is in seconds, for each connection and for each wait on it. What fails without
    an answer, with 429 or with 5xx is tried again up to `max_retries` times where that is safe.
    """

    def __init__(
        self,
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        max_retries: int = DEFAULT_MAX_RETRIES,
    ) -> None:
        super().__init__(AsyncTransport(configure(api_key, base_url, timeout, max_retries)))

    async def aclose(self) -> None:
        """Close the connections; a closed client cannot be used again."""
        await self._transport.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"AsyncDaimonClient(base_url={self._config.base_url!r})"
