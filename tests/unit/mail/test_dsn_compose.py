"""Our own notifications, as our reader of others' reads them, and who gets none."""

from datetime import UTC, datetime

import pytest

from daimon.mail import mime
from daimon.mail.compose import BadField
from daimon.mail.dsn_compose import Notice, compose_dsn, may_answer
from daimon.mail.envelope import Envelope
from daimon.mail.parsed import Dsn

NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
MAIL = b"From: ada@example.org\r\nSubject: Plans\r\nMessage-ID: <1@example.org>\r\n\r\nsecret words\r\n"
FAILED = Dsn(action="failed", status="5.1.1", final_recipient="gone@example.com", diagnostic="550 5.1.1 no such inbox",
             smtp_code=550)  # fmt: skip


def noticed(*recipients: Dsn, to: str = "ada@example.org") -> Notice:
    return Notice(message_id="<2@mx.example.com>", date=NOW, reporting_mta="mx.example.com", to=to,
                  recipients=recipients, arrived_at=NOW)  # fmt: skip


def test_our_notification_is_one() -> None:
    """RFC 3464: read back, it says what was put in; the body of the mail is not in it."""
    octets = compose_dsn(noticed(FAILED), MAIL)
    mail = mime.parse(octets)
    assert mail.report is not None
    assert (mail.report.kind, mail.report.recipients) == ("bounce", (FAILED,))
    assert (mail.report.reporting_mta, mail.report.original_message_id) == ("mx.example.com", "<1@example.org>")
    assert mail.headers["auto-submitted"] == ["auto-replied"]
    assert b"secret words" not in octets
    assert all(len(line) <= 998 for line in octets.split(b"\r\n"))


def test_nothing_told_begins_a_field() -> None:
    """Line ends in what another server said, or in an address, stay within their field."""
    evil = Dsn(
        action="failed", status="5.0.0", final_recipient="a@example.com", diagnostic="550 no\r\nStatus: 2.0.0\r\n\r\n"
    )
    report = mime.parse(compose_dsn(noticed(evil), MAIL)).report
    assert report is not None
    assert [(each.action, each.status) for each in report.recipients] == [("failed", "5.0.0")]
    with pytest.raises(BadField):
        compose_dsn(noticed(FAILED, to="a@example.org\r\nBcc: b@example.org"), MAIL)


def test_addresses_beyond_ascii_are_told() -> None:
    """RFC 6533."""
    far = Dsn(
        action="failed", status="5.1.1", final_recipient="用户@例子.广告", diagnostic="550 5.1.1 no", smtp_code=550
    )
    octets = compose_dsn(noticed(far), MAIL.replace(b"Plans", "Pläne".encode()))
    report = mime.parse(octets).report
    assert report is not None
    assert report.recipients == (far,)
    assert b"message/global-delivery-status" in octets
    assert b"message/global-headers" in octets


@pytest.mark.parametrize("original", [b"", b"\x00\xff" * 90_000, b"X: " + b"y" * 200_000, b"no header at all"])
def test_any_mail_can_be_told_of(original: bytes) -> None:
    """What came back may be anything."""
    assert mime.parse(compose_dsn(noticed(FAILED), original)).report is not None


@pytest.mark.parametrize(
    ("mail_from", "field", "proven", "expected"),
    [
        ("ada@example.org", b"", {"example.org"}, True),
        ("ada@example.org", b"Auto-Submitted: no\r\n", {"example.org"}, True),
        ("ada@example.org", b"", set(), False),
        ("ada@example.org", b"", {"example.net"}, False),
        (None, b"", {"example.org"}, False),
        ("no address", b"", {"example.org"}, False),
        ("noreply@example.org", b"", {"example.org"}, False),
        ("list-bounces@example.org", b"", {"example.org"}, False),
        ("MAILER-DAEMON@example.org", b"", {"example.org"}, False),
        ("ada@example.org", b"Auto-Submitted: auto-generated\r\n", {"example.org"}, False),
        ("ada@example.org", b"Precedence: bulk\r\n", {"example.org"}, False),
        ("ada@example.org", b"List-Id: <l.example.org>\r\n", {"example.org"}, False),
        ("ada@example.org", b"X-Autoreply: yes\r\n", {"example.org"}, False),
        ("ada@example.org", b"X-Auto-Response-Suppress: All\r\n", {"example.org"}, False),
        ("ada@example.org", b"Content-Type: multipart/report; boundary=b\r\n", {"example.org"}, False),
    ],
)
def test_who_is_told(mail_from: str | None, field: bytes, proven: set[str], expected: bool) -> None:
    """A person who is known to have sent the mail: no machine, no list, and nobody whose address may be forged."""
    envelope = Envelope(mail_from, ("gone@example.com",))
    assert may_answer(envelope, field + MAIL, proven=proven) is expected
