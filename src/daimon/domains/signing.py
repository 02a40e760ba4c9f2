"""Which keys sign a mail: those of its From domain if that is a verified one, else the service domain's."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from daimon.db.engine import Connection
from daimon.db.walls import NOBODY
from daimon.domains import service_keys
from daimon.domains.dkim import KeyVault
from daimon.kit.clock import Clock
from daimon.mail import dkim_signing
from daimon.mail.dkim_signing import SigningKey

K = TypeVar("K")
V = TypeVar("V")

MAX_AGE_SECONDS = 0.9  # a key that is new or retired is seen within a second
MAX_ENTRIES = 5_000

# Both in one question; where the domain's own are found, the service's are not used.
_FIND = """
    select k.domain, k.selector, k.box from verified_domains d
    join dkim_keys k on k.account_id = d.account_id and k.domain_id = d.domain_id and k.stage = 'current'
    where d.domain = $1
    union all
    select domain, selector, box from dkim_keys
    where account_id = $2 and domain_id = $2 and domain = $3 and stage = 'current'
"""


class SigningKeys:
    """Lends the keys that sign for a domain, opened; a domain's are looked up once in MAX_AGE_SECONDS."""

    def __init__(
        self, vault: KeyVault, *, service_domain: str, clock: Clock, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._vault = vault
        self._service = service_domain
        self._clock = clock
        self._elapsed = elapsed
        self._known: OrderedDict[str, tuple[float, list[SigningKey]]] = OrderedDict()
        self._opened: OrderedDict[bytes, SigningKey] = OrderedDict()  # by box: to open a key takes longer than to sign

    async def for_domain(self, db: Connection, domain: str) -> list[SigningKey]:
        """Return the keys that sign mail from a domain: one of each algorithm, never none.

        `db` sees all accounts; the service domain's first keys are made on it if there are none.
        """
        domain = domain.lower()
        if (known := self._known.get(domain)) and self._elapsed() < known[0]:
            return known[1]
        good_until = self._elapsed() + MAX_AGE_SECONDS
        keys = await self._look_up(db, domain)
        if not keys:
            async with db.transaction():
                await service_keys.ensure(db, self._service, self._vault, self._clock())
            keys = await self._look_up(db, domain)
        _remember(self._known, domain, (good_until, keys))
        return keys

    async def _look_up(self, db: Connection, domain: str) -> list[SigningKey]:
        rows = await db.fetch(_FIND, domain, NOBODY, self._service)
        own = [row for row in rows if row["domain"] == domain]
        return [self._open(row["domain"], row["selector"], row["box"]) for row in own or rows]

    def _open(self, domain: str, selector: str, box: bytes) -> SigningKey:
        key = self._opened.get(box) or dkim_signing.load(domain, selector, self._vault.open(box))
        _remember(self._opened, box, key)
        return key


def _remember(known: "OrderedDict[K, V]", key: "K", value: "V") -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MAX_ENTRIES:
        known.popitem(last=False)
