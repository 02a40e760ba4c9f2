"""Notices to inboxes of this very server: they come in as any mail does, in the transaction that marks them sent."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from daimon.db.engine import Connection
from daimon.inbound import accept
from daimon.inbound.directory import reachable
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.kit.log import Log
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.envelope import Envelope
from daimon.notices import service
from daimon.notices.mail import compose
from daimon.notices.service import Notice

NEXT_LOOK = timedelta(hours=1)  # for a road to an address that there is none to yet

_log = Log(__name__)


async def deliver(db: Connection, *, domain: str, now: datetime, limit: int) -> tuple[int, int]:
    """Accept the due notices whose recipients have an inbox here, and put the others off.

    Returns how many were due and how many were accepted; for these, ring the acceptor's channel after the commit.
    """
    due = await service.take_due(db, now=now, limit=limit)
    mails = await _mails(db, due, domain=domain, now=now)
    if mails:
        await accept.insert(db, [mail for _, mail in mails])
        await service.mark_sent(db, [notice for notice, _ in mails], now=now)
    sent = {notice.id for notice, _ in mails}
    await service.put_off(db, [notice for notice in due if notice.id not in sent], until=now + NEXT_LOOK)
    return len(due), len(mails)


async def _mails(db: Connection, due: Sequence[Notice], *, domain: str, now: datetime) -> list[tuple[Notice, Accepted]]:
    addresses = {notice.id: address for notice in due if (address := _address(notice))}
    here = await reachable(db, list(addresses.values()))
    mails = []
    for notice in due:
        recipient = here.get(str(addresses.get(notice.id)))
        if recipient and (octets := _octets(notice, domain)):
            mails.append((notice, _accepted(recipient, octets, domain=domain, now=now)))
    return mails


def _accepted(recipient: Recipient, octets: bytes, *, domain: str, now: datetime) -> Accepted:
    envelope = Envelope(None, (recipient.address,), smtputf8=not recipient.address.isascii())
    return Accepted(envelope, (recipient,), octets, Peer("127.0.0.1", domain, tls=False), now)


def _octets(notice: Notice, domain: str) -> bytes | None:
    """Return the mail, None for a notice that cannot be one: the others shall not wait for it."""
    try:
        return compose(notice, domain=domain)
    except ValueError as error:
        _log.warning("notice.not_a_mail", notice=notice.id.hex, error=str(error))
        return None


def _address(notice: Notice) -> Address | None:
    try:
        return parse_address(notice.recipient)
    except BadAddress as error:
        _log.warning("notice.bad_recipient", notice=notice.id.hex, error=str(error))
        return None
