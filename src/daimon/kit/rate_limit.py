"""How a limited route stands, as `RateLimit` and `RateLimit-Policy` tell (draft-ietf-httpapi-ratelimit-headers)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`quota` uses in `window` seconds; `remaining` of them are left, and more come in `reset` seconds.

    Without a window it is a number of uses that may run at one time.
    """

    policy: str
    quota: int
    window: int | None
    remaining: int
    reset: int
