"""Why a key is not accepted."""

from daimon.kit.errors import Unauthenticated


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
