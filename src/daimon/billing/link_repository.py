"""Links to pay by, of one account. Only a SHA-256 is kept of what makes one work."""

from datetime import datetime

from daimon.accounts.models import Tier
from daimon.billing.models import LinkState, UpgradeLink
from daimon.db.engine import Connection, Record
from daimon.db.scope import Scope

_COLUMNS = "account_id, hash, target_tier, reason, asked, state, checkout_id, expires_at, paid_at"


class LinkRepository:
    """The links of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def add(self, link: UpgradeLink, *, now: datetime) -> None:
        """Insert a link; one that is there stays as it is."""
        await self._db.execute(
            f"insert into upgrade_links ({_COLUMNS}, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
            " on conflict (account_id, hash) do nothing",
            self._account_id, link.hash, link.target, link.reason, link.asked, link.state, link.checkout_id,
            link.expires_at, link.paid_at, now,
        )  # fmt: skip

    async def find(self, hashed: bytes) -> UpgradeLink | None:
        """Return a link, None for one that nobody asked for or followed yet."""
        row = await self._db.fetchrow(
            f"select {_COLUMNS} from upgrade_links where account_id = $1 and hash = $2", self._account_id, hashed
        )
        return None if row is None else _link_of(row)

    async def move(self, hashed: bytes, state: LinkState, checkout_id: str | None) -> None:
        """Note how far somebody got with a link; one that is paid stays so."""
        await self._db.execute(
            "update upgrade_links set state = $3, checkout_id = $4"
            " where account_id = $1 and hash = $2 and state <> 'paid'",
            self._account_id, hashed, state, checkout_id,
        )  # fmt: skip

    async def pay(self, checkout_id: str, *, now: datetime) -> None:
        """Use up the link that led to a checkout that was paid."""
        await self._db.execute(
            "update upgrade_links set state = 'paid', paid_at = $3"
            " where account_id = $1 and checkout_id = $2 and state <> 'paid'",
            self._account_id, checkout_id, now,
        )  # fmt: skip

    async def renew_refusals(self) -> None:
        """Let the links in answers to refused requests work again: what was paid by them has ended."""
        await self._db.execute(
            "delete from upgrade_links where account_id = $1 and not asked and state = 'paid'", self._account_id
        )


def _link_of(row: Record) -> UpgradeLink:
    return UpgradeLink(
        account_id=row["account_id"],
        hash=row["hash"],
        target=Tier(row["target_tier"]),
        expires_at=row["expires_at"],
        asked=row["asked"],
        state=LinkState(row["state"]),
        reason=row["reason"],
        checkout_id=row["checkout_id"],
        paid_at=row["paid_at"],
    )
