"""The road that sent mail takes, as the settings have it."""

from daimon.config import Settings
from daimon.db.engine import Database
from daimon.domains.dkim import KeyVault
from daimon.domains.signing import SigningKeys
from daimon.kit.clock import utc_now
from daimon.outbound.return_path import ReturnPaths
from daimon.outbound.road import Road
from daimon.quotas.tiers import read_tiers


def road(settings: Settings, jobs: Database) -> Road:
    """Return what sending works with; `jobs` sees all accounts."""
    return Road(
        SigningKeys(KeyVault(settings.secret), service_domain=settings.service_domain, clock=utc_now),
        jobs,
        ReturnPaths(settings.secret),
        read_tiers(settings.tiers),
        settings.abuse_guard,
    )
