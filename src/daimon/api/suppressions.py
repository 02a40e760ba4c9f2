"""Suppressions over HTTP: parse, call, answer."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote

from daimon.accounts.errors import AccountSuspended
from daimon.api import suppression_examples as examples
from daimon.api.answer import Answer
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.api.schema import Deleted
from daimon.api.suppression_schema import (
    SuppressionCreate,
    SuppressionList,
    SuppressionOf,
    SuppressionPage,
    SuppressionView,
    in_brief,
    suppression_view,
)
from daimon.audit.models import Change
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor, NotFound
from daimon.kit.ids import Kind, show_or_none
from daimon.mail.address import BadAddress
from daimon.pods.errors import PodNotFound
from daimon.suppressions import service as suppressions
from daimon.suppressions.errors import SuppressionNotFound
from daimon.suppressions.repository import canonical


@dataclass(frozen=True, slots=True)
class PathAddress:
    """A suppressed address."""

    missing: type[NotFound] = SuppressionNotFound
    description: str = "The address, percent-encoded where it has to be."
    example: str = "gone@example.com"

    def read(self, text: str) -> str:
        """Return the address as it is stored. Raises SuppressionNotFound for what is none."""
        try:
            return canonical(text)
        except BadAddress:
            raise SuppressionNotFound from None

    async def find(self, db: Connection, scope: Scope, values: tuple[Any, ...]) -> object:
        """Look for the suppression. Raises SuppressionNotFound."""
        return await suppressions.get(db, scope, values[0])


AddressInPath = Annotated[str, PathAddress()]
_TAG = "suppressions"


@operation(
    "POST",
    "/v1/suppressions",
    tag=_TAG,
    permission=Permission.RULES_WRITE,
    reach=KeyScope.POD,
    status=201,
    other_statuses=(200,),
    errors=(PodNotFound, AccountSuspended),
    example=examples.ADD_SUPPRESSION,
)
async def add_suppression(request: Request, body: SuppressionCreate) -> Answer[SuppressionView]:
    """Send nothing to an address any more: from a pod's inboxes, or from those that are in no pod.

    An address that is suppressed already stays as it is.
    """
    address, pod_id = body.to_domain()
    added = await suppressions.add(
        request.db, request.principal.scope, address,
        pod_id=pod_id, reason=body.reason, detail=body.detail, now=request.now,
    )  # fmt: skip
    if added.fresh:
        pod_id = added.suppression.pod_id
        request.change = Change(address, None, in_brief(added.suppression), pod_id=pod_id)
    steps = [f"Let mail be sent to it again: DELETE {_path(address)}"]
    return Answer(suppression_view(added.suppression), steps, status=201 if added.fresh else 200)


@operation(
    "GET",
    "/v1/suppressions",
    tag=_TAG,
    permission=Permission.RULES_READ,
    reach=KeyScope.POD,
    errors=(InvalidCursor,),
    example=examples.LIST_SUPPRESSIONS,
)
async def list_suppressions(request: Request, query: SuppressionList) -> Answer[SuppressionPage]:
    """List the addresses that nothing is sent to any more, the newest first."""
    page = await suppressions.page(request.db, request.principal.scope, query.to_domain())
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(SuppressionPage([suppression_view(each) for each in page.items], more, page.next_cursor), steps)


@operation(
    "GET",
    "/v1/suppressions/{address}",
    tag=_TAG,
    permission=Permission.RULES_READ,
    reach=KeyScope.POD,
    example=examples.GET_SUPPRESSION,
)
async def get_suppression(request: Request, address: AddressInPath, query: SuppressionOf) -> Answer[SuppressionView]:
    """Show why nothing is sent to an address; if several pods have suppressed it, the latest."""
    found = await suppressions.get(request.db, request.principal.scope, address, query.to_domain())
    return Answer(suppression_view(found), [f"Let mail be sent to it again: DELETE {_path(address)}"])


@operation(
    "DELETE",
    "/v1/suppressions/{address}",
    tag=_TAG,
    permission=Permission.RULES_WRITE,
    reach=KeyScope.POD,
    errors=(AccountSuspended,),
    example=examples.DELETE_SUPPRESSION,
)
async def delete_suppression(request: Request, address: AddressInPath, query: SuppressionOf) -> Answer[Deleted]:
    """Let mail be sent to an address again: by all that the key reaches, or with `pod_id` by one pod."""
    gone = await suppressions.delete(request.db, request.principal.scope, address, query.to_domain())
    before = {**in_brief(gone[0]), "pod_ids": [show_or_none(Kind.POD, each.pod_id) for each in gone]}
    request.change = Change(address, before, None, pod_id=gone[0].pod_id if len(gone) == 1 else None)
    return Answer(Deleted(address), ["The other addresses: GET /v1/suppressions"])


def _path(address: str) -> str:
    return f"/v1/suppressions/{quote(address, safe='@')}"
