"""What an account and a key can do, as agents read it."""

import msgspec

from daimon.accounts.models import Tier


class Can(msgspec.Struct, frozen=True):
    """Something that works now."""

    action: str
    description: str


class Cannot(msgspec.Struct, frozen=True):
    """Something that does not, and why; `unlock_url` is where a person pays for it, null where money does not help."""

    action: str
    reason: str
    unlock_url: str | None


class Capabilities(msgspec.Struct, frozen=True):
    """What the key that was sent can and cannot do in its account."""

    tier: Tier
    can: list[Can]
    cannot: list[Cannot]
