"""The one table of tier figures (contract §2). An operator may change every figure of it by `DAIMON_TIERS`."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import msgspec

from daimon.accounts.models import Tier

UNLIMITED = None

MOST = 2**53 - 1  # that every JSON reader keeps exact; the counters hold more
Figure: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=MOST)]
PerMinute: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class TierLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one tier gives; None is unlimited. Prices are in US cents a month, None is negotiated."""

    price_cents: Figure | None
    max_inboxes: Figure | None
    max_sends_per_day: Figure | None
    burst_per_minute: PerMinute
    concurrent_sends: Figure
    webhooks_enabled: bool
    max_custom_domains: Figure | None

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

    Raises ValueError naming the tier or figure that is not known or does not do.
    """
    if not overrides:
        return TIERS
    changes = msgspec.json.decode(overrides, type=dict[Tier, dict[str, int | bool | None]])
    return {tier: _changed(tier, limits, changes.get(tier, {})) for tier, limits in TIERS.items()}


def _changed(tier: Tier, limits: TierLimits, changes: dict[str, int | bool | None]) -> TierLimits:
    changed = msgspec.convert(msgspec.to_builtins(limits) | changes, TierLimits)
    if changed.max_sends_per_day != 0 and changed.concurrent_sends == 0:
        raise ValueError(f"{tier}: a tier that sends needs concurrent_sends of at least 1")
    return changed
