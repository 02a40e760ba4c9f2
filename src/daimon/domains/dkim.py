"""DKIM keys: made in pairs, sealed at rest, rotated one algorithm at a time."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.domains.models import Stage
from daimon.kit.crypto import derive, seal, unseal
from daimon.mail import dkim_signing
from daimon.mail.dkim_signing import Algorithm

_PURPOSE = "dkim"


class KeyVault:
    """Seals private keys and opens them again, under a key of the server's."""

    def __init__(self, server_secret: bytes) -> None:
        self._key = derive(server_secret, _PURPOSE)

    def seal(self, der: bytes) -> bytes:
        """Return a private key as it is stored."""
        return seal(self._key, der)

    def open(self, box: bytes) -> bytes:
        """Return a stored key. Raises cryptography's InvalidTag if the server's secret key is another one now."""
        return unseal(self._key, box)


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key, sealed, and the TXT record that tells of it."""

    selector: str
    algorithm: Algorithm
    box: bytes
    record: str


Pair = tuple[MadeKey, MadeKey]


def make_pair(vault: KeyVault, domain: str) -> Pair:
    """Return an RSA and an Ed25519 key under selectors that nobody has used. It takes about a tenth of a second."""
    stem = f"dm{secrets.token_hex(4)}"
    return _make(vault, domain, f"{stem}r", Algorithm.RSA), _make(vault, domain, f"{stem}e", Algorithm.ED25519)


def _make(vault: KeyVault, domain: str, selector: str, algorithm: Algorithm) -> MadeKey:
    der = dkim_signing.generate(algorithm)
    record = dkim_signing.record(dkim_signing.load(domain, selector, der))
    return MadeKey(selector, algorithm, vault.seal(der), record)


class DkimRepository:
    """The keys of one account's domains; those of the service domain are nobody's."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def add(self, domain_id: UUID, domain: str, made: Sequence[MadeKey], stage: Stage, now: datetime) -> None:
        """Insert new keys."""
        await self._db.execute(
            """
            insert into dkim_keys (account_id, domain_id, domain, selector, algorithm, stage, box, record, created_at)
            select $1, $2, $3, n.selector, n.algorithm, $4, n.box, n.record, $5
            from unnest($6::text[], $7::text[], $8::bytea[], $9::text[]) as n (selector, algorithm, box, record)
            """,
            self._account_id, domain_id, domain, stage, now,
            [key.selector for key in made], [key.algorithm for key in made],
            [key.box for key in made], [key.record for key in made],
        )  # fmt: skip

    async def promote(self, domain_id: UUID, domain: str, algorithms: Sequence[Algorithm], now: datetime) -> None:
        """Let the next keys of these algorithms sign, and the ones before them no more."""
        await self._db.execute(
            """
            update dkim_keys set
                stage = case stage when 'next' then 'current' else 'retired' end,
                retired_at = case stage when 'current' then $5::timestamptz end
            where account_id = $1 and domain_id = $2 and domain = $3 and algorithm = any($4)
              and stage in ('next', 'current')
            """,
            self._account_id, domain_id, domain, list(algorithms), now,
        )  # fmt: skip

    async def delete(self, domain_id: UUID) -> None:
        """Forget the keys of a domain."""
        await self._db.execute(
            "delete from dkim_keys where account_id = $1 and domain_id = $2", self._account_id, domain_id
        )
