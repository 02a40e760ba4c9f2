"""Rules, and what a caller may ask of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import msgspec

MOST_RULES = 10_000  # of an account
MOST_LABELS = 16  # in a domain that a rule names: so many are looked up for each address at most
ACCOUNT_HOLDER = UUID(int=0)  # holds the account's own rules


class Direction(StrEnum):
    """Inbound: who may write to an inbox. Outbound: to whom an inbox may write."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Action(StrEnum):
    """What becomes of the mail."""

    ALLOW = "allow"
    BLOCK = "block"


class Level(StrEnum):
    """Whose list a rule is in, the most specific first."""

    INBOX = "inbox"
    POD = "pod"
    ACCOUNT = "account"


class Rule(msgspec.Struct, frozen=True):
    """One row of `rules`. `pod_id` is the pod whose the rule is, or that the rule's inbox is in now."""

    id: UUID
    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID | None
    direction: Direction
    action: Action
    value: str
    reason: str | None
    client_id: str | None
    created_at: datetime

    @property
    def level(self) -> Level:
        """Whose list it is in."""
        return Level.INBOX if self.inbox_id else Level.POD if self.pod_id else Level.ACCOUNT

    @property
    def holder_id(self) -> UUID:
        """The inbox or pod whose list it is in, or ACCOUNT_HOLDER."""
        return self.inbox_id or self.pod_id or ACCOUNT_HOLDER


class NewRule(msgspec.Struct, frozen=True):
    """What a create asks for. `value` is in its stored form."""

    direction: Direction
    action: Action
    value: str
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    reason: str | None = None
    client_id: str | None = None


@dataclass(frozen=True, slots=True)
class RuleQuery:
    """Which rules a list shows. `offset` is for small lists; `cursor` costs the same at any depth."""

    limit: int
    offset: int = 0
    cursor: str | None = None
    direction: Direction | None = None
    action: Action | None = None
    level: Level | None = None
    pod_id: UUID | None = None
    inbox_id: UUID | None = None
    value: str | None = None
    q: str | None = None  # what the value holds

    @property
    def shows_all(self) -> bool:
        """Tell whether no filter narrows the list."""
        narrow = (self.direction, self.action, self.level, self.pod_id, self.inbox_id, self.value, self.q)
        return all(value is None for value in narrow)


@dataclass(frozen=True, slots=True)
class CreatedRule:
    """A create's outcome. Not fresh: an earlier create with this client_id made it."""

    rule: Rule
    fresh: bool


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the rules say of an address. Blocked without a rule: the list of that level has others that are allowed."""

    blocked: bool
    rule_id: UUID | None = None
    level: Level | None = None  # that decided; None: no list says anything
