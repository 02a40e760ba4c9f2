"""Mail to inboxes of this very server: it leaves the queue in the commit in which it arrives, without a network."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

from daimon.db.engine import Connection

HOST = "local"  # what an attempt shows as the host


class Inbox(NamedTuple):
    """Whom an address reaches here."""

    account_id: UUID
    inbox_id: UUID


@dataclass(frozen=True, slots=True)
class Arriving:
    """A mail that arrives here. `inbox` is whom its recipient reaches, None if that is still to be found out."""

    mail_from: str | None
    recipient: str
    octets: bytes
    at: datetime
    inbox: Inbox | None = None


class Inboxes(Protocol):
    """The inboxes of this server, as the outbound road knows them."""

    async def find(self, db: Connection, addresses: Sequence[str]) -> dict[str, Inbox | None]:
        """Return those of the addresses whose domains are served here: whom each reaches, None for nobody."""

    async def take_in(self, db: Connection, mails: Sequence[Arriving]) -> None:
        """Let mails arrive, in the caller's transaction."""

    def ring(self) -> None:
        """Tell that mails have arrived, after the commit."""
