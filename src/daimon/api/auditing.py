"""From a request that has been handled to its row in the audit trail."""

from datetime import datetime

from daimon.api.operation import Operation
from daimon.api.request import Request
from daimon.audit.models import Change, Entry
from daimon.keys.admission import actor_of
from daimon.keys.models import KeyScope

READ = "read_message"


async def record_change(called: Operation, request: Request) -> None:
    """Record in the request's transaction what its handler changed, if it did."""
    if request.change is not None:
        await request.services.trail.record(request.db, [entry_of(called, request)])


def entry_of(called: Operation, request: Request) -> Entry:
    """Return what the trail tells of a request that changed something."""
    assert request.change is not None
    return _entry(request, called.name, request.change, request.now)


async def record_read(request: Request, shown: Change) -> None:
    """Record that a key wider than the inbox's own is about to be shown mail. Raises Unavailable if that fails.

    An inbox's own key leaves no row: reading is what it is for.
    """
    if request.principal.key_scope is not KeyScope.INBOX:
        services = request.services
        await services.reads.record(_entry(request, READ, shown, services.clock()))


def _entry(request: Request, action: str, change: Change, at: datetime) -> Entry:
    account_id = change.account_id or request.principal.scope.account_id
    return Entry(account_id, actor_of(request.key, str(request.client), request.id), action, change, at)
