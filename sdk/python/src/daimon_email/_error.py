"""The root of everything that the client raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Detail:
    """One field of a request that is wrong, and how."""

    field: str
    message: str


class DaimonError(Exception):
    """The call did not succeed.

    `code` is the answer's `error`, such as `INBOX_LIMIT_REACHED`, and `reason` its finer `code`, if it has one.
    `next_steps` says what helps; `upgrade_context` is what to tell the person who pays, on errors that money prevents.
    """

    _status: ClassVar[int | None] = None
    _code: ClassVar[str | None] = None
    _reason: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        reason: str | None = None,
        next_steps: Sequence[str] = (),
        details: Sequence[Detail] = (),
        retry_after: float | None = None,
        current_usage: Mapping[str, Any] | None = None,
        upgrade_context: Mapping[str, str] | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code or self._code or ""
        self.reason = reason
        self.next_steps = list(next_steps)
        self.details = list(details)
        self.retry_after = retry_after
        self.current_usage = current_usage
        self.upgrade_context = upgrade_context
        self.request_id = request_id

    def __str__(self) -> str:
        parts = [part for part in (self.code, self.reason) if part]
        head = f"{'/'.join(parts)}: {self.message}" if parts else self.message
        return f"{head} ({self.request_id})" if self.request_id else head
