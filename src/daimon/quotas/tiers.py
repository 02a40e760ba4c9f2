"""The one table of tier figures (contract §2). An operator may change every figure of it by `DAIMON_TIERS`."""

from collections.abc import Mapping

import msgspec

from daimon.accounts.models import Tier

UNLIMITED = None


class TierLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tier gives; None is unlimited. Prices are in US cents a month, None is negotiated."""

    price_cents: int | None
    max_inboxes: int | None
    max_sends_per_day: int | None
    burst_per_minute: int
    concurrent_sends: int
    webhooks_enabled: bool
    max_custom_domains: int | None

    @property
    def custom_domains_enabled(self) -> bool:
        """Tell whether this tier may have a domain of its own at all."""
        return self.max_custom_domains != 0


Tiers = Mapping[Tier, TierLimits]

# fmt: off
TIERS: Tiers = {
    #                            price    inboxes    sends/day   burst  concurrent webhooks domains
    Tier.FREE:       TierLimits(0,       10,        0,          10,    0,         True,    0),
    Tier.DEVELOPER:  TierLimits(900,     UNLIMITED, 1_000,      10,    5,         True,    5),
    Tier.GROWTH:     TierLimits(4_900,   UNLIMITED, 10_000,     100,   20,        True,    UNLIMITED),
    Tier.ENTERPRISE: TierLimits(None,    UNLIMITED, UNLIMITED,  1_000, 100,       True,    UNLIMITED),
}
# fmt: on


def read_tiers(overrides: str | None) -> Tiers:
    """Return the table with an operator's changes: JSON such as `{"free": {"max_inboxes": 100}}`.

    Raises ValueError naming the tier or figure that is not known.
    """
    if not overrides:
        return TIERS
    changes = msgspec.json.decode(overrides, type=dict[Tier, dict[str, int | bool | None]])
    return {tier: _changed(limits, changes.get(tier, {})) for tier, limits in TIERS.items()}


def _changed(limits: TierLimits, changes: dict[str, int | bool | None]) -> TierLimits:
    return msgspec.convert(msgspec.to_builtins(limits) | changes, TierLimits)
