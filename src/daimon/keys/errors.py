"""Why a key is not accepted, and what cannot be done with one."""

from daimon.kit.errors import Detail, Forbidden, NotFound, TooManyRequests, Unauthenticated


class AuthenticationRequired(Unauthenticated):
    """This endpoint needs a key: send `Authorization: Bearer <key>`."""

    error = "AUTHENTICATION_REQUIRED"
    next_steps = (
        "Send the header `Authorization: Bearer <key>`.",
        "No key yet? POST /v1/inboxes without one makes an account, an inbox and their keys.",
    )


class InvalidApiKey(Unauthenticated):
    """This key does not exist."""

    error = "INVALID_API_KEY"
    next_steps = ("Check that the key was copied whole; its checksum or its secret is wrong.",)


class ApiKeyExpired(Unauthenticated):
    """This key has expired."""

    error = "API_KEY_EXPIRED"
    next_steps = ("Use a newer key; a wider key can make one.",)


class ApiKeyRevoked(Unauthenticated):
    """This key was revoked or rotated."""

    error = "API_KEY_REVOKED"
    next_steps = ("Use the key that replaced it.",)


class KeyNotFound(NotFound):
    """There is no such key within the reach of this one."""

    error = "KEY_NOT_FOUND"
    next_steps = ("List the keys that this key reaches: GET /v1/keys.",)


class WouldWiden(Forbidden):
    """A key never makes, changes or renews one that may do more than itself."""

    next_steps = (
        "GET /v1/whoami says what a key reaches and may do.",
        "Ask for less, or use a wider key.",
    )

    @classmethod
    def field(cls, field: str, message: str) -> "WouldWiden":
        """Return the error for one field that asks for too much."""
        return cls(f"{field}: {message}", details=[Detail(field, message)])


class UsedFromElsewhere(Forbidden):
    """This key may not be used from the address that the request came from."""

    next_steps = ("Send the request from one of the networks that the key was made for.",)


class AuthenticationFailures(TooManyRequests):
    """Too many requests from this network carried keys that are not valid."""

    own_words = True
    code = "AUTH_FAILURES"
    next_steps = ("Stop sending the key that is refused, wait `retry_after` seconds, then send one that is valid.",)
