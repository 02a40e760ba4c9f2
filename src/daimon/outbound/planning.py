"""What a submission is going to do, found out before anything is written: from where, to whom, in which thread."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple
from uuid import UUID

from daimon.accounts.errors import AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxIsSuspended, InboxNotFound
from daimon.inboxes.models import Inbox, InboxStatus
from daimon.keys.models import Principal
from daimon.kit.batches import Batches
from daimon.kit.errors import Invalid
from daimon.kit.ids import Kind, show
from daimon.mail.address import BadAddress, parse_address
from daimon.mail.parsed import Mailbox
from daimon.outbound import replying
from daimon.outbound.models import MOST_RECIPIENTS, DeliveryStatus, NewMail, Recipient, RecipientKind
from daimon.outbound.simulator import SIMULATOR
from daimon.pods import service as pods
from daimon.pods.errors import PodSuspended
from daimon.pods.models import PodStatus
from daimon.rules import lookup as rules
from daimon.rules.lookup import Place
from daimon.suppressions.repository import canonical, suppressed

MOST_AT_ONCE = 64  # mails that are planned by one set of statements


@dataclass(frozen=True, slots=True)
class Plan:
    """What is known once everything was looked at and before anything is written."""

    inbox: Inbox
    pod_limit: int | None
    mail: NewMail
    recipients: list[tuple[Recipient, DeliveryStatus]]

    @property
    def to_send(self) -> int:
        """Return how many recipients get the mail."""
        return sum(status is DeliveryStatus.QUEUED for _, status in self.recipients)

    @property
    def to_people(self) -> int:
        """Return how many of them are not the simulator."""
        return sum(
            status is DeliveryStatus.QUEUED and not each.domain.startswith(f"{SIMULATOR}.")
            for each, status in self.recipients
        )

    @property
    def status(self) -> DeliveryStatus:
        """Return how the message stands at first."""
        return DeliveryStatus.QUEUED if self.to_send else DeliveryStatus.SUPPRESSED


class Ask(NamedTuple):
    """A mail that is to be looked at: who sends it, from which inbox, and what he wishes."""

    who: Principal
    inbox: UUID | str
    wish: NewMail


class Planner:
    """Plans the mails that keys of one scope send at one moment by one set of statements. Make one for each process."""

    def __init__(self, lend: Callable[[UUID], AbstractAsyncContextManager[Connection]]) -> None:
        self._lend = lend
        self._batches = Batches(self._plan, most=MOST_AT_ONCE)

    async def plan(self, ask: Ask) -> Plan:
        """Return what a mail is going to do. Raises what `plan` raises."""
        return await self._batches.add(ask.who.scope, ask)

    async def _plan(self, scope: Scope, asks: Sequence[Ask]) -> list[Plan]:
        async with self._lend(scope.account_id) as db:
            return await plan(db, scope, asks)


async def plan(db: Connection, scope: Scope, asks: Sequence[Ask]) -> list[Plan]:
    """Look at all that submissions within a scope depend on.

    Raises AccountUnderReview, Invalid, InboxNotFound, InboxIsSuspended, PodSuspended, RecipientBlocked, ThreadNotFound
    if that holds for any of them.
    """
    if any(ask.who.account.status is AccountStatus.UNDER_REVIEW for ask in asks):
        raise AccountUnderReview
    recipients = [recipients_of(ask.wish) for ask in asks]
    senders = await _senders(db, scope, asks)
    pod_limits = {pod_id: await _pod_limit(db, scope, pod_id) for pod_id in {sender.pod_id for sender in senders}}
    await rules.check_outbound(
        db,
        [
            (Place(sender.account_id, sender.pod_id, sender.id), [each.address for each in those])
            for sender, those in zip(senders, recipients, strict=True)
        ],
    )
    known = [
        [(sender.pod_id, canonical(each.address)) for each in those]
        for sender, those in zip(senders, recipients, strict=True)
    ]
    gone = await suppressed(db, scope.account_id, set(chain.from_iterable(known)))
    return [
        Plan(
            sender,
            pod_limits[sender.pod_id],
            await replying.in_its_thread(db, scope, sender.id, ask.wish),
            [
                (each, DeliveryStatus.SUPPRESSED if key in gone else DeliveryStatus.QUEUED)
                for each, key in zip(those, keys, strict=True)
            ],
        )
        for ask, sender, those, keys in zip(asks, senders, recipients, known, strict=True)
    ]


async def _senders(db: Connection, scope: Scope, asks: Sequence[Ask]) -> list[Inbox]:
    found = await inboxes.get_many(db, scope, [ask.inbox for ask in asks])
    for ask in asks:
        if ask.inbox not in found:
            raise InboxNotFound
        if found[ask.inbox].status is not InboxStatus.ACTIVE:
            raise InboxIsSuspended
    return [found[ask.inbox] for ask in asks]


async def _pod_limit(db: Connection, scope: Scope, pod_id: UUID | None) -> int | None:
    if pod_id is None:
        return None
    pod = await pods.get(db, Scope(scope.account_id), pod_id)
    if pod.status is PodStatus.SUSPENDED:
        raise PodSuspended().about(pod_id=show(Kind.POD, pod_id))
    return pod.limits.max_sends_per_day


def recipients_of(wish: NewMail) -> list[Recipient]:
    """Return whom a mail goes to, each once; the field that names one first counts. Raises Invalid."""
    found: dict[str, Recipient] = {}
    for kind in RecipientKind:
        people: tuple[Mailbox, ...] = getattr(wish, kind)
        for person in people:
            try:
                address = parse_address(person.address)
            except BadAddress as error:
                raise Invalid.field(kind, f"{person.address[:100]!r} is no address: {error}") from error
            found.setdefault(str(address), Recipient(str(address), address.domain, kind))
    if not found:
        raise Invalid.field("to", "names nobody; a mail needs at least one recipient in to, cc or bcc")
    if len(found) > MOST_RECIPIENTS:
        raise Invalid.field(
            "to", f"names {len(found)} recipients with cc and bcc; at most {MOST_RECIPIENTS} are allowed"
        )
    return list(found.values())
