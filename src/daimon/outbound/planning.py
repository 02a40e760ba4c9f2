"""What a submission is going to do, found out before anything is written: from where, to whom, in which thread."""

from dataclasses import dataclass
from uuid import UUID

from daimon.accounts.errors import AccountUnderReview
from daimon.accounts.models import AccountStatus
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.inboxes import service as inboxes
from daimon.inboxes.errors import InboxIsSuspended
from daimon.inboxes.models import Inbox, InboxStatus
from daimon.keys.models import Principal
from daimon.kit.errors import Invalid
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


async def plan(db: Connection, who: Principal, inbox: UUID | str, wish: NewMail) -> Plan:
    """Look at all that a submission depends on. Raises what `submission.submit` raises before it writes."""
    if who.account.status is AccountStatus.UNDER_REVIEW:
        raise AccountUnderReview
    recipients = recipients_of(wish)
    sender = await inboxes.get(db, who.scope, inbox)
    if sender.status is not InboxStatus.ACTIVE:
        raise InboxIsSuspended
    pod_limit = await _pod_limit(db, sender)
    addresses = [each.address for each in recipients]
    await rules.check_outbound(db, Place(sender.account_id, sender.pod_id, sender.id), addresses)
    known = {each.address: canonical(each.address) for each in recipients}
    gone = await suppressed(db, sender.account_id, sender.pod_id, list(known.values()))
    mail = await replying.in_its_thread(db, who.scope, sender.id, wish)
    return Plan(
        sender,
        pod_limit,
        mail,
        [
            (each, DeliveryStatus.SUPPRESSED if known[each.address] in gone else DeliveryStatus.QUEUED)
            for each in recipients
        ],
    )


async def _pod_limit(db: Connection, sender: Inbox) -> int | None:
    if sender.pod_id is None:
        return None
    pod = await pods.get(db, Scope(sender.account_id), sender.pod_id)
    if pod.status is PodStatus.SUSPENDED:
        raise PodSuspended
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
