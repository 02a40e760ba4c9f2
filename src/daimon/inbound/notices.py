"""Notices on their way: to inboxes of this server as any mail comes in, to everybody else as any mail is sent.

Both happen in the transaction that marks them sent.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from daimon.db.engine import Connection
from daimon.inbound import accept
from daimon.inbound.directory import reachable, served
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.kit.log import Log
from daimon.mail import dkim_signing
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.dkim_signing import SigningKey
from daimon.mail.envelope import Envelope
from daimon.notices import service
from daimon.notices.mail import compose
from daimon.notices.service import Notice
from daimon.outbound import own
from daimon.outbound.own import OwnMail

NEXT_LOOK = timedelta(hours=1)  # for an inbox here that takes no mail now

_log = Log(__name__)


class Delivered(NamedTuple):
    """How many notices were due, how many came in here, and how many are queued to be sent.

    For these, ring the channels of the acceptor and of the outbound queue after the commit.
    """

    due: int
    arrived: int
    queued: int


async def deliver(db: Connection, *, domain: str, keys: Sequence[SigningKey], now: datetime, limit: int) -> Delivered:
    """Accept or queue the due notices, signed with the keys of the service domain, and put off those that cannot be."""
    due = await service.take_due(db, now=now, limit=limit)
    mails = _mails(due, domain=domain)
    here = await reachable(db, [mail.address for mail in mails])
    ours = await served(db, {mail.address.domain for mail in mails}, service_domain=domain)
    arriving = [mail for mail in mails if str(mail.address) in here]
    leaving = [mail for mail in mails if str(mail.address) not in here and mail.address.domain not in ours]
    if arriving:
        found = [(here[str(mail.address)], mail.octets) for mail in arriving]
        await accept.insert(db, [_accepted(*each, domain=domain, now=now) for each in found])
    if leaving:
        await own.queue(db, [_leaving(mail, keys, domain=domain, now=now) for mail in leaving], now=now)
    gone = [mail.notice for mail in (*arriving, *leaving)]
    if gone:
        await service.mark_sent(db, gone, now=now)
    sent = {notice.id for notice in gone}
    await service.put_off(db, [notice for notice in due if notice.id not in sent], until=now + NEXT_LOOK)
    return Delivered(len(due), len(arriving), len(leaving))


class _Mail(NamedTuple):
    notice: Notice
    address: Address
    octets: bytes


def _mails(due: Sequence[Notice], *, domain: str) -> list[_Mail]:
    """Return those that can be mails: the others shall not be waited for."""
    return [
        _Mail(notice, address, octets)
        for notice in due
        if (address := _address(notice)) and (octets := _octets(notice, domain))
    ]


def _leaving(mail: _Mail, keys: Sequence[SigningKey], *, domain: str, now: datetime) -> OwnMail:
    """Return a mail to be sent. What comes back of it is for the operator."""
    octets = dkim_signing.sign(mail.octets, keys, at=now) + mail.octets
    return OwnMail(mail.notice.account_id, f"postmaster@{domain}", str(mail.address), mail.address.domain, octets)


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
