"""The operator's address: stored at once, and worth something once whoever reads its mail has confirmed it."""

from datetime import datetime, timedelta

from daimon.accounts.errors import LinkInvalid
from daimon.accounts.models import Account
from daimon.accounts.repository import AccountRepository
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.lifecycle import links
from daimon.lifecycle.errors import TooManyMails
from daimon.lifecycle.links import Purpose
from daimon.mail.address import BadAddress, parse_address
from daimon.notices import rates
from daimon.notices import service as notices
from daimon.notices.rates import Counted

VALID_FOR = timedelta(hours=24)
PER_ADDRESS = 5  # mails an hour
PER_ACCOUNT = 10


def read_email(text: str, field: str) -> str:
    """Return an address that mail can be sent to. Raises Invalid naming the field."""
    try:
        address = parse_address(text)
    except BadAddress as error:
        raise Invalid.field(field, f"is no e-mail address: {error}") from None
    if address.is_literal:
        raise Invalid.field(field, "is no e-mail address: it needs a domain name after the @")
    return str(address)


async def change(
    db: Connection, scope: Scope, email: str | None, *, public_url: str, now: datetime
) -> tuple[Account, Account]:
    """Set the operator's address, or remove it, and return the account before and after.

    A new one is unverified until the link that is sent to it is followed; the same one, not verified yet, gets a new
    link. A verified one that goes is told so. Raises TooManyMails.
    """
    accounts = AccountRepository(db, scope)
    before = await accounts.lock()
    if email == before.operator_email and (email is None or before.operator_email_verified_at):
        return before, before
    await links.void(db, scope, Purpose.EMAIL, Purpose.RECOVERY)
    await accounts.set_operator_email(email)
    if before.operator_email and before.operator_email_verified_at:
        await _tell_that_it_goes(db, before, now=now)
    if email is not None:
        await _ask(db, scope, email, public_url=public_url, now=now)
    return before, await accounts.get()


async def verify(db: Connection, token: str, *, now: datetime) -> Account:
    """Take an address as verified by the link that was sent to it. Raises LinkInvalid."""
    account, email = await links.follow(db, Purpose.EMAIL, token, now=now)
    accounts = AccountRepository(db, Scope(account.account_id))
    if account.operator_email is None or account.operator_email.lower() != email:
        raise LinkInvalid
    await accounts.set_verified(email, now=now)
    return await accounts.get()


async def _ask(db: Connection, scope: Scope, email: str, *, public_url: str, now: datetime) -> None:
    account_id = ids.show(ids.Kind.ACCOUNT, scope.account_id)
    for counted in (Counted("account", account_id, PER_ACCOUNT), Counted("verify", email.lower(), PER_ADDRESS)):
        if not await rates.spend(db, counted, now=now):
            raise TooManyMails(retry_after=rates.retry_after(counted), rate_limit=rates.exceeded(counted))
    token = await links.make(db, scope, Purpose.EMAIL, email, valid_for=VALID_FOR, now=now)
    body = (
        f"Somebody gave this address as that of the operator of the account {account_id}.\n\n"
        f"If it was you, confirm it within 24 hours:\n\n{public_url}/verify-email/{token}\n\n"
        "A confirmed address can get the account back when its keys are lost. "
        "If it was not you, do nothing: the link ends by itself.\n"
    )
    await notices.tell(db, scope.account_id, email, "Confirm your e-mail address", body, now=now)


async def _tell_that_it_goes(db: Connection, account: Account, *, now: datetime) -> None:
    assert account.operator_email
    body = (
        f"This address is no longer that of the operator of the account "
        f"{ids.show(ids.Kind.ACCOUNT, account.account_id)}, and cannot recover it any more.\n\n"
        "If you did not want that, somebody else holds a key of the account: revoke it, or ask the operator of the "
        "server.\n"
    )
    subject = "Your address was taken off an account"
    await notices.tell(db, account.account_id, account.operator_email, subject, body, now=now)
