"""The root of everything that the client raises, and its branches by status; `errors` has a class for each code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple


class Detail(NamedTuple):
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


class NoAnswer(DaimonError):
    """No answer came: the server was not reached, or did not answer in time.

    `maybe_done` says whether it may have seen the request all the same.
    """

    _code = "NO_ANSWER"

    def __init__(self, message: str, *, maybe_done: bool = True, **told: Any) -> None:
        super().__init__(message, **told)
        self.maybe_done = maybe_done


class UnexpectedAnswer(DaimonError):
    """What came is not an answer of this API: see that the base URL is right."""

    _code = "UNEXPECTED_ANSWER"


class InvalidSignature(DaimonError):
    """A request to a webhook was not signed with its secret, or too long ago."""

    _code = "INVALID_SIGNATURE"


class BadRequest(DaimonError):
    """The request could not be read."""

    _status = 400


class Unauthenticated(DaimonError):
    """The request carries no usable key."""

    _status = 401


class PaymentRequired(DaimonError):
    """The account's tier does not include this; `upgrade_context` says what to tell whom."""

    _status = 402


class Forbidden(DaimonError):
    """The key may not do this."""

    _status = 403
    _code = "FORBIDDEN"


class NotFound(DaimonError):
    """There is no such object within the reach of the key."""

    _status = 404
    _code = "NOT_FOUND"


class RequestTimeout(DaimonError):
    """The rest of the body did not arrive in time; nothing was done."""

    _status = 408
    _code = "REQUEST_TIMEOUT"


class Conflict(DaimonError):
    """The request contradicts what is there."""

    _status = 409


class UsernameTaken(Conflict):
    """An inbox with this address exists already; `suggestions` are free."""

    _code = "USERNAME_TAKEN"

    @property
    def suggestions(self) -> list[str]:
        """Usernames that were free when the answer was made."""
        return [detail.message for detail in self.details if detail.field == "username"]


class Gone(DaimonError):
    """What was asked for is not kept any more."""

    _status = 410


class PayloadTooLarge(DaimonError):
    """The body is larger than the endpoint takes."""

    _status = 413
    _code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaType(DaimonError):
    """The body is not JSON."""

    _status = 415
    _code = "UNSUPPORTED_MEDIA_TYPE"


class ValidationFailed(DaimonError):
    """Fields of the request are wrong; `details` names each."""

    _status = 422
    _code = "VALIDATION_FAILED"


class UpgradeRequired(DaimonError):
    """The path speaks the WebSocket protocol alone."""

    _status = 426
    _code = "UPGRADE_REQUIRED"


class RateLimited(DaimonError):
    """Too many requests; `retry_after` says how many seconds to wait."""

    _status = 429
    _code = "RATE_LIMIT_EXCEEDED"


class InboxCreateRateLimited(RateLimited):
    """Too many inboxes were created without a key from this address in the last hour."""

    _reason = "INBOX_CREATE_RATE_LIMIT"


class ServerError(DaimonError):
    """Something went wrong at the server."""

    _status = 500
    _code = "INTERNAL"


for _each in tuple(vars().values()):
    if isinstance(_each, type) and _each.__module__ == __name__:
        _each.__module__ = "daimon_email.errors"  # where everybody finds them: tracebacks and pickles name it
