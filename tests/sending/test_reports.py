"""What comes back: reports on mail that was sent, complaints, answers of machines, and what only pretends to be one."""

from datetime import UTC, datetime

import pytest

from daimon.inbound import accept
from daimon.inbound.directory import NO_INBOX, Directory
from daimon.inbound.models import Accepted, Peer, Recipient
from daimon.kit import ids
from daimon.mail.address import parse_address
from daimon.mail.envelope import Envelope
from daimon.outbound.return_path import ReturnPaths, Sent

from .conftest import Post

_BOUNCE = b"""From: MAILER-DAEMON@mx.example.com\r
To: %(to)s\r
Subject: Undelivered Mail Returned to Sender\r
Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r
\r
--b\r
Content-Type: text/plain\r
\r
This is the mail system.\r
\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example.com\r
\r
Final-Recipient: rfc822; %(recipient)s\r
Action: failed\r
Status: 5.1.1\r
Diagnostic-Code: smtp; 550 5.1.1 unknown user\r
\r
--b--\r
"""


async def come_back(post: Post, octets: bytes, to: str, mail_from: str | None = None) -> None:
    """Let a mail come to a return path, as the SMTP edge takes it."""
    directory = Directory(post.edge.database, domain="daimon.email", return_paths=ReturnPaths(b"s" * 32))
    recipient = directory.find(parse_address(to))
    assert isinstance(recipient, Recipient)  # a return path needs no look-up
    assert recipient.inbox_id == NO_INBOX
    peer = Peer("192.0.2.1", "mx.example.com", tls=False)
    mail = Accepted(Envelope(mail_from, (to,)), (recipient,), octets, peer, datetime.now(UTC))
    async with post.edge.database.transaction() as db:
        await accept.insert(db, [mail])


async def return_path(post: Post, message_id: str) -> str:
    """Return a message's return path."""
    async with post.edge.database.read() as db:
        named = ids.read(ids.Kind.MESSAGE, message_id)
        found: str = await db.fetchval("select mail_from from messages where id = $1", named)
    return found


async def test_a_bounce_counts_for_its_recipient(working: Post) -> None:
    """It came later, by mail: the recipient bounced, and an event says so; the inbox has no new message."""
    sent = await working.sent(to=[f"delivered+{n}@simulator.daimon.email" for n in range(2)])
    await working.decided(sent["id"])
    path = await return_path(working, sent["id"])
    recipient = "delivered+1@simulator.daimon.email"
    await come_back(working, _BOUNCE % {b"to": path.encode(), b"recipient": recipient.encode()}, path)
    states = {each["recipient"]: each for each in await working.until(sent["id"], "bounced")}
    assert [attempt["outcome"] for attempt in states[recipient]["attempts"]] == ["delivered", "bounced"]
    assert states["delivered+0@simulator.daimon.email"]["status"] == "delivered"
    [event] = await working.events("message.bounced")
    assert event["delivery"]["recipient"] == recipient
    assert event["delivery"]["reply"] == "550 5.1.1 unknown user"
    inbox = await working.get(f"/v1/inboxes/{working.inbox}")
    assert (inbox["message_count"], inbox["unread_count"]) == (1, 0)
    assert (await working.get(f"/v1/inboxes/{working.inbox}/messages/{sent['id']}"))["status"] == "bounced"
    async with working.edge.database.read() as db:
        assert await db.fetchval("select count(*) from raw_mails") == 1  # the report's octets are not kept


async def test_the_simulator_complains_and_is_away(working: Post) -> None:
    """A complaint is an event; an out-of-office is a message in the thread, and no bounce."""
    sent = await working.sent(to="complaint@simulator.daimon.email", subject="News")
    await working.told("message.complained")
    [delivery] = await working.deliveries(sent["id"])
    assert delivery["status"] == "delivered"
    away = await working.sent(to="out-of-office@simulator.daimon.email", subject="Question")
    [message] = await working.received()
    assert message["subject"] == "Out of office: Question"
    assert message["thread_id"] == away["thread_id"]
    assert message["labels"] == []
    assert not await working.events("message.bounced")
    assert (await working.deliveries(away["id"]))[0]["status"] == "delivered"


def test_a_return_path_cannot_be_made_up() -> None:
    """Its signature is looked at; its case is not."""
    paths = ReturnPaths(b"secret")
    sent = Sent(ids.new(), ids.new())
    local = paths.make(sent, "example.com").partition("@")[0]
    assert len(local) <= 64
    assert paths.read(local) == paths.read(local.upper()) == sent
    assert ReturnPaths(b"another").read(local) is None
    forged = local[:-5] + ("a" if local[-5] != "a" else "b") + local[-4:]
    assert paths.read(forged) is None


@pytest.mark.parametrize(
    "local", ["b", "b+", "b+x", "b+" + "a" * 60, "b+" + "ü" * 60, "c+" + "a" * 60, "b+" + "1" * 60]
)
def test_what_is_no_return_path_is_none(local: str) -> None:
    """Whatever stands before the @."""
    assert ReturnPaths(b"secret").read(local) is None
