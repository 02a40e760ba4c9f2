"""Rules as clients write and read them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.api.schema import ClientId, Cursor, Offset, OneLine, Page, Search, read_id
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.rules.models import Action, Direction, Level, NewRule, Rule, RuleQuery
from daimon.rules.values import check

Value = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=320,
        description="An address, or a domain, which stands for its subdomains too: `ann@example.com`, `example.com`.",
    ),
]


class RuleCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of an inbox, of a pod, or of the account: without `inbox_id` and `pod_id`, of all that the key reaches."""

    direction: Direction
    action: Action
    value: Value
    pod_id: str | None = None
    inbox_id: str | None = None
    reason: Annotated[OneLine, Meta(description="A note of yours.")] | None = None
    client_id: ClientId | None = None

    def to_domain(self, key_inbox: UUID | None) -> NewRule:
        """Return what the service is asked; `key_inbox` is the one that an inbox's key is for. Raises Invalid."""
        return NewRule(
            direction=self.direction,
            action=self.action,
            value=check(self.value),
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            inbox_id=read_id(Kind.INBOX, self.inbox_id, "inbox_id") or key_inbox,
            reason=self.reason,
            client_id=self.client_id,
        )


class RuleList(Page, frozen=True):
    """Which rules a list shows."""

    offset: Offset = 0
    direction: Direction | None = None
    action: Action | None = None
    level: Level | None = None
    pod_id: Annotated[str, Meta(description="Of this pod and of inboxes in it.")] | None = None
    inbox_id: Annotated[str, Meta(description="Of this inbox itself.")] | None = None
    value: Annotated[Value, Meta(description="Of exactly this address or domain.")] | None = None
    q: Annotated[Search, Meta(description="What the value holds.")] | None = None

    def to_domain(self) -> RuleQuery:
        """Return what the service is asked. Raises Invalid."""
        return RuleQuery(
            limit=self.limit,
            offset=self.offset,
            cursor=self.cursor,
            direction=self.direction,
            action=self.action,
            level=self.level,
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            inbox_id=read_id(Kind.INBOX, self.inbox_id, "inbox_id"),
            value=self.value and check(self.value),
            q=self.q,
        )


class RuleView(msgspec.Struct):
    """A rule. `pod_id` is the pod whose it is, or that its inbox is in now."""

    id: Ours
    account_id: Ours
    pod_id: Ours | None
    inbox_id: Ours | None
    level: Level
    direction: Direction
    action: Action
    value: str
    reason: str | None
    client_id: str | None
    created_at: Time


class RulePage(msgspec.Struct):
    """A page of rules."""

    rules: list[RuleView]
    total: int
    limit: int
    offset: int
    has_more: bool
    next_cursor: Cursor | None


def rule_view(rule: Rule) -> RuleView:
    """Return a rule as clients read it."""
    return RuleView(
        id=show(Kind.RULE, rule.id),
        account_id=show(Kind.ACCOUNT, rule.account_id),
        pod_id=show_or_none(Kind.POD, rule.pod_id),
        inbox_id=show_or_none(Kind.INBOX, rule.inbox_id),
        level=rule.level,
        direction=rule.direction,
        action=rule.action,
        value=rule.value,
        reason=rule.reason,
        client_id=rule.client_id,
        created_at=rfc3339(rule.created_at),
    )


def in_brief(rule: Rule) -> dict[str, Any]:
    """Return a rule for the audit trail."""
    return {
        "direction": rule.direction.value,
        "action": rule.action.value,
        "value": rule.value,
        "level": rule.level.value,
        "reason": rule.reason,
    }
