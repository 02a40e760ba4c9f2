"""Claims of messages as clients write and read them."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.api.schema import Search, read_id
from daimon.kit.clock import Time, rfc3339
from daimon.kit.ids import Kind, show
from daimon.kit.written import Ours
from daimon.messages.models import Claimed, ClaimFilter
from daimon.messages.view import MessageView, message_view

LONGEST_LEASE = 43_200


class ClaimFilterBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which messages to claim; all that is given must match."""

    label: Annotated[str, Meta(max_length=64)] | None = None
    from_: Annotated[str, Meta(max_length=320, description="The sender's address.")] | None = msgspec.field(
        default=None, name="from"
    )
    subject: Annotated[Search, Meta(description="What the subject holds.")] | None = None
    thread_id: str | None = None
    has_code: Annotated[bool, Meta(description="Whether it holds a one-time code.")] | None = None


class ClaimCreate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long a message is held, and which."""

    lease_seconds: Annotated[int, Meta(ge=1, le=LONGEST_LEASE)] = 300
    filter: ClaimFilterBody | None = None

    def to_domain(self) -> ClaimFilter:
        """Return what the service is asked. Raises Invalid."""
        wanted = self.filter or ClaimFilterBody()
        thread_id = read_id(Kind.THREAD, wanted.thread_id, "filter.thread_id")
        return ClaimFilter(wanted.label, wanted.from_, wanted.subject, thread_id, wanted.has_code)


class LeaseBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which lease is meant: `claim.lease_id` of the claim's answer."""

    lease_id: Annotated[str, Meta(max_length=64)]

    def to_domain(self) -> UUID:
        """Return the lease. Raises Invalid for what was never one's id."""
        lease_id = read_id(Kind.LEASE, self.lease_id, "lease_id")
        assert lease_id is not None
        return lease_id


class ClaimView(msgspec.Struct):
    """A lease. `claim_count` are the claims of the message until now, this one among them, that were not released."""

    lease_id: Ours
    claim_count: int
    leased_until: Time


class ClaimedView(msgspec.Struct):
    """A message and the lease it is held by."""

    message: MessageView
    claim: ClaimView


def claimed_view(claimed: Claimed) -> ClaimedView:
    """Return a claimed message as clients read it."""
    claim = ClaimView(show(Kind.LEASE, claimed.lease_id), claimed.claim_count, rfc3339(claimed.leased_until))
    return ClaimedView(message_view(claimed.message), claim)
