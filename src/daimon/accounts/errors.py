"""What can be wrong with an account, and with the client_id of a create."""

from daimon.kit.errors import Conflict, Forbidden, NotFound


class AccountNotFound(NotFound):
    """There is no such account."""

    error = "ACCOUNT_NOT_FOUND"
    next_steps = ("GET /v1/whoami names the account of a key.",)


class AccountSuspended(Forbidden):
    """The account is suspended: it can be read, and changes nothing."""

    error = "ACCOUNT_SUSPENDED"
    next_steps = ("Ask the operator of this server to resume the account.",)


class AccountUnderReview(Forbidden):
    """The account is under review: it receives and can be read and changed, and sends nothing."""

    error = "ACCOUNT_UNDER_REVIEW"
    next_steps = ("GET /v1/account shows why.", "Ask the operator of this server to look at the account.")


class AccountDeleted(Forbidden):
    """The account was deleted: it can be read and restored until it is erased, and changes nothing."""

    error = "ACCOUNT_DELETED"
    next_steps = ("POST /v1/account/restore takes the deletion back.",)


class ClientIdConflict(Conflict):
    """This client_id already made an object from another body."""

    error = "CLIENT_ID_CONFLICT"
    next_steps = ("Send the first body again to get that object, or choose another client_id.",)


class LinkInvalid(NotFound):
    """This link was used, has expired, or never was one."""

    error = "LINK_INVALID"
    next_steps = ("Ask whoever sent you the link for a new one.",)
