"""Telling of a payment that failed: an event for the account, a mail for its operator."""

from datetime import datetime

import msgspec

from daimon.accounts.models import Account
from daimon.billing.models import BillingAccount
from daimon.billing.states import GRACE
from daimon.db.engine import Connection
from daimon.events.models import EventType, NewEvent
from daimon.kit.clock import rfc3339
from daimon.notices import service as notices

_SUBJECT = "A payment for your daimon account failed"
_BODY = """The last payment for your daimon account {tier} could not be made.

Nothing has changed yet. If it is not paid until {until} UTC, the account goes on as a free one: nothing is deleted and
mail still comes in, but what the {tier} tier adds stops.

To pay or to change the card, follow the link in Stripe's mail, or ask whoever runs your agents for a link to the
billing portal (POST /v1/billing/portal).
"""


def payment_failed(account: BillingAccount, *, now: datetime) -> NewEvent:
    """Return the `limit.warning` of the grace that runs: how many of its days are used."""
    assert account.past_due_since is not None
    ends = account.past_due_since + GRACE
    used = min((now - account.past_due_since).days, GRACE.days)
    told = {
        "quota": "payment_grace_days",
        "used": used,
        "limit": GRACE.days,
        "percent": used * 100 // GRACE.days,
        "ends_at": rfc3339(ends),
    }
    return NewEvent(
        account.account_id, EventType.LIMIT_WARNING, msgspec.json.encode({"limit": told}).decode(), None, None, now
    )


async def tell_operator(db: Connection, account: Account, billing: BillingAccount, *, now: datetime) -> None:
    """Write a verified operator that a payment failed, and until when."""
    if account.operator_email is None or account.operator_email_verified_at is None:
        return
    assert billing.past_due_since is not None
    until = (billing.past_due_since + GRACE).strftime("%Y-%m-%d %H:%M")
    body = _BODY.format(tier=billing.tier, until=until)
    await notices.tell(db, account.account_id, account.operator_email, _SUBJECT, body, now=now)
