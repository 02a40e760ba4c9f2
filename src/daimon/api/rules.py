"""Rules over HTTP: parse, call, answer."""

from typing import Annotated
from uuid import UUID

from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.api import rule_examples as examples
from daimon.api.answer import Answer
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.request import Request
from daimon.api.rule_schema import RuleCreate, RuleList, RulePage, RuleView, in_brief, rule_view
from daimon.api.schema import Deleted
from daimon.audit.models import Change
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxNotFound
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.kit.ids import Kind, show
from daimon.pods.errors import PodNotFound
from daimon.rules import service as rules
from daimon.rules.errors import RuleExists, RuleNotFound, TooManyRules
from daimon.rules.models import Direction, Rule

RuleInPath = Annotated[
    UUID,
    PathId(Kind.RULE, RuleNotFound, "The rule's id.", lambda db, scope, values: rules.get(db, scope, values[0])),
]
_TAG = "rules"


@operation(
    "POST",
    "/v1/rules",
    tag=_TAG,
    permission=Permission.RULES_WRITE,
    status=201,
    other_statuses=(200,),
    errors=(RuleExists, TooManyRules, ClientIdConflict, PodNotFound, InboxNotFound, AccountSuspended),
    example=examples.CREATE_RULE,
)
async def create_rule(request: Request, body: RuleCreate) -> Answer[RuleView]:
    """Allow or block an address or a domain, for mail that comes in or goes out.

    The most specific rule wins: an inbox's before its pod's before the account's, and in one list an address before
    its domain. Of an allow and a block of the same value, the block wins. A list that allows anybody blocks everybody
    else.
    """
    scope = request.principal.scope
    wish = body.to_domain(scope.inbox_id)
    inbox = None if wish.inbox_id is None else await inboxes.get(request.db, scope, wish.inbox_id, lock=True)
    created = await rules.create(
        request.db, request.principal, wish, inbox_pod=inbox.pod_id if inbox else None, now=request.now
    )
    if created.fresh:
        request.change = _change(created.rule, after=created.rule)
    return Answer(rule_view(created.rule), _steps(created.rule), status=201 if created.fresh else 200)


@operation(
    "GET",
    "/v1/rules",
    tag=_TAG,
    permission=Permission.RULES_READ,
    errors=(InvalidCursor,),
    example=examples.LIST_RULES,
)
async def list_rules(request: Request, query: RuleList) -> Answer[RulePage]:
    """List rules, the oldest first."""
    page = await rules.page(request.db, request.principal.scope, query.to_domain())
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    views = [rule_view(rule) for rule in page.items]
    return Answer(RulePage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation("GET", "/v1/rules/{rule_id}", tag=_TAG, permission=Permission.RULES_READ, example=examples.GET_RULE)
async def get_rule(request: Request, rule_id: RuleInPath) -> Answer[RuleView]:
    """Show a rule."""
    rule = await rules.get(request.db, request.principal.scope, rule_id)
    return Answer(rule_view(rule), [f"Delete it: DELETE /v1/rules/{show(Kind.RULE, rule.id)}"])


@operation(
    "DELETE",
    "/v1/rules/{rule_id}",
    tag=_TAG,
    permission=Permission.RULES_WRITE,
    errors=(AccountSuspended,),
    example=examples.DELETE_RULE,
)
async def delete_rule(request: Request, rule_id: RuleInPath) -> Answer[Deleted]:
    """Delete a rule. What it has blocked stays blocked until it is released."""
    gone = await rules.delete(request.db, request.principal.scope, rule_id)
    request.change = _change(gone, before=gone)
    return Answer(Deleted(show(Kind.RULE, rule_id)), ["The other rules: GET /v1/rules"])


def _steps(rule: Rule) -> list[str]:
    steps = [f"Delete it: DELETE /v1/rules/{show(Kind.RULE, rule.id)}"]
    if rule.direction is Direction.INBOUND and rule.inbox_id:
        inbox = show(Kind.INBOX, rule.inbox_id)
        steps.append(f"What is blocked from now on: GET /v1/inboxes/{inbox}/messages?label=blocked")
    return steps


def _change(rule: Rule, *, before: Rule | None = None, after: Rule | None = None) -> Change:
    return Change(
        show(Kind.RULE, rule.id),
        in_brief(before) if before else None,
        in_brief(after) if after else None,
        pod_id=rule.pod_id,
        inbox_id=rule.inbox_id,
    )
