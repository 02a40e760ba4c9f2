"""Mail to the return path of a message: reports change how that message stands, all else is for its inbox."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from daimon.db.engine import Connection
from daimon.inbound.directory import NO_INBOX
from daimon.inbound.models import ReadMail
from daimon.mail.dsn import settled
from daimon.outbound import reports, return_path
from daimon.outbound.reports import Reported
from daimon.outbound.return_path import Sent


async def sort(db: Connection, batch: Sequence[ReadMail]) -> tuple[list[ReadMail], list[Reported]]:
    """Return the mails with the inboxes that they are for, and the reports among them."""
    sent = {address: _sent(address) for read in batch for address, inbox in read.mail.recipients if inbox == NO_INBOX}
    if not sent:
        return list(batch), []
    origins = await reports.origins(db, [each for each in sent.values() if each])
    sorted_, reported = [], []
    for read in batch:
        recipients: list[tuple[str, UUID]] = []
        for address, inbox in read.mail.recipients:
            if inbox != NO_INBOX:
                recipients.append((address, inbox))
            elif (named := sent[address]) and (origin := origins.get(named)):
                report = settled(read.content.report, read.mail.mail_from)
                if report and reports.is_about_delivery(report):
                    reported.append(Reported(origin, report, read.mail.received_at))
                else:
                    recipients.append((address, origin.inbox_id))
        sorted_.append(replace(read, mail=replace(read.mail, recipients=tuple(recipients))))
    return sorted_, reported


def is_return_path(address: str) -> bool:
    """Tell whether an address that was accepted is the return path of a message: what is behind `+` is no tag then."""
    return _sent(address) is not None


def _sent(address: str) -> Sent | None:
    return return_path.trusted(address.rpartition("@")[0])
