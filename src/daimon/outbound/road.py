"""What sending works with beside the caller's transaction."""

from dataclasses import dataclass

from daimon.db.engine import Database
from daimon.domains.signing import SigningKeys
from daimon.outbound.return_path import ReturnPaths
from daimon.quotas.tiers import Tiers


@dataclass(frozen=True, slots=True)
class Road:
    """The keys, secrets and limits of sends. `jobs` sees all accounts, as it must for a domain's keys."""

    signing: SigningKeys
    jobs: Database
    return_paths: ReturnPaths
    tiers: Tiers
    guards: bool = True  # whether texts to many are looked at
