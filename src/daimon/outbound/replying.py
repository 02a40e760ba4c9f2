"""Answers and forwards: whom they go to, and what ties them to the mail that they are about (RFC 5322 §3.6.4)."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.kit.errors import PayloadTooLarge
from daimon.mail import bounds
from daimon.mail.address import BadAddress, parse_address
from daimon.mail.compose import Attachment
from daimon.mail.parsed import Mailbox
from daimon.mail.threading import is_reply_subject
from daimon.messages.content import StoredAttachment
from daimon.messages.models import Direction, Message
from daimon.outbound.models import MOST_CONTENT_OCTETS, NewMail
from daimon.threads.errors import ThreadNotFound


async def in_its_thread(db: Connection, scope: Scope, inbox_id: UUID, wish: NewMail) -> NewMail:
    """Return a mail that names the newest one of the thread it shall go on, unless it names another itself.

    Raises ThreadNotFound for a thread that is not this inbox's.
    """
    if wish.thread_id is None:
        return wish
    row = await db.fetchrow(
        """
        select m.message_id, c.summary -> 'references' as refs from threads t
        left join lateral (
            select * from messages m
            where m.account_id = t.account_id and m.thread_id = t.id and m.message_id is not null
            order by m.id desc limit 1
        ) m on true
        left join mail_contents c on c.account_id = m.account_id and c.id = m.raw_id
        where t.account_id = $1 and t.id = $2 and t.inbox_id = $3 and t.deleted_at is null
        """,
        scope.account_id,
        wish.thread_id,
        inbox_id,
    )
    if row is None:
        raise ThreadNotFound
    if wish.in_reply_to or row["message_id"] is None:
        return wish
    earlier = msgspec.json.decode(row["refs"], type=tuple[str, ...]) if row["refs"] else ()
    return msgspec.structs.replace(
        wish, in_reply_to=row["message_id"], references=wish.references or _references(earlier, row["message_id"])
    )


def reply(parent: Message, wish: NewMail, *, own: str, to_all: bool) -> NewMail:
    """Return an answer to a message. Recipients and subject of the wish count, where it has them."""
    to, cc = _answered(parent, own, to_all=to_all)
    return msgspec.structs.replace(
        wish,
        to=wish.to or to,
        cc=wish.cc or cc,
        subject=wish.subject or _subject("Re: ", parent.subject),
        in_reply_to=parent.message_id,
        references=_references(parent.summary.references, parent.message_id),
        thread_id=parent.thread_id,
    )


def forward(parent: Message, wish: NewMail, attached: Sequence[tuple[StoredAttachment, bytes]]) -> NewMail:
    """Return a mail that hands a message on. What it said stands below what the wish says, as text.

    Raises PayloadTooLarge if the attachments of both are too large in all.
    """
    files = [*wish.attachments, *(_file(known, content) for known, content in attached)]
    if sum(len(each.content) for each in files) > MOST_CONTENT_OCTETS:
        raise PayloadTooLarge(f"With the message's attachments it is larger than {MOST_CONTENT_OCTETS} bytes.")
    detail = parent.detail
    text = parent.summary.body_text or (detail.body_text if detail else None) or ""
    quoted = f"{_forwarded(parent)}\n\n{text}"
    body = f"{wish.body_text}\n\n{quoted}" if wish.body_text else quoted
    return msgspec.structs.replace(
        wish,
        subject=wish.subject or _subject("Fwd: ", parent.subject),
        body_text=body[: bounds.BODY_TEXT_CHARS],
        references=_references(parent.summary.references, parent.message_id),
        attachments=tuple(files),
    )


def _file(known: StoredAttachment, content: bytes) -> Attachment:
    return Attachment(known.filename or "attachment", known.content_type, content)


def _answered(parent: Message, own: str, *, to_all: bool) -> tuple[tuple[Mailbox, ...], tuple[Mailbox, ...]]:
    """Return whom an answer goes to. One to a mail of the inbox itself goes on to whom that went to."""
    if parent.direction is Direction.OUTBOUND:
        to = parent.summary.to
    elif parent.summary.reply_to:
        to = parent.summary.reply_to
    else:
        to = (Mailbox(parent.from_address, parent.from_name),) if parent.from_address else ()
    if not to_all:
        return to, ()
    seen = {_key(own), *(_key(person.address) for person in to)}
    others = []
    for person in (*parent.summary.to, *parent.summary.cc):
        if _key(person.address) not in seen:
            seen.add(_key(person.address))
            others.append(person)
    return to, tuple(others)


def _key(address: str) -> str:
    """Return what two ways to write an address have in common."""
    try:
        return parse_address(address).base
    except BadAddress:
        return address.lower()


def _references(earlier: tuple[str, ...], own: str | None) -> tuple[str, ...]:
    """Return the ids of the thread up to a mail: the first, which is its root, and the last ones."""
    ids = tuple(dict.fromkeys([*earlier, *([own] if own else [])]))
    return ids if len(ids) <= bounds.REFERENCES_LAST else (ids[0], *ids[1 - bounds.REFERENCES_LAST :])


def _subject(prefix: str, subject: str) -> str:
    return subject if prefix == "Re: " and is_reply_subject(subject) else f"{prefix}{subject}"


def _forwarded(parent: Message) -> str:
    people = ", ".join(person.address for person in parent.summary.to)
    sender = parent.from_address or "unknown"
    sent = (parent.sent_at or parent.received_at).strftime("%Y-%m-%d %H:%M UTC")
    return (
        "---------- Forwarded message ----------\n"
        f"From: {sender}\nDate: {sent}\nSubject: {parent.subject}\nTo: {people}"
    )
