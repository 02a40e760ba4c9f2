"""What an account and a key can do, as agents read it."""

import msgspec

from daimon.accounts.models import Tier
from daimon.kit.written import Ours


class Can(msgspec.Struct, frozen=True):
    """Something that works now."""

    action: Ours
    description: Ours


class Cannot(msgspec.Struct, frozen=True):
    """Something that does not, and why; `unlock_url` is where a person pays for it, null where money does not help."""

    action: Ours
    reason: str
    unlock_url: Ours | None


class Capabilities(msgspec.Struct, frozen=True):
    """What the key that was sent can and cannot do in its account."""

    tier: Tier
    can: list[Can]
    cannot: list[Cannot]
