"""The blocking client."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from daimon_email._config import DEFAULT_MAX_RETRIES, DEFAULT_TIMEOUT, configure
from daimon_email._sync import Transport
from daimon_email.resources import Api

if TYPE_CHECKING:
    from typing_extensions import Self


class DaimonClient(Api):
    """A client of daimon that blocks until an answer is there. One may serve many threads.

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
        super().__init__(Transport(configure(api_key, base_url, timeout, max_retries)))

    def close(self) -> None:
        """Close the connections; a closed client cannot be used again."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"DaimonClient(base_url={self._config.base_url!r})"
