"""Which events a key may see: each type needs a permission, and the key must reach where it happened.

An event belongs to the pod that held the inbox when it happened. A pod's key sees it as long as the inbox is there:
once the inbox has moved on, its past went with it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from daimon.db.scope import Scope
from daimon.db.where import Where
from daimon.events.models import EventType
from daimon.feed.models import Told, Wanted
from daimon.keys.models import Principal
from daimon.keys.permissions import Permission

_NEEDED: Mapping[str, Permission] = {
    "message": Permission.MESSAGES_READ,
    "inbox": Permission.INBOXES_READ,
    "pod": Permission.PODS_READ,
    "key": Permission.KEYS_READ,
    "webhook": Permission.WEBHOOKS_READ,
    "domain": Permission.DOMAINS_READ,
}  # events of the account itself, and warnings of its limits, need no more than a key that reaches it

Places = Mapping[UUID, UUID | None]  # inbox to the pod that it is in now

_STILL_THERE = """e.inbox_id is null or not exists (
    select from inboxes i
    where i.account_id = e.account_id and i.id = e.inbox_id and i.pod_id is distinct from e.pod_id)"""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Events of these types (None: of all) within this scope."""

    events: frozenset[str] | None
    scope: Scope


@dataclass(frozen=True, slots=True)
class Reach:
    """What a subscriber sees."""

    account_id: UUID
    rules: tuple[_Rule, ...]
    wanted: Wanted

    @classmethod
    def of(cls, principal: Principal, wanted: Wanted = Wanted()) -> "Reach":  # noqa: B008 - frozen
        """Return what a key may see. Make it anew now and then: keys lose what they could."""
        by_scope: dict[Scope, set[str]] = {}
        for event in EventType:
            needed = _NEEDED.get(event.partition(".")[0])
            scope = principal.scope if needed is None else principal.allowed(needed)
            if scope is not None:
                by_scope.setdefault(scope, set()).add(event.value)
        rules = [
            _Rule(None if len(events) == len(EventType) else frozenset(events), s) for s, events in by_scope.items()
        ]
        return cls(principal.scope.account_id, tuple(rules), wanted)

    @classmethod
    def within(cls, scope: Scope, wanted: Wanted = Wanted()) -> "Reach":  # noqa: B008 - frozen
        """Return all that happens within a scope."""
        return cls(scope.account_id, (_Rule(None, scope),), wanted)

    @property
    def needs_places(self) -> bool:
        """Tell whether `sees` must know in which pods inboxes are."""
        return any(rule.scope.pod_ids is not None for rule in self.rules)

    def sees(self, told: Told, places: Places) -> bool:
        """Tell whether an event is seen. `places` says where its inbox is now, if it is anywhere."""
        return self.wanted.has(told) and any(_covers(rule, told, places) for rule in self.rules)

    @property
    def is_indexed(self) -> bool:
        """Tell whether its events are found by an index of their own, and not by walking the account's."""
        return self.wanted.events is None and any(
            ids is not None and len(ids) == 1
            for ids in (self.wanted.inbox_ids, self.wanted.pod_ids, *(_one_place(rule.scope) for rule in self.rules))
        )

    def add_to(self, where: Where) -> Where:
        """Add the conditions on `events e`."""
        wanted = self.wanted
        where.within("e.event", _listed(wanted.events)).within("e.inbox_id", _listed(wanted.inbox_ids))
        where.within("e.pod_id", _listed(wanted.pod_ids))
        if len(self.rules) == 1:
            _add(where, self.rules[0])
        else:
            where.either([_condition(where, rule) for rule in self.rules])
        return where


def _covers(rule: _Rule, told: Told, places: Places) -> bool:
    if rule.events is not None and told.event not in rule.events:
        return False
    scope = rule.scope
    if scope.inbox_id is not None:
        return told.inbox_id == scope.inbox_id
    if scope.pod_ids is None:
        return True
    if told.pod_id not in scope.pod_ids:
        return False
    return told.inbox_id is None or places.get(told.inbox_id, told.pod_id) == told.pod_id


def _one_place(scope: Scope) -> tuple[UUID, ...] | None:
    return (scope.inbox_id,) if scope.inbox_id else scope.pod_ids


def _add(where: Where, rule: _Rule) -> None:
    where.within("e.event", _listed(rule.events))
    where.add("e.inbox_id = $?", rule.scope.inbox_id)
    if rule.scope.inbox_id is None and rule.scope.pod_ids is not None:
        where.within("e.pod_id", rule.scope.pod_ids).always(_STILL_THERE)


def _condition(where: Where, rule: _Rule) -> str:
    part = Where(*where.parameters)
    _add(part, rule)
    where.parameters[:] = part.parameters
    return f"true{part}"


def _listed(values: frozenset[Any] | None) -> list[Any] | None:
    return None if values is None else sorted(values)
