"""Mail that was accepted and reaches nobody any more: its sender is told, if it is known to be the sender."""

from collections.abc import Sequence

from daimon.db.engine import Connection
from daimon.inbound.authentication import proven
from daimon.inbound.models import QueuedMail, ReadMail
from daimon.kit import ids
from daimon.mail.address import parse_address
from daimon.mail.dsn_compose import Notice, compose_dsn, may_answer
from daimon.mail.envelope import Envelope
from daimon.mail.field import BadField
from daimon.mail.parsed import Dsn
from daimon.outbound import own
from daimon.outbound.own import OwnMail

_GONE = "the mailbox was deleted after the mail was accepted"


async def tell_senders(db: Connection, unplaced: Sequence[ReadMail]) -> None:
    """Queue a notification for each mail whose sender is proven; of all others nobody is told (no backscatter)."""
    for read in unplaced:
        mail, addresses = read.mail, tuple(address for address, _ in read.mail.recipients)
        envelope = Envelope(mail.mail_from, addresses)
        if not addresses or not may_answer(envelope, mail.octets, proven=proven(read.authentication)):
            continue
        try:
            notification = _notification(mail, addresses)
        except BadField:
            continue
        await own.queue(db, [notification], now=mail.received_at)


def _notification(mail: QueuedMail, addresses: Sequence[str]) -> OwnMail:
    assert mail.mail_from is not None
    here = parse_address(addresses[0]).domain
    notice = Notice(
        message_id=f"<{ids.new().hex}@{here}>",
        date=mail.received_at,
        reporting_mta=here,
        to=mail.mail_from,
        recipients=tuple(Dsn("failed", "5.1.1", address, diagnostic=_GONE) for address in addresses),
        arrived_at=mail.received_at,
    )
    sender = parse_address(mail.mail_from)
    return OwnMail(mail.account_id, None, str(sender), sender.domain, compose_dsn(notice, mail.octets))
