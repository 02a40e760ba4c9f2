"""What can be wrong with an inbox."""

from collections.abc import Sequence

from daimon.kit.errors import Conflict, Detail, Forbidden, NotFound


class InboxNotFound(NotFound):
    """There is no such inbox within the reach of this key."""

    error = "INBOX_NOT_FOUND"
    next_steps = ("List the inboxes that this key reaches: GET /v1/inboxes.",)


class InboxIsSuspended(Forbidden):
    """The inbox is suspended."""

    error = "INBOX_SUSPENDED"
    next_steps = ('Resume it: PATCH /v1/inboxes/{inbox_id} {"status": "active"}.',)


class UsernameTaken(Conflict):
    """An inbox with this address already exists."""

    error = "USERNAME_TAKEN"
    own_words = True  # an address of this server, which is narrow in form
    next_steps = ("Choose another username, or leave it out to get one.",)

    @classmethod
    def suggesting(cls, address: str, free: Sequence[str]) -> "UsernameTaken":
        """Return the error with usernames that are free."""
        return cls(
            f"The address {address} is taken.",
            details=[Detail("username", name) for name in free],
            next_steps=[f'Send the request again with "username": "{name}".' for name in free] or None,
        )
