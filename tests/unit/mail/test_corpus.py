"""Real-life mails, written for this purpose, and what has to be read out of each."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daimon.mail import mime
from daimon.mail.parsed import ParsedMail

MAILS = Path(__file__).parents[2] / "corpus" / "mails"

# What is not named is not looked at. Attachments: (filename, content type, inline).
EXPECTED: dict[str, dict[str, Any]] = {
    "plain": {
        "subject": "Lunch on Thursday?",
        "from": ("ada@example.org", "Ada Lovelace"),
        "date": datetime(2026, 3, 16, 9, 30, tzinfo=UTC),
        "message_id": "<plain@example.org>",
        "reply_body": "Hi,\n\nshall we have lunch on Thursday at 12:30?",
        "preview": "Hi, shall we have lunch on Thursday at 12:30?",
        "codes": [],
        "findings": [],
        "verdict": "clean",
    },
    "verification_html": {
        "codes": [("482913", "verification")],
        "cta_links": ["https://cloud.example.org/verify?token=aBcDeF"],
        "links": 3,
        "findings": [],
    },
    "html_only_reset": {
        "body_text": "Hello Sam,\n\nSomebody asked for a new password.\n\nEnter this code:\n\n739204\n\n"
        "Choose a new password\n\n- It works once\n- It works for an hour",
        "codes": [("739204", "password_reset")],
        "cta_links": ["https://shop.example.org/account/reset?t=1&u=2"],
    },
    "reply_gmail": {
        "reply_body": "Sounds good, let us do that.",
        "in_reply_to": ("<q1@example.com>",),
        "references": ("<q0@example.com>", "<q1@example.com>"),
    },
    "reply_outlook_de": {
        "from": ("joerg@example.org", "Jörg Müller"),
        "reply_body": "Schönen Dank, das passt so.\n\nViele Grüße\nJörg",
    },
    "reply_fr_interleaved": {"reply_body": "Mercredi.\n\nÀ Lyon."},
    "forward_apple": {"reply_body": "Can you pay this?", "codes": []},
    "flowed": {
        "body_text": "This is one paragraph that a mail program has broken softly over three lines.\nA second one.\n"
        "> quoted words that were broken as well\n> not quoted, only stuffed\n-- \nDan",
    },
    "inline_image": {
        "body_text": "Look:\n\na red dot\n\nNice?",
        "attachments": [("dot.png", "image/png", True)],
    },
    "attachments_rfc2231": {
        "attachments": [("Übersicht 2026.pdf", "application/pdf", False), ("äte.csv", "text/csv", False)],
    },
    "forwarded_message_part": {
        "subject": "Fwd as attachment",
        "body_text": "See attached.",
        "attachments": [(None, "message/rfc822", False)],
    },
    "calendar": {"attachments": [("invite.ics", "text/calendar", False)]},
    "tnef": {"body_text": "The real text.", "attachments": [("winmail.dat", "application/ms-tnef", False)]},
    "bounce": {
        "from": ("MAILER-DAEMON@mx.example.org", "Mail Delivery System"),
        "attachments": [(None, "message/delivery-status", False), (None, "text/rfc822-headers", False)],
    },
    "no_headers": {
        "from": None,
        "subject": "",
        "body_text": "Just some words\nwithout any header, said: nobody",
        "findings": ["malformed_header", "no_sender", "no_date"],
    },
    "no_text_part": {"body_text": "", "attachments": [("scan.pdf", "application/pdf", False)]},
    "latin1_declared_utf8": {
        "body_text": "Un café à la crème, déjà vu, naïve façade, où êtes-vous ?",
        "findings": ["charset_fallback"],
    },
    "utf8_declared_latin1": {"body_text": "Grüße aus Köln – schön hier", "findings": ["charset_fallback"]},
    "japanese": {"from": ("yamada@example.org", "山田"), "codes": [("483920", "verification")], "findings": []},
    "chinese_gbk": {"subject": "登录验证码", "codes": [("592013", "login")]},
    "russian_koi8": {
        "subject": "Код подтверждения",
        "from": ("ivan@example.org", "Иван"),
        "codes": [("771204", "verification")],
    },
    "broken_encoded_words": {
        "subject": "Grüße aus Köln! =?utf-8?q?broken",
        "from": ("max@example.org", "Müller, Max"),
    },
    "broken_boundary": {"body_text": "Words that would be lost.", "findings": ["broken_mime"]},
    "truncated": {"body_text": "The start is here.", "attachments": [("a.zip", "application/zip", False)]},
    "headerless_lines": {
        "from": ("nick@example.org", "Nick"),
        "body_text": "Still readable.",
        "findings": ["malformed_header"],
    },
    "bare_lf": {"body_text": "first\n\nsecond"},
    "groups_and_comments": {
        "from": ("olga@example.org", "Olga"),
        "to": ["a@example.com", "b@example.com"],
        "cc": ["deep@example.com", "d@[192.0.2.1]", '"quoted local"@example.com'],
        "date": datetime(2026, 3, 16, 15, 30, tzinfo=UTC),
    },
    "newsletter": {"codes": [], "cta_links": [], "links": 2, "findings": [], "verdict": "clean"},
    "phishing": {
        "findings": [
            "display_name_spoofing",
            "lookalike_sender",
            "executable_attachment",
            "hidden_text",
            "shouting",
        ],
        "verdict": "dangerous",
    },
    "prompt_injection": {
        "body_text": "Here are the notes of our meeting.",
        "findings": ["hidden_text", "llm_instructions"],
        "verdict": "dangerous",
    },
    "invisible_tags": {"findings": ["invisible_unicode"], "verdict": "suspicious"},
    "lookalike_idn": {"findings": ["lookalike_sender"], "verdict": "suspicious"},
    "encrypted_zip": {"findings": ["encrypted_attachment"], "verdict": "suspicious"},
    "apple_interleaved": {
        "body_text": "Before the picture.\n\nAfter the picture.",
        "attachments": [("IMG_1.jpg", "image/jpeg", True)],
    },
    "smtputf8": {"from": ("пётр@пример.рф", "Пётр"), "to": ["用户@例子.广告"], "body_text": "Привет!"},
}


def seen(mail: ParsedMail, what: str) -> object:
    match what:
        case "from":
            return (mail.from_.address, mail.from_.name) if mail.from_ else None
        case "to" | "cc":
            return [mailbox.address for mailbox in getattr(mail, what)]
        case "codes":
            return [(code.code, code.kind) for code in mail.codes]
        case "links":
            return len(mail.links)
        case "cta_links":
            return [link.url for link in mail.cta_links]
        case "attachments":
            return [(file.filename, file.content_type, file.inline) for file in mail.attachments]
        case "findings":
            return [finding.kind for finding in mail.findings]
        case _:
            return getattr(mail, what)


@pytest.mark.parametrize("name", EXPECTED)
def test_mail_reads_as_expected(name: str) -> None:
    """Each mail of the corpus gives what a person would read out of it."""
    mail = mime.parse((MAILS / f"{name}.eml").read_bytes())
    expected = EXPECTED[name]
    assert {what: seen(mail, what) for what in expected} == expected


def test_every_mail_has_an_expectation() -> None:
    """A mail added to the corpus says what is expected of it."""
    assert {path.stem for path in MAILS.glob("*.eml")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_attachment_content_matches_its_size(name: str) -> None:
    """The content found by an attachment's index has the size that was told."""
    octets = (MAILS / f"{name}.eml").read_bytes()
    for file in mime.parse(octets).attachments:
        assert len(mime.attachment(octets, file.index)) == file.size


def test_body_part_is_no_attachment() -> None:
    """An index that `parse` did not give is refused."""
    octets = (MAILS / "tnef.eml").read_bytes()
    for index in (0, 2, -1):
        with pytest.raises(IndexError):
            mime.attachment(octets, index)


@pytest.mark.parametrize("name", EXPECTED)
def test_headers_only_tells_the_same_header(name: str) -> None:
    """The bounded reader gives the header as the whole reader does, and says that it is not the whole."""
    octets = (MAILS / f"{name}.eml").read_bytes()
    whole, bounded = mime.parse(octets), mime.headers_only(octets)
    assert (bounded.subject, bounded.from_, bounded.to, bounded.date) == (
        whole.subject,
        whole.from_,
        whole.to,
        whole.date,
    )
    assert bounded.findings[0].kind == "unparsed"
