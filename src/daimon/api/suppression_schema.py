"""Suppressions as clients write and read them."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.api.schema import Cursor, Moment, OneLine, Page, Search, in_utc, read_id
from daimon.kit.clock import Time, rfc3339
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show, show_or_none
from daimon.kit.written import Ours
from daimon.mail.address import BadAddress
from daimon.suppressions.models import Reason, Suppression, SuppressionQuery
from daimon.suppressions.repository import canonical

Address = Annotated[str, Meta(min_length=3, max_length=320, description="Such as `ann@example.com`.")]


class SuppressionCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An address that nothing shall be sent to: from the inboxes of a pod, or from those in none."""

    address: Address
    pod_id: str | None = None
    reason: Reason = Reason.MANUAL
    detail: Annotated[OneLine, Meta(description="A note of yours.")] | None = None

    def to_domain(self) -> tuple[str, UUID | None]:
        """Return the address as it is stored, and the pod. Raises Invalid."""
        return _canonical(self.address), read_id(Kind.POD, self.pod_id, "pod_id")


class SuppressionOf(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose suppression of an address is meant."""

    pod_id: Annotated[str, Meta(description="Of this pod alone; left out, of all that the key reaches.")] | None = None

    def to_domain(self) -> UUID | None:
        """Return the pod. Raises Invalid."""
        return read_id(Kind.POD, self.pod_id, "pod_id")


class SuppressionList(Page, frozen=True):
    """Which suppressions a list shows."""

    address: Address | None = None
    reason: Reason | None = None
    pod_id: str | None = None
    q: Annotated[Search, Meta(description="How the address begins.")] | None = None
    before: Annotated[Moment, Meta(description="Suppressed before this.")] | None = None
    after: Annotated[Moment, Meta(description="Suppressed after this.")] | None = None

    def to_domain(self) -> SuppressionQuery:
        """Return what the service is asked. Raises Invalid."""
        return SuppressionQuery(
            limit=self.limit,
            cursor=self.cursor,
            pod_id=read_id(Kind.POD, self.pod_id, "pod_id"),
            address=None if self.address is None else _canonical(self.address),
            reason=self.reason,
            q=self.q and self.q.lower(),
            before=in_utc(self.before, "before"),
            after=in_utc(self.after, "after"),
        )


class SuppressionView(msgspec.Struct):
    """A suppressed address. `message_id` is the sent message that came back or was complained of."""

    address: str
    account_id: Ours
    pod_id: Ours | None
    reason: Reason
    message_id: Ours | None
    detail: str | None
    created_at: Time


class SuppressionPage(msgspec.Struct):
    """A page of suppressions."""

    suppressions: list[SuppressionView]
    has_more: bool
    next_cursor: Cursor | None


def suppression_view(suppression: Suppression) -> SuppressionView:
    """Return a suppression as clients read it."""
    return SuppressionView(
        address=suppression.address,
        account_id=show(Kind.ACCOUNT, suppression.account_id),
        pod_id=show_or_none(Kind.POD, suppression.pod_id),
        reason=suppression.reason,
        message_id=show_or_none(Kind.MESSAGE, suppression.message_id),
        detail=suppression.detail,
        created_at=rfc3339(suppression.created_at),
    )


def in_brief(suppression: Suppression) -> dict[str, Any]:
    """Return a suppression for the audit trail."""
    return {
        "address": suppression.address,
        "pod_id": show_or_none(Kind.POD, suppression.pod_id),
        "reason": suppression.reason.value,
        "detail": suppression.detail,
    }


def _canonical(address: str) -> str:
    try:
        return canonical(address)
    except BadAddress as error:
        raise Invalid.field("address", f"is no address: {error}") from None
