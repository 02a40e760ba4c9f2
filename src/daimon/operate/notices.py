"""Mail from the server to people, as long as it waits for a road to them."""

from daimon.config import Settings
from daimon.kit import ids
from daimon.kit.clock import rfc3339
from daimon.kit.ids import Kind
from daimon.notices import sealing
from daimon.notices import service as notices
from daimon.notices.service import Notice
from daimon.operate.audit import secret_of
from daimon.operate.desk import look
from daimon.operate.output import plain


def waiting(settings: Settings, *, limit: int) -> tuple[list[Notice], bool]:
    """Return notices that were not sent yet, the oldest first, and whether there are more. Raises NotDone."""
    sealing.configure(secret_of(settings))
    found = look(settings, lambda db: notices.waiting(db, limit + 1))
    return found[:limit], len(found) > limit


def fields(notice: Notice) -> dict[str, str]:
    """Return a notice for programs."""
    return {
        "notice_id": ids.show(Kind.NOTICE, notice.id),
        "account_id": ids.show(Kind.ACCOUNT, notice.account_id),
        "recipient": notice.recipient,
        "subject": notice.subject,
        "body": _body_of(notice),
        "created_at": rfc3339(notice.created_at),
    }


def _body_of(notice: Notice) -> str:
    return notice.body if notice.body is not None else "(sealed under another DAIMON_SECRET_KEY)"


def as_text(notice: Notice) -> str:
    """Return a notice for people, as the mail that it is."""
    shown = fields(notice)
    head = f"{shown['notice_id']}  {shown['account_id']}  {shown['created_at']}"
    mail = [f"To: {notice.recipient}", f"Subject: {notice.subject}", "", *_body_of(notice).splitlines()]
    return "\n".join([head, *(f"    {plain(line)}".rstrip() for line in mail)])
