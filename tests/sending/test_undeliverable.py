"""Mail that was accepted for an inbox that is gone: who is told, and who never is."""

from datetime import UTC, datetime

import pytest

from daimon.inbound import understanding
from daimon.inbound.models import QueuedMail, ReadMail
from daimon.inbound.pipeline import show
from daimon.kit import ids
from daimon.mail import mime
from daimon.mail.auth_results import AuthResults

from .conftest import Post

_MAIL = (
    b"From: ada@example.net\r\nTo: agent@daimon.email\r\nSubject: Hi\r\nMessage-ID: <1@example.net>\r\n\r\nHello\r\n"
)
_PROVEN = AuthResults(spf="pass", dkim="none", dmarc="none", proven=("example.net",))
_FORGED = AuthResults(spf="fail", dkim="none", dmarc="none")


async def lose(post: Post, results: AuthResults | None, mail_from: str | None, octets: bytes = _MAIL) -> list[bytes]:
    """Let a mail reach an inbox that was erased, and return the notifications that are to be sent."""
    account_id = ids.new()
    mail = QueuedMail(
        account_id=account_id, id=ids.new(), mail_from=mail_from, recipients=(("agent@daimon.email", ids.new()),),
        peer_ip="192.0.2.1", helo="example.net", size=len(octets), received_at=datetime.now(UTC), octets=octets,
    )  # fmt: skip
    async with post.edge.database.transaction() as db:
        await db.execute("insert into raw_mails values ($1, $2, $3)", account_id, mail.id, octets)
        await show(db, [ReadMail(mail, understanding.fully(octets), results)])
        assert not await db.fetchval("select true from raw_mails where id = $1", mail.id)
        rows = await db.fetch(
            "select octets, q.mail_from, recipient from raw_mails r join outbound_queue q on q.raw_id = r.id"
        )
    assert all((row["mail_from"], row["recipient"]) == (None, "ada@example.net") for row in rows)
    return [row["octets"] for row in rows]


async def test_a_proven_sender_is_told(post: Post) -> None:
    """By a delivery status notification under the null reverse-path."""
    [octets] = await lose(post, _PROVEN, "ada@example.net")
    report = mime.parse(octets).report
    assert report is not None
    assert (report.kind, report.recipients[0].final_recipient) == ("bounce", "agent@daimon.email")
    assert report.recipients[0].status == "5.1.1"


@pytest.mark.parametrize(
    ("results", "mail_from", "octets"),
    [
        (_FORGED, "ada@example.net", _MAIL),
        (None, "ada@example.net", _MAIL),
        (_PROVEN, "ada@example.org", _MAIL),
        (_PROVEN, None, _MAIL),
        (_PROVEN, "ada@example.net", b"Auto-Submitted: auto-replied\r\n" + _MAIL),
        (_PROVEN, "ada@example.net", b"List-Id: <list.example.net>\r\n" + _MAIL),
        (_PROVEN, "no-reply@example.net", _MAIL),
    ],
)
async def test_nobody_else_is(post: Post, results: AuthResults | None, mail_from: str | None, octets: bytes) -> None:
    """Not who may be forged, nor a machine, a list or a report."""
    assert not await lose(post, results, mail_from, octets)
