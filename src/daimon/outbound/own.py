"""Mail of the server's own to people elsewhere: it takes the road of all mail, and leaves nothing behind."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from daimon.db.engine import Connection
from daimon.kit import ids


class OwnMail(NamedTuple):
    """A signed mail to one person, on behalf of an account."""

    account_id: UUID
    mail_from: str | None
    recipient: str
    destination: str
    octets: bytes


async def queue(db: Connection, mails: Sequence[OwnMail], *, now: datetime) -> None:
    """Queue mails in the caller's transaction; ring the channel of the queue after the commit."""
    raws = [ids.new() for _ in mails]
    await db.execute(
        """
        with mails as materialized (
            select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bytea[])
                as n (account_id, raw_id, id, mail_from, recipient, destination, octets)
        ), raw as (
            insert into raw_mails (account_id, id, octets) select account_id, raw_id, octets from mails
        )
        insert into outbound_queue (account_id, id, raw_id, mail_from, recipient, destination, smtputf8, size,
                                    queued_at, due_at)
        select account_id, id, raw_id, mail_from, recipient, destination,
               octet_length(recipient) > char_length(recipient), octet_length(octets), $8, $8
        from mails
        """,
        [mail.account_id for mail in mails],
        raws,
        [ids.new() for _ in mails],
        [mail.mail_from for mail in mails],
        [mail.recipient for mail in mails],
        [mail.destination for mail in mails],
        [mail.octets for mail in mails],
        now,
    )
