"""402 where more money helps, 429 where waiting helps, 403 where neither does."""

from daimon.kit.errors import Forbidden, PaymentRequired, TooManyRequests


class InboxLimitReached(PaymentRequired):
    """The account has as many inboxes as its tier allows."""

    error = "INBOX_LIMIT_REACHED"


class InboxCreateRateLimited(TooManyRequests):
    """Too many free inboxes were made from this address in the last hour."""

    code = "INBOX_CREATE_RATE_LIMIT"


class PodLimitReached(Forbidden):
    """The pod holds as many inboxes as its own limit allows; neither money nor waiting changes that."""

    error = "POD_LIMIT_REACHED"
    next_steps = (
        'An account key may raise it: PATCH /v1/pods/{pod_id} {"limits": {"max_inboxes": null}}.',
        "Or delete an inbox that is no longer needed: DELETE /v1/inboxes/{inbox_id}.",
    )
