"""What a mail says, once read: plain frozen values that cross a process boundary by msgspec.

Every text here is valid Unicode without NUL and without lone surrogates, so that PostgreSQL's `text` and
`jsonb` take it as it is.
"""

from datetime import datetime
from typing import Literal

import msgspec

from daimon.kit.written import Ours

Verdict = Literal["clean", "suspicious", "dangerous"]
ReportKind = Literal["bounce", "delay", "success", "complaint", "auto_reply"]


class Mailbox(msgspec.Struct, frozen=True):
    """One address of a header field (RFC 5322 §3.4), with its display name if it has one."""

    address: str
    name: str | None = None


class Link(msgspec.Struct, frozen=True):
    """A link a reader could follow, with the words it stands under."""

    url: str
    text: str


class Code(msgspec.Struct, frozen=True):
    """A one-time code. `kind` is `verification`, `login`, `password_reset`, `two_factor` or `pin`."""

    code: str
    kind: Ours


class Attachment(msgspec.Struct, frozen=True):
    """A part that is not the body. `index` finds its content again; `size` is in decoded octets."""

    filename: str | None
    content_type: str
    size: int
    inline: bool
    content_id: str | None  # RFC 2392, without angle brackets
    index: int


class Finding(msgspec.Struct, frozen=True):
    """One thing to know before trusting the mail. `kind` is a stable word, `detail` is for people."""

    kind: Ours
    detail: str


class Dsn(msgspec.Struct, frozen=True):
    """What became of one recipient (RFC 3464 §2.3). What a report does not tell is None.

    `action` is `failed`, `delayed`, `delivered`, `relayed` or `expanded`; `status` an enhanced status code (RFC 3463).
    """

    action: str
    status: str | None = None
    final_recipient: str | None = None
    original_recipient: str | None = None
    diagnostic: str | None = None  # in the words of the server that refused
    remote_mta: str | None = None
    smtp_code: int | None = None  # the reply code within the diagnostic


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says about an earlier one: a DSN, a complaint, or the answer of a machine.

    `tentative` is a guess by the subject alone: it holds only if the mail came with the null reverse-path.
    """

    kind: ReportKind
    recipients: tuple[Dsn, ...] = ()
    reporting_mta: str | None = None
    original_message_id: str | None = None  # with angle brackets
    feedback_type: str | None = None  # of a complaint, RFC 5965 §7.3
    original_rcpt_to: tuple[str, ...] = ()  # of a complaint, as are the next two
    original_mail_from: str | None = None
    user_agent: str | None = None
    tentative: bool = False


class ParsedMail(msgspec.Struct, frozen=True):
    """A mail as the contract's Message wants it (api-contract §3), all but ids, thread and authentication."""

    subject: str
    from_: Mailbox | None  # the first author
    authors: tuple[str, ...]  # the domains of all in From, in A-labels; "" for what is none
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    bcc: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    date: datetime | None  # in UTC
    message_id: str | None  # with angle brackets, as in the header
    in_reply_to: tuple[str, ...]
    references: tuple[str, ...]
    headers: dict[str, list[str]]  # decoded and bounded, names in lower case, in the order of the mail
    body_text: str  # always there: made from the HTML if the mail has no text part
    body_html: str | None  # as sent
    reply_body: str
    preview: str
    links: tuple[Link, ...]
    cta_links: tuple[Link, ...]
    codes: tuple[Code, ...]
    attachments: tuple[Attachment, ...]
    findings: tuple[Finding, ...]
    spam_score: float  # 0..1
    verdict: Verdict
    report: Report | None = None
