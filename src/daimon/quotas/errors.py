"""402 where more money helps, 429 where waiting helps, 403 where neither does.

The day's sends are the one limit that either helps against: 429, with `upgrade_context` too (contract §1).
"""

from daimon.kit.errors import Forbidden, PaymentRequired, TooManyRequests

UPGRADE = "Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask."


class InboxLimitReached(PaymentRequired):
    """The account has as many inboxes as its tier allows."""

    own_words = True
    error = "INBOX_LIMIT_REACHED"
    next_steps = (UPGRADE,)


class SendRequiresPaid(PaymentRequired):
    """The account's tier receives only; sending needs a paid tier."""

    own_words = True
    error = "SEND_REQUIRES_PAID"
    next_steps = (UPGRADE,)


class DomainRequiresPaid(PaymentRequired):
    """The account's tier has no domains of its own."""

    own_words = True
    error = "DOMAIN_REQUIRES_PAID"
    next_steps = (UPGRADE,)


class DomainLimitReached(PaymentRequired):
    """The account has as many domains as its tier allows."""

    own_words = True
    error = "DOMAIN_LIMIT_REACHED"
    next_steps = (UPGRADE,)


class InboxCreateRateLimited(TooManyRequests):
    """Too many free inboxes were made from this address in the last hour."""

    own_words = True
    code = "INBOX_CREATE_RATE_LIMIT"


class BurstLimitExceeded(TooManyRequests):
    """Too many sends within a minute."""

    own_words = True
    code = "BURST_LIMIT"


class ConcurrencyLimitExceeded(TooManyRequests):
    """As many sends run at this moment as the tier allows."""

    own_words = True
    code = "CONCURRENCY_LIMIT"


class DailySendsExceeded(TooManyRequests):
    """The account has sent as much today as its tier allows; the day turns at midnight UTC."""

    own_words = True
    error = "SEND_LIMIT_EXCEEDED"
    code = "DAILY_SEND_QUOTA"


class PodDailySendsExceeded(TooManyRequests):
    """The pod has sent as much today as its own limit allows; the day turns at midnight UTC."""

    own_words = True
    error = "SEND_LIMIT_EXCEEDED"
    code = "POD_DAILY_SEND_QUOTA"


class PodLimitReached(Forbidden):
    """The pod holds as many inboxes as its own limit allows; neither money nor waiting changes that."""

    error = "POD_LIMIT_REACHED"
    next_steps = (
        'An account key may raise it: PATCH /v1/pods/{pod_id} {"limits": {"max_inboxes": null}}.',
        "Or delete one of its inboxes that is no longer needed: GET /v1/pods/{pod_id}/inboxes lists them.",
    )


class PodMayNotSend(Forbidden):
    """The pod may not send at all: its own limit is 0 sends a day. Neither money nor waiting changes that."""

    error = "POD_LIMIT_REACHED"
    next_steps = ('An account key may raise it: PATCH /v1/pods/{pod_id} {"limits": {"max_sends_per_day": null}}.',)
