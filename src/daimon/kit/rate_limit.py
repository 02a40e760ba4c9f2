"""How a limited route stands, as `RateLimit` and `RateLimit-Policy` tell (draft-ietf-httpapi-ratelimit-headers)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`quota` uses in `window` seconds; `remaining` of them are left, and more come in `reset` seconds."""

    policy: str
    quota: int
    window: int
    remaining: int
    reset: int
