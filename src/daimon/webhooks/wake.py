"""Waking the worker that sends to a webhook, after something about the webhook changed: a hint that may be lost.

A word is an account and a webhook: ids in hex, `account.webhook`.
"""

from uuid import UUID

CHANNEL = "daimon_webhooks"


def word(account_id: UUID, webhook_id: UUID) -> str:
    """Return the word that names a webhook."""
    return f"{account_id.hex}.{webhook_id.hex}"


def read(payload: str) -> list[tuple[UUID, UUID]]:
    """Return the accounts and webhooks in a payload."""
    return [(UUID(hex=word[:32]), UUID(hex=word[33:])) for word in payload.split()]
