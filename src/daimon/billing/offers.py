"""Links to pay by as agents ask for them and as people follow them, whether this server has billing or not."""

from dataclasses import dataclass, replace
from datetime import datetime

from daimon.accounts.errors import AccountNotFound, LinkInvalid
from daimon.accounts.models import Account, Tier
from daimon.accounts.repository import AccountRepository
from daimon.billing.errors import LinkExpired, NoUpgrade, TooManyLinks
from daimon.billing.link_repository import LinkRepository
from daimon.billing.links import Links, is_higher
from daimon.billing.models import LinkState, Price, UpgradeLink
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.ids import Kind, show
from daimon.notices import rates
from daimon.notices.rates import Counted

LINKS_PER_HOUR = 100  # that agents of one account may ask for


@dataclass(frozen=True, slots=True)
class Offer:
    """A link that was followed: the account as it is, and what the tier costs (None: it is not sold here)."""

    token: str
    link: UpgradeLink
    account: Account
    price: Price | None = None

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to pay any more: the link is used up, or the account has the tier."""
        return self.link.state is LinkState.PAID or not is_higher(self.link.target, self.account.tier)


async def ask(
    db: Connection, links: Links, account: Account, target: Tier, *, reason: str | None, now: datetime
) -> tuple[str, UpgradeLink]:
    """Make a link that an agent asks for, and return its secret part. Raises NoUpgrade, TooManyLinks."""
    if not is_higher(target, account.tier):
        raise NoUpgrade(f"The account is on the {account.tier} tier already; a link goes only to a higher one.")
    counted = Counted("upgrade_links", show(Kind.ACCOUNT, account.account_id), LINKS_PER_HOUR)
    if not await rates.spend(db, counted, now=now):
        raise TooManyLinks(retry_after=rates.retry_after(counted), rate_limit=rates.exceeded(counted))
    token = links.for_agent(account.account_id, target, now=now)
    link = replace(links.read(token), reason=reason)
    await LinkRepository(db, Scope(account.account_id)).add(link, now=now)
    return token, link


async def look(db: Connection, links: Links, token: str, *, now: datetime) -> Offer:
    """Return what a link is for, in a transaction within its account. Raises LinkInvalid, LinkExpired.

    A link that is paid is shown as paid for as long as its row is kept, and not as expired.
    """
    said = links.read(token)
    try:
        account = await AccountRepository(db, Scope(said.account_id)).get()
    except AccountNotFound:
        raise LinkInvalid from None
    link = await LinkRepository(db, Scope(said.account_id)).find(said.hash)
    if link is None and said.asked:  # it was forgotten, or its making was undone
        if said.expires_at > now:
            raise LinkInvalid
        raise LinkExpired
    link = link or said
    if link.expires_at <= now and link.state is not LinkState.PAID:
        raise LinkExpired
    return Offer(token, link, account)
