"""What a route is: the hosts to try in turn, or why there are none."""

from dataclasses import dataclass
from typing import TypeAlias

from daimon.mail.dane import Tlsa
from daimon.mail.mta_sts import MtaSts


@dataclass(frozen=True, slots=True)
class Host:
    """A host that takes mail for a domain.

    `addresses` are to be tried in their order. `tlsa` is there if DNSSEC vouches for it, found under `tlsa_base`.
    """

    name: str
    preference: int
    addresses: tuple[str, ...]
    tlsa: tuple[Tlsa, ...] | None = None
    tlsa_base: str | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """The hosts to try, the best first."""

    hosts: tuple[Host, ...]
    policy: MtaSts | None


@dataclass(frozen=True, slots=True)
class NoMail:
    """The domain says that it takes no mail (RFC 7505). Permanent, the recipient's."""

    reason: str
    enhanced_status: str = "5.1.10"


@dataclass(frozen=True, slots=True)
class NoSuchDomain:
    """The domain does not exist, or has nothing that mail could go to. Permanent, the recipient's."""

    reason: str
    enhanced_status: str = "5.1.2"


@dataclass(frozen=True, slots=True)
class Forbidden:
    """We do not go there: private addresses, or a way that leads back to us. Permanent, and no recipient's fault."""

    reason: str
    enhanced_status: str = "5.4.4"


@dataclass(frozen=True, slots=True)
class Unreachable:
    """DNS does not say at present. Temporary, and no recipient's fault."""

    reason: str
    enhanced_status: str = "4.4.3"


Routing: TypeAlias = Route | NoMail | NoSuchDomain | Forbidden | Unreachable
