"""The audit trail over HTTP."""

from daimon.api import audit_examples as examples
from daimon.api.answer import Answer
from daimon.api.audit_schema import AuditList, AuditPage, entry_view
from daimon.api.operation import operation
from daimon.api.request import Request
from daimon.audit.repository import AuditRepository
from daimon.keys.models import KeyScope
from daimon.keys.permissions import Permission
from daimon.kit.errors import InvalidCursor


@operation(
    "GET",
    "/v1/audit",
    tag="audit",
    permission=Permission.AUDIT_READ,
    reach=KeyScope.ACCOUNT,
    errors=(InvalidCursor,),
    example=examples.LIST_AUDIT,
)
async def list_audit(request: Request, query: AuditList) -> Answer[AuditPage]:
    """List what was changed, and who read mail with a key wider than the inbox's own, the newest first.

    Entries are kept a year. A page may hold fewer than `limit`, even none, while `has_more` is true: a filter other
    than `target` and `key_id` looks through a bounded number of entries for each page.
    """
    page = await AuditRepository(request.db, request.principal.scope).page(query.to_domain())
    more = page.next_cursor is not None
    steps = [f"Next page: the same request with cursor={page.next_cursor}"] if more else []
    return Answer(AuditPage([entry_view(row) for row in page.items], more, page.next_cursor), steps)
