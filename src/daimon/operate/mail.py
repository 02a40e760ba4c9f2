"""Mail that is parked, and the key of the operator's own inbox."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass

from daimon.audit.models import OPERATOR, Change, Entry
from daimon.audit.service import Trail
from daimon.config import Settings
from daimon.inbound import parked
from daimon.inbound.parked import ParkedMail
from daimon.inboxes import postmaster
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.models import Inbox
from daimon.keys.models import IssuedKey
from daimon.kit import ids
from daimon.kit.clock import rfc3339, rfc3339_or_none, utc_now
from daimon.kit.ids import Kind
from daimon.operate.audit import secret_of
from daimon.operate.database import opened
from daimon.operate.errors import NotDone
from daimon.operate.output import cell, plain


def parked_mails(settings: Settings, *, limit: int) -> list[ParkedMail]:
    """Return the mails that a step of the pipeline failed on, the latest first."""

    async def run() -> list[ParkedMail]:
        async with opened(settings) as db:
            return await parked.parked(db, limit=limit)

    return asyncio.run(run())


def retry_parked(settings: Settings, mail: str) -> None:
    """Let a parked mail be tried again at once. Raises NotDone if there is none with this id."""
    mail_id = ids.read(Kind.MESSAGE, mail)

    async def run() -> bool:
        async with opened(settings) as db:
            return mail_id is not None and await parked.retry(db, mail_id, now=utc_now())

    if not asyncio.run(run()):
        raise NotDone(f"no parked mail {mail}")


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A fresh key of the inbox that mail to `postmaster@` and `abuse@` lands in."""

    inbox: Inbox
    key: IssuedKey
    messages_url: str

    def as_json(self) -> str:
        """Return it for programs."""
        inbox_id = ids.show(Kind.INBOX, self.inbox.id)
        shown = {"inbox_id": inbox_id, "email": self.inbox.email, "inbox_api_key": self.key.secret}
        return json.dumps({**shown, "messages_url": self.messages_url}, indent=2)

    def as_text(self) -> str:
        """Return it for people, with the line that lists the mail."""
        return (
            f"Key of {self.inbox.email}, shown this once; the one before it is void:\n\n"
            f"  {self.key.secret}\n\n"
            "Its mail:\n\n"
            f'  curl -s {self.messages_url} -H "Authorization: Bearer {self.key.secret}"'
        )


def operator_key(settings: Settings) -> OperatorKey:
    """Give the operator's inbox a fresh key. Raises NotDone if no server ever made that inbox."""

    async def run() -> tuple[Inbox, IssuedKey]:
        async with opened(settings) as db, db.transaction():
            if await db.fetchval("select to_regclass('addresses')") is None:
                raise InboxNotFound
            now = utc_now()
            inbox, key = await postmaster.renew_key(db, domain=settings.service_domain, now=now)
            change = Change(ids.show(Kind.KEY, key.key_id), after={"old_key_valid_until": now}, inbox_id=inbox.id)
            entry = Entry(inbox.account_id, OPERATOR, "operator_key", change, now)
            await Trail(secret_of(settings)).record(db, [entry])
            return inbox, key

    try:
        inbox, key = asyncio.run(run())
    except InboxNotFound:
        raise NotDone(
            f"there is no postmaster@{settings.service_domain}: the first start of the server makes it"
        ) from None
    return OperatorKey(inbox, key, f"{settings.public_url}/v1/inboxes/{inbox.email}/messages")


def as_json(mails: Sequence[ParkedMail]) -> str:
    """Return parked mails for programs."""
    return json.dumps([_fields(mail) for mail in mails], indent=2)


def as_table(mails: Sequence[ParkedMail]) -> str:
    """Return parked mails for people."""
    if not mails:
        return "No mail is parked."
    return "\n".join(
        f"{shown['id']}  {shown['received_at']}  from <{plain(str(shown['mail_from'] or ''))}>  {shown['size']} bytes  "
        f"{shown['attempts']} attempts, next {shown['not_before'] or 'never'}\n    {cell(shown['error'])}"
        for shown in map(_fields, mails)
    )


def _fields(mail: ParkedMail) -> dict[str, str | int | None]:
    return {
        "id": ids.show(Kind.MESSAGE, mail.id),
        "account_id": ids.show(Kind.ACCOUNT, mail.account_id),
        "mail_from": mail.mail_from,
        "size": mail.size,
        "received_at": rfc3339(mail.received_at),
        "parked_at": rfc3339(mail.parked_at),
        "attempts": mail.attempts,
        "not_before": rfc3339_or_none(mail.not_before),
        "error": mail.error,
    }
