"""What was used, over HTTP."""

from daimon.api import usage_examples as examples
from daimon.api.answer import Answer
from daimon.api.operation import operation
from daimon.api.pods import PodInPath
from daimon.api.request import Request
from daimon.api.usage_schema import PodUsageList, UsageList, UsagePage, usage_page
from daimon.inboxes.errors import InboxNotFound
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor
from daimon.pods import service as pods
from daimon.quotas.usage_report import UsageQuery, UsageRepository

_TAG = "usage"


@operation(
    "GET",
    "/v1/usage",
    tag=_TAG,
    permission=Permission.BILLING_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor, InboxNotFound),
    example=examples.GET_USAGE,
)
async def get_usage(request: Request, query: UsageList) -> Answer[UsagePage]:
    """Show what the account used, by day.

    A line is of the account, of one pod or of one inbox, as `by` says. What an inbox used counts for the pod that held
    it at that moment, wherever it was moved since.
    """
    return await _report(request, query.to_domain(request.now.date()))


@operation(
    "GET",
    "/v1/pods/{pod_id}/usage",
    tag="pods",
    permission=Permission.PODS_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor, InboxNotFound),
    example=examples.GET_POD_USAGE,
)
async def get_pod_usage(request: Request, pod_id: PodInPath, query: PodUsageList) -> Answer[UsagePage]:
    """Show what a pod used, by day.

    A line is of the pod or of one inbox, as `by` says, and counts only what was used while the inbox was in the pod.
    """
    await pods.get(request.db, request.principal.scope, pod_id)
    return await _report(request, query.to_domain(request.now.date(), pod_id))


async def _report(request: Request, query: UsageQuery) -> Answer[UsagePage]:
    usage = UsageRepository(request.db, request.principal.scope)
    if query.inbox_id and not await usage.knows_inbox(query.inbox_id, query.pod_id):
        raise InboxNotFound
    page, total = await usage.page(query), await usage.total(query)
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if page.next_cursor else []
    return Answer(usage_page(query, page, total), steps)
