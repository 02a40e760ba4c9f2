"""Reports on mail that was sent, in the forms of the mail systems that write them."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.mail import dsn, mime
from daimon.mail.parsed import Dsn, Report

from .storable import assert_storable

REPORTS = Path(__file__).parents[2] / "corpus" / "reports"
NOBODY = "nobody@example.org"

# Bounces and delays: kind, and (action, status, reply code, final recipient) of each recipient.
DELIVERY: dict[str, tuple[str, list[tuple[str, str | None, int | None, str]]]] = {
    "courier": ("bounce", [("failed", "5.0.0", 550, NOBODY)]),
    "domino": ("bounce", [("failed", "5.1.1", None, NOBODY)]),
    "domino_text": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "exchange_2019": ("bounce", [("failed", "5.1.10", 550, NOBODY)]),
    "exchange_55": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "exchange_text": ("bounce", [("failed", "5.2.2", 550, NOBODY)]),
    "exim": ("bounce", [("failed", None, 550, NOBODY)]),
    "exim_delay": ("delay", [("delayed", "4.7.1", 451, NOBODY)]),
    "exim_dsn": ("bounce", [("failed", "5.0.0", 550, NOBODY)]),
    "exim_unrouteable": ("bounce", [("failed", None, None, "nobody@nowhere.example")]),
    "french": ("bounce", [("failed", "5.2.2", 552, NOBODY)]),
    "german": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "gmail": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "gmail_delay": ("delay", [("delayed", "4.4.2", None, NOBODY)]),
    "gmail_old": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "japanese": ("bounce", [("failed", None, 550, "nobody@docomo.example")]),
    "mimecast": ("bounce", [("failed", None, 550, NOBODY)]),
    "office365": ("bounce", [("failed", "5.1.10", 550, NOBODY)]),
    "office365_blocked": ("bounce", [("failed", "5.7.511", 550, NOBODY)]),
    "opensmtpd": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "postfix": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "postfix_delayed": ("delay", [("delayed", "4.4.1", None, NOBODY)]),
    "postfix_relayed": ("success", [("relayed", "2.0.0", None, NOBODY)]),
    "postfix_success": ("success", [("delivered", "2.1.5", 250, NOBODY)]),
    "postfix_two_recipients": (
        "bounce",
        [("failed", "5.1.1", 550, NOBODY), ("failed", "5.2.2", 552, "full@example.org")],
    ),
    "postfix_utf8": ("bounce", [("failed", "5.1.1", 550, "用户@例子.广告")]),
    "qmail": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "qmail_two": ("bounce", [("failed", "5.1.1", None, NOBODY), ("failed", "5.1.2", None, "lost@nowhere.example")]),
    "sendmail": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "sendmail_old": ("bounce", [("failed", None, 550, NOBODY)]),
    "sendmail_warning": ("delay", [("delayed", None, None, NOBODY)]),
    "sloppy_gap_within": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "sloppy_no_action": ("delay", [("delayed", "4.7.1", 451, NOBODY)]),
    "sloppy_no_gap": ("bounce", [("failed", "5.1.1", None, NOBODY), ("failed", "5.7.1", 550, "other@example.org")]),
    "sloppy_no_recipient": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "sloppy_type": ("bounce", [("failed", "5.1.1", None, NOBODY)]),
    "unknown_generic": ("bounce", [("failed", None, None, NOBODY)]),
    "yahoo": ("bounce", [("failed", "5.1.1", 550, NOBODY)]),
    "yahoo_disabled": ("bounce", [("failed", None, 554, "nobody@yahoo.example")]),
    "zimbra": ("bounce", [("failed", "5.2.2", 552, NOBODY)]),
}  # fmt: skip
NO_ORIGINAL = {"domino_text", "exchange_55", "exim_delay", "french", "japanese", "mimecast", "sendmail_warning",
               "sloppy_no_action", "unknown_generic"}  # fmt: skip
# Complaints: feedback type, original recipients, original sender, user agent.
COMPLAINTS: dict[str, tuple[str, tuple[str, ...], str | None, str | None]] = {
    "arf_yahoo": ("abuse", ("nobody@yahoo.example",), "agent@example.com", "Yahoo!-Mail-Feedback/2.0"),
    "arf_aol": ("abuse", (), None, "AOL SComp"),
    "arf_comcast": ("abuse", ("4f3a2@comcast.example",), "agent@example.com", "ReturnPathFBL/1.0"),
    "arf_jmrp": ("abuse", ("nobody@hotmail.example",), None, "Hotmail FBL"),
    "arf_opt_out": ("opt-out", ("nobody@provider.example",), None, "Provider/1"),
    "jmrp_old": ("abuse", ("nobody@hotmail.example",), None, None),
}
ANSWERS = {"challenge_tmda", "mdn", "ooo_es", "ooo_fr", "ooo_gmail", "ooo_gone", "ooo_ja", "ooo_null_path",
           "ooo_outlook", "ooo_outlook_de", "ooo_sieve", "ooo_subject_only", "ooo_vacation", "ticket"}  # fmt: skip
NONE = {"arf_not_spam", "arf_dmarc_failure", "none_reply", "none_forwarded_bounce", "none_postmaster_person",
        "none_newsletter", "none_notification", "none_tlsrpt"}  # fmt: skip


def octets_of(name: str) -> bytes:
    return (REPORTS / f"{name}.eml").read_bytes()


def reported(name: str) -> Report:
    report = mime.parse(octets_of(name)).report
    assert report is not None
    return report


def test_every_report_has_an_expectation() -> None:
    """A report added to the corpus says what is expected of it."""
    assert {path.stem for path in REPORTS.glob("*.eml")} == {*DELIVERY, *COMPLAINTS, *ANSWERS, *NONE}


@pytest.mark.parametrize("name", DELIVERY)
def test_what_became_of_each_recipient_is_read(name: str) -> None:
    """Kind, action, status, code and recipient, whoever wrote the report."""
    report = reported(name)
    seen = [(each.action, each.status, each.smtp_code, each.final_recipient) for each in report.recipients]
    assert (report.kind, seen) == DELIVERY[name]
    assert report.original_message_id == (None if name in NO_ORIGINAL else "<sent-1@example.com>")
    assert not report.tentative


def test_a_notification_is_read_whole() -> None:
    """Every field of RFC 3464 that says something about the recipient."""
    assert reported("postfix") == Report(
        kind="bounce",
        reporting_mta="mx.example.net",
        original_message_id="<sent-1@example.com>",
        recipients=(
            Dsn(
                action="failed",
                status="5.1.1",
                final_recipient=NOBODY,
                original_recipient=NOBODY,
                diagnostic="550 5.1.1 <nobody@example.org>: Recipient address rejected: "
                "User unknown in virtual mailbox table",
                remote_mta="mx.example.org",
                smtp_code=550,
            ),
        ),
    )


@pytest.mark.parametrize("name", COMPLAINTS)
def test_a_complaint_says_whose_it_is(name: str) -> None:
    """RFC 5965, and what Hotmail sends."""
    report = reported(name)
    assert report.kind == "complaint"
    seen = (report.feedback_type, report.original_rcpt_to, report.original_mail_from, report.user_agent)
    assert seen == COMPLAINTS[name]
    assert report.original_message_id == "<sent-1@example.com>"


@pytest.mark.parametrize("name", sorted(ANSWERS))
def test_an_answer_of_a_machine_is_no_bounce(name: str) -> None:
    """Out of office in any language, receipts, tickets, challenges; not even one that quotes a refusal."""
    report = reported(name)
    assert (report.kind, report.recipients) == ("auto_reply", ())
    assert report.tentative == (name == "ooo_subject_only")


@pytest.mark.parametrize("name", sorted(NONE))
def test_what_people_write_is_no_report(name: str) -> None:
    """Nor is a newsletter, praise, or a report about something else."""
    assert mime.parse(octets_of(name)).report is None


def test_a_guess_needs_the_null_reverse_path() -> None:
    """A subject alone says nothing of a mail that has a sender to answer to."""
    guess = reported("ooo_subject_only")
    assert dsn.settled(guess, "nobody@example.org") is None
    settled = dsn.settled(guess, None)
    assert settled is not None
    assert not settled.tentative
    certain = reported("postfix")
    assert dsn.settled(certain, "nobody@example.org") == certain
    assert dsn.settled(None, None) is None


def test_a_bounce_by_nobody_in_particular_is_a_guess() -> None:
    """A subject of bounces from an ordinary address holds under the null reverse-path alone."""
    head = b"From: Mail <gateway@example.org>\r\nTo: a@example.com\r\nSubject: Undeliverable: Hi\r\n"
    mail = head + b"\r\nb@example.net: 550 no\r\n"
    report = mime.parse(mail).report
    assert report is not None
    assert (report.kind, report.tentative) == ("bounce", True)
    assert report.recipients[0].final_recipient == "b@example.net"


def test_a_bounded_reading_reports_nothing() -> None:
    """What could not be parsed is no report."""
    assert mime.headers_only(octets_of("postfix")).report is None


@given(st.sampled_from(sorted(REPORTS.glob("*.eml"))), st.data())
@settings(max_examples=150, deadline=None)
def test_damaged_reports_are_read(path: Path, data: st.DataObject) -> None:
    """Cut, doubled or flipped octets never raise, and give what can be stored."""
    octets = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at, length = data.draw(st.integers(0, len(octets))), data.draw(st.integers(0, 60))
        piece = bytes(octets[at : at + length])
        octets[at : at + length] = data.draw(
            st.sampled_from([b"", piece * 2, b"\r\n", b"\r\n\r\n", b"\xff\x00", b"5.1.1 @"])
        )
    assert_storable(mime.parse(bytes(octets)))
