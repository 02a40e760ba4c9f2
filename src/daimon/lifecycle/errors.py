"""What can be wrong in an account's life."""

from daimon.kit.errors import StateConflict, TooManyRequests


class TooLateToRestore(StateConflict):
    """The 30 days are over: the account is being erased."""

    error = "STATE_CONFLICT"
    next_steps = ("POST /v1/inboxes without a key makes a new account.",)


class TooManyMails(TooManyRequests):
    """Too many mails were asked for to this address, or by this account."""

    code = "MAIL_RATE_LIMIT"


class ExportRunning(TooManyRequests):
    """An export of this account is running already."""

    code = "CONCURRENCY_LIMIT"
    next_steps = ("Wait for it to end, then send the same request again.",)
