"""The root of every error that a client may be told of. Anything else that is raised is a bug.

    DaimonError
    ├── BadRequest 400 ├── Unauthenticated 401 ├── PaymentRequired 402 ├── Forbidden 403 ├── NotFound 404
    ├── Conflict 409 ├── Gone 410 ├── PayloadTooLarge 413 ├── UnsupportedMediaType 415 ├── Invalid 422
    ├── TooManyRequests 429 └── Unavailable 503

An error is a named fact; its docstring is its message. HTTP renders it in `api.render`, SMTP in `smtpd.replies`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from daimon.kit.rate_limit import RateLimit


@dataclass(frozen=True, slots=True)
class Detail:
    """One field that is wrong, and how."""

    field: str
    message: str


class DaimonError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    error: ClassVar[str] = "INTERNAL"
    code: ClassVar[str | None] = None
    next_steps: ClassVar[tuple[str, ...]] = ()
    # Whether each message of this very class is made of the server's own words alone, so that nothing a stranger or a
    # caller wrote can stand in it. One that is the docstring is so anyway.
    own_words: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        next_steps: Sequence[str] | None = None,
        details: Sequence[Detail] = (),
        retry_after: int | None = None,
        rate_limit: RateLimit | None = None,
        current_usage: Mapping[str, int | None] | None = None,
        upgrade_context: Mapping[str, str] | None = None,
    ) -> None:
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.steps = tuple(self.next_steps if next_steps is None else next_steps)
        self.details = tuple(details)
        self.retry_after = retry_after
        self.rate_limit = rate_limit
        self.current_usage = current_usage
        self.upgrade_context = upgrade_context
        super().__init__(self.message)

    def about(self, **ids: str) -> Self:
        """Put ids into the places that the next steps have for them, as `{inbox_id}`, and return the error."""
        for name, value in ids.items():
            self.steps = tuple(step.replace(f"{{{name}}}", value) for step in self.steps)
        return self


class BadRequest(DaimonError):
    """The request could not be read."""

    status = 400


class InvalidCursor(BadRequest):
    """The cursor was not issued by this list."""

    error = "INVALID_CURSOR"
    next_steps: ClassVar[tuple[str, ...]] = ("Start again without `cursor`, then pass on `next_cursor` unchanged.",)


class Unauthenticated(DaimonError):
    """The request carries no usable key."""

    status = 401


class PaymentRequired(DaimonError):
    """The account's tier does not include this."""

    status = 402


class Forbidden(DaimonError):
    """The key may not do this."""

    status = 403
    error = "FORBIDDEN"
    own_words = True
    next_steps: ClassVar[tuple[str, ...]] = ("GET /v1/whoami says what a key reaches and may do.",)


class NotFound(DaimonError):
    """There is no such object within the reach of this key."""

    status = 404
    error = "NOT_FOUND"


class Gone(DaimonError):
    """What was asked for is not kept any more."""

    status = 410


class Conflict(DaimonError):
    """The request contradicts what is there."""

    status = 409


class StateConflict(Conflict):
    """The object is in a state in which this cannot be done."""

    error = "STATE_CONFLICT"
    next_steps: ClassVar[tuple[str, ...]] = ("GET the object: its state says what can be done with it.",)


class PayloadTooLarge(DaimonError):
    """The body is larger than this endpoint takes."""

    status = 413
    error = "PAYLOAD_TOO_LARGE"
    next_steps: ClassVar[tuple[str, ...]] = (
        "Send a smaller body: 1 MiB at most, 36 MiB where a mail or a draft is written.",
    )


class UnsupportedMediaType(DaimonError):
    """The body must be JSON, with `Content-Type: application/json`."""

    status = 415
    error = "UNSUPPORTED_MEDIA_TYPE"
    next_steps: ClassVar[tuple[str, ...]] = ("Send the same request with the header `Content-Type: application/json`.",)


class Invalid(DaimonError):
    """The request has fields that are wrong; `details` names each."""

    status = 422
    error = "VALIDATION_FAILED"
    next_steps: ClassVar[tuple[str, ...]] = (
        "Mend the fields that `details` names, then send the request again.",
        "What each request takes: GET /llms-full.txt.",
    )

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """Return the error for one wrong field."""
        return cls(f"{field}: {message}", details=[Detail(field, message)])


class TooManyRequests(DaimonError):
    """Too many requests; wait and try again."""

    status = 429
    error = "RATE_LIMIT_EXCEEDED"
    next_steps: ClassVar[tuple[str, ...]] = ("Wait `retry_after` seconds, then send the same request again.",)


class Unavailable(DaimonError):
    """The server cannot do this right now. Nothing was done; it is safe to retry."""

    status = 503
    error = "UNAVAILABLE"
    next_steps: ClassVar[tuple[str, ...]] = ("Retry the same request after `retry_after` seconds.",)
