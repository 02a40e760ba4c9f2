"""The audit trail as clients read it."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from daimon.api.schema import Cursor, Moment, Page, in_utc, read_id
from daimon.audit.models import ActorKind, Row
from daimon.audit.repository import AuditQuery
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours


class AuditList(Page, frozen=True):
    """Which entries a list shows."""

    action: Annotated[str, Meta(max_length=64, description="An operation's name, or `read_message`.")] | None = None
    target: Annotated[str, Meta(max_length=320, description="The id of what was changed or read.")] | None = None
    actor: Annotated[ActorKind, Meta(description="What kind of actor did it.")] | None = None
    key_id: Annotated[str, Meta(max_length=64)] | None = None
    member_id: Annotated[str, Meta(max_length=64)] | None = None
    pod_id: Annotated[str, Meta(max_length=64)] | None = None
    inbox_id: Annotated[str, Meta(max_length=64)] | None = None
    from_: Annotated[Moment, Meta(description="At this moment or after it.")] | None = msgspec.field(
        default=None, name="from"
    )
    to: Annotated[Moment, Meta(description="Before this moment.")] | None = None

    def to_domain(self) -> AuditQuery:
        """Return what the repository is asked. Raises Invalid."""
        return AuditQuery(
            limit=self.limit,
            cursor=self.cursor,
            action=self.action,
            target=self.target,
            actor=self.actor,
            key_id=read_id(Kind.KEY, self.key_id, "key_id"),
            member_id=read_id(Kind.MEMBER, self.member_id, "member_id"),
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            inbox_id=read_id(Kind.INBOX, self.inbox_id, "inbox_id"),
            since=in_utc(self.from_, "from"),
            until=in_utc(self.to, "to"),
        )


class AuditActor(msgspec.Struct):
    """Who did it, with which key, and from where."""

    kind: ActorKind
    key_id: Ours | None
    member_id: Ours | None
    ip: str | None


class AuditEntry(msgspec.Struct):
    """One change, or one read of mail by a key wider than the inbox's own. `hash` goes on from the entry before it."""

    id: Ours
    number: int
    at: Time
    actor: AuditActor
    action: Ours
    target: str | None
    pod_id: Ours | None
    inbox_id: Ours | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    request_id: Ours | None
    hash: Ours


class AuditPage(msgspec.Struct):
    """A page of entries, the newest first. It may hold few, even none, and still have one after it."""

    audit: list[AuditEntry]
    has_more: bool
    next_cursor: Cursor | None


def entry_view(row: Row) -> AuditEntry:
    """Return a row of the trail as clients read it."""
    return AuditEntry(
        id=show(Kind.AUDIT, row.id),
        number=row.number,
        at=rfc3339(row.at),
        actor=AuditActor(
            ActorKind(row.actor),
            show_or_none(Kind.KEY, row.key_id),
            show_or_none(Kind.MEMBER, row.member_id),
            row.ip,
        ),
        action=row.action,
        target=row.target,
        pod_id=show_or_none(Kind.POD, row.pod_id),
        inbox_id=show_or_none(Kind.INBOX, row.inbox_id),
        before=None if row.before is None else msgspec.json.decode(row.before),
        after=None if row.after is None else msgspec.json.decode(row.after),
        request_id=row.request_id,
        hash=row.hash.hex(),
    )
