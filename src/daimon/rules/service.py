"""Making, showing and deleting rules. Every function runs in the caller's transaction."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from daimon.accounts import client_ids
from daimon.accounts.errors import ClientIdConflict
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys.models import Principal
from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import Page
from daimon.pods.repository import Lock, PodRepository
from daimon.quotas import service as quotas
from daimon.rules.errors import RuleExists, RuleNotFound, TooManyRules
from daimon.rules.models import MOST_RULES, CreatedRule, NewRule, Rule, RuleQuery
from daimon.rules.repository import RuleRepository

_KIND = "rule"


async def create(
    db: Connection, who: Principal, wish: NewRule, *, inbox_pod: UUID | None, now: datetime
) -> CreatedRule:
    """Make a rule. If it is an inbox's, the caller holds that inbox, and says in which pod it is.

    Raises PodNotFound, Invalid, ClientIdConflict, RuleExists, TooManyRules.
    """
    repository, rule_id = RuleRepository(db, who.scope), ids.new()
    pod_id = await _holder(db, who.scope, wish, inbox_pod)
    if wish.client_id and (earlier := await _made_before(db, who.scope, wish, rule_id)):
        return CreatedRule(await _made_earlier(repository, earlier), fresh=False)
    rule = Rule(
        id=rule_id,
        account_id=who.scope.account_id,
        pod_id=pod_id,
        inbox_id=wish.inbox_id,
        direction=wish.direction,
        action=wish.action,
        value=wish.value,
        reason=wish.reason,
        client_id=wish.client_id,
        created_at=now,
    )
    if not await repository.add(rule):
        raise RuleExists(
            f"{rule.value} is in this list already, to {rule.action}.",
            next_steps=[f"Show it: GET /v1/rules?direction={rule.direction}&action={rule.action}&level={rule.level}"],
        )
    if not await quotas.spend_rule(db, who.account, most=MOST_RULES):
        raise TooManyRules(f"The account has {MOST_RULES} rules, which is the limit.")
    return CreatedRule(rule, fresh=True)


async def get(db: Connection, scope: Scope, rule_id: UUID) -> Rule:
    """Return a rule. Raises RuleNotFound."""
    return await RuleRepository(db, scope).get(rule_id)


async def page(db: Connection, scope: Scope, query: RuleQuery) -> Page[Rule]:
    """Return a page of the rules within the scope, the oldest first."""
    return await RuleRepository(db, scope).page(query)


async def delete(db: Connection, scope: Scope, rule_id: UUID) -> Rule:
    """Delete a rule and return it as it was. Raises RuleNotFound."""
    repository = RuleRepository(db, scope)
    rule = await repository.get(rule_id)
    if not await repository.delete(rule_id):
        raise RuleNotFound
    await _forgotten(db, scope, [rule.client_id or ""])
    return rule


async def delete_lists(db: Connection, scope: Scope, holder_ids: Sequence[UUID]) -> None:
    """Delete the rules of inboxes and pods that are deleted. The caller holds these."""
    if gone := await RuleRepository(db, scope).delete_lists(holder_ids):
        await _forgotten(db, scope, gone)


async def _forgotten(db: Connection, scope: Scope, client_ids_of: Sequence[str]) -> None:
    await quotas.return_rules(db, scope, len(client_ids_of))
    for client_id in filter(None, client_ids_of):
        await client_ids.release(db, scope, kind=_KIND, client_id=client_id)


async def _holder(db: Connection, scope: Scope, wish: NewRule, inbox_pod: UUID | None) -> UUID | None:
    """Return the pod whose the rule is or its inbox is in, None for neither. Raises PodNotFound, Invalid."""
    if wish.inbox_id is not None:
        if wish.pod_id not in (None, inbox_pod):
            raise Invalid.field("inbox_id", "is not in this pod; leave out pod_id, or name the pod that it is in")
        return inbox_pod
    pod_id = wish.pod_id
    if pod_id is None and scope.pod_ids is not None:
        if scope.pod_id is None:
            raise Invalid.field("pod_id", "is required: this key reaches several pods")
        pod_id = scope.pod_id
    if pod_id is not None:
        await PodRepository(db, scope).lock(pod_id, Lock.SHARED)
    return pod_id


async def _made_before(db: Connection, scope: Scope, wish: NewRule, rule_id: UUID) -> UUID | None:
    assert wish.client_id is not None
    fingerprint = hashlib.sha256(msgspec.json.encode(wish, order="sorted")).digest()
    return await client_ids.claim(
        db, scope, kind=_KIND, client_id=wish.client_id, fingerprint=fingerprint, object_id=rule_id
    )


async def _made_earlier(repository: RuleRepository, rule_id: UUID) -> Rule:
    """Return what a client_id made. Raises ClientIdConflict if that is out of this key's reach."""
    try:
        return await repository.get(rule_id)
    except RuleNotFound:
        raise ClientIdConflict from None
