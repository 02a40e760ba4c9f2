"""Pods over HTTP: parse, call, answer."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import msgspec

from daimon.accounts.errors import AccountSuspended, ClientIdConflict
from daimon.api import pod_examples as examples
from daimon.api.answer import Answer
from daimon.api.inbox_schema import InboxPage, PodInboxList, Rotation
from daimon.api.inboxes import page_of_inboxes
from daimon.api.operation import operation
from daimon.api.path import PathId
from daimon.api.pod_schema import (
    PodCreate,
    PodCreated,
    PodDelete,
    PodList,
    PodPage,
    PodPatch,
    PodView,
    RotatedPodKey,
    created_view,
    pod_view,
    rotated_view,
)
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.api.thread_schema import InboxThreadList, ThreadPage
from daimon.api.threads import page_of_threads
from daimon.audit.models import Change
from daimon.inboxes.pod_deletion import delete_pod as delete_with_inboxes
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.clock import rfc3339
from daimon.kit.errors import InvalidCursor, StateConflict
from daimon.kit.ids import Kind, show
from daimon.pods import service as pods
from daimon.pods.errors import PodNotEmpty, PodNotFound, SubdomainTaken
from daimon.pods.models import Pod
from daimon.threads import service as threads

PodInPath = Annotated[
    UUID, PathId(Kind.POD, PodNotFound, "The pod's id.", lambda db, scope, values: pods.get(db, scope, values[0]))
]
_TAG = "pods"


@operation(
    "POST",
    "/v1/pods",
    tag=_TAG,
    permission=Permission.PODS_WRITE,
    reach=KeyScope.ACCOUNT,
    status=201,
    other_statuses=(200,),
    errors=(ClientIdConflict, SubdomainTaken, AccountSuspended),
    example=examples.CREATE_POD,
)
async def create_pod(request: Request, body: PodCreate) -> Answer[PodCreated]:
    """Create a pod: a customer, an environment, the agents of a team.

    Its key is shown this once; it reaches every inbox of the pod and nothing else. With a `subdomain`, inboxes made in
    the pod get addresses under it. With `client_id`, the same create sent again answers 200 with the existing pod and
    without its key.
    """
    created = await pods.create(
        request.db, request.principal, body.to_domain(), policy=request.services.inbox_policy.of_pods, now=request.now
    )
    pod, shown_id = created.pod, show(Kind.POD, created.pod.id)
    if created.key:
        request.change = Change(shown_id, None, _shown(pod), pod_id=pod.id)
    steps = ["Save pod_api_key now; it is only returned once."] if created.key else []
    steps.append(f'Make an inbox in it: POST /v1/inboxes {{"pod_id": "{shown_id}"}}')
    return Answer(created_view(pod, created.key), steps, status=201 if created.key else 200)


@operation(
    "GET",
    "/v1/pods",
    tag=_TAG,
    permission=Permission.PODS_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor,),
    example=examples.LIST_PODS,
)
async def list_pods(request: Request, query: PodList) -> Answer[PodPage]:
    """List pods, the oldest first."""
    page = await pods.page(request.db, request.principal.scope, query.to_domain())
    views = [pod_view(pod) for pod in page.items]
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(PodPage(views, page.total, query.limit, query.offset, more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/pods/{pod_id}",
    tag=_TAG,
    permission=Permission.PODS_READ,
    reach=KeyScope.POD,
    example=examples.GET_POD,
)
async def get_pod(request: Request, pod_id: PodInPath) -> Answer[PodView]:
    """Show a pod."""
    return _answer(await pods.get(request.db, request.principal.scope, pod_id))


@operation(
    "PATCH",
    "/v1/pods/{pod_id}",
    tag=_TAG,
    permission=Permission.PODS_WRITE,
    reach=KeyScope.POD,
    errors=(SubdomainTaken, StateConflict, AccountSuspended),
    example=examples.PATCH_POD,
)
async def update_pod(request: Request, pod_id: PodInPath, body: PodPatch) -> Answer[PodView]:
    """Change a pod.

    A suspended pod makes no inboxes and sends nothing; it still receives, and can be read. Lowering a limit below what
    is there keeps what is there. Subdomain, status, limits and cost centre are changed by the account alone, the
    subdomain only while no inbox has an address under it.
    """
    policy = request.services.inbox_policy.of_pods
    before, after = await pods.change(
        request.db, request.principal, pod_id, body.to_domain(), policy=policy, now=request.now
    )
    request.change = Change(show(Kind.POD, pod_id), _shown(before), _shown(after), pod_id=pod_id)
    if before.status != after.status:
        request.after_commit = request.services.keys.forget
    return _answer(after)


@operation(
    "DELETE",
    "/v1/pods/{pod_id}",
    tag=_TAG,
    permission=Permission.PODS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(PodNotEmpty, AccountSuspended),
    example=examples.DELETE_POD,
)
async def delete_pod(request: Request, pod_id: PodInPath, query: PodDelete) -> Answer[Deleted]:
    """Delete a pod, revoke its keys and end what was granted in it.

    If it holds inboxes, say what becomes of them: `?inboxes=move` leaves them to the account with their mail, addresses
    and keys; `?inboxes=delete` deletes them too.
    """
    gone = await delete_with_inboxes(request.db, request.principal, pod_id, query.to_domain(), now=request.now)
    request.change = Change(show(Kind.POD, pod_id), before=_shown(gone), pod_id=pod_id)
    request.after_commit = request.services.keys.forget
    return Answer(Deleted(show(Kind.POD, pod_id)), ["The other pods: GET /v1/pods"])


@operation(
    "POST",
    "/v1/pods/{pod_id}/rotate-key",
    tag=_TAG,
    permission=Permission.PODS_WRITE,
    reach=KeyScope.ACCOUNT,
    errors=(AccountSuspended,),
    example=examples.ROTATE_POD_KEY,
)
async def rotate_pod_key(request: Request, pod_id: PodInPath, body: Rotation) -> Answer[RotatedPodKey]:
    """Give a pod's key a new secret.

    The key keeps its id. The old secret works until `grace_seconds` have passed; with 0 it ends within a second.
    """
    grace = timedelta(seconds=body.grace_seconds)
    pod, key = await pods.rotate_key(request.db, request.principal, pod_id, grace=grace, now=request.now)
    until = {"old_key_valid_until": rfc3339(request.now + grace)}
    request.change = Change(show(Kind.KEY, key.key_id), after=until, pod_id=pod.id)
    request.after_commit = request.services.keys.forget
    steps = ["Save pod_api_key now; it is only returned once."]
    return Answer(rotated_view(pod, key, request.now + grace), steps)


@operation(
    "GET",
    "/v1/pods/{pod_id}/inboxes",
    tag=_TAG,
    permission=Permission.INBOXES_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_POD_INBOXES,
)
async def list_pod_inboxes(request: Request, pod_id: PodInPath, query: PodInboxList) -> Answer[InboxPage]:
    """List the inboxes of a pod, the oldest first."""
    return await page_of_inboxes(request, query, query.to_domain(pod_id))


@operation(
    "GET",
    "/v1/pods/{pod_id}/threads",
    tag=_TAG,
    permission=Permission.MESSAGES_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_POD_THREADS,
)
async def list_pod_threads(request: Request, pod_id: PodInPath, query: InboxThreadList) -> Answer[ThreadPage]:
    """List the threads of a pod's inboxes, the one with the newest message first."""
    return page_of_threads(await threads.page(request.db, request.principal.scope, query.to_domain(None, pod_id)))


def _shown(pod: Pod) -> dict[str, object]:
    shown: dict[str, object] = msgspec.to_builtins(pod_view(pod))
    return shown


def _answer(pod: Pod) -> Answer[PodView]:
    shown_id = show(Kind.POD, pod.id)
    return Answer(pod_view(pod), [f"Its inboxes: GET /v1/pods/{shown_id}/inboxes"])
