"""402 where more money helps, 429 where waiting helps."""

from daimon.kit.errors import PaymentRequired, TooManyRequests


class InboxLimitReached(PaymentRequired):
    """The account has as many inboxes as its tier allows."""

    error = "INBOX_LIMIT_REACHED"


class InboxCreateRateLimited(TooManyRequests):
    """Too many free inboxes were made from this address in the last hour."""

    code = "INBOX_CREATE_RATE_LIMIT"
