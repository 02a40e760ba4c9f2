"""Reports on mail that was sent: delivery status notifications, bounces of any kind, complaints, answers of machines.

A report is told by what it is made of (RFC 3464, RFC 5965), else by who writes it and in which words. What a person
writes is none, whatever it quotes.
"""

import re

import msgspec

from daimon.mail import (
    auto_reply,
    bounce_text,
    delivery_status,
    feedback,
    mailboxes,
    parameters,
    report_fields,
    threading,
)
from daimon.mail.delivery_status import DeliveryStatus
from daimon.mail.header import Header
from daimon.mail.parsed import Dsn, Mailbox, Report, ReportKind
from daimon.mail.structure import Part

_STATUS_TYPES = frozenset(("message/delivery-status", "message/global-delivery-status"))
_FEEDBACK_TYPE = "message/feedback-report"
_DAEMONS = frozenset(("mailer-daemon", "mailerdaemon", "mail-daemon", "maildaemon", "mailer_daemon", "double-bounce",
                      "mail.daemon", "mdaemon", "mail-delivery-subsystem", "nondeliveryreport"))  # fmt: skip
_DAEMON_NAME = re.compile(
    r"(?i)mail(?:er)?[ -]?daemon|mail (?:delivery|router|system|administrator)|delivery (?:sub)?system|"
    r"courier mail server|^microsoft outlook$|system administrator|mail delivery"
)
_HOTMAIL_STAFF = "staff@hotmail.com"


def read_report(octets: bytes, top: Header, parts: tuple[Part, ...], text: str) -> Report | None:
    """Return what a mail reports, None if it is no report. `parts` are its leaves, `text` its body as text."""
    status = _status(octets, parts)
    returned = report_fields.returned_header(octets, parts)
    complaint = next((part for part in parts if part.content_type == _FEEDBACK_TYPE), None)
    if complaint is not None:
        return feedback.read(report_fields.content(octets, complaint), returned)
    writer = next(iter(mailboxes.parse(top.first("from"))), None)
    if status is not None and status.recipients:
        return _of_status(status, text, top, returned, _others(top, writer))
    if writer and writer.address.lower() == _HOTMAIL_STAFF and (found := feedback.of_hotmail(returned)):
        return found
    if _is_bounce(top, writer, text) or status is not None:
        return _of_text(text, top, returned, writer)
    return _answer(text, top, writer)


def settled(report: Report | None, mail_from: str | None) -> Report | None:
    """Return a report that holds for a mail with this reverse-path: a guess needs the null one."""
    if report is None or not report.tentative:
        return report
    return msgspec.structs.replace(report, tentative=False) if mail_from is None else None


def _status(octets: bytes, parts: tuple[Part, ...]) -> DeliveryStatus | None:
    """Return the delivery status that a mail holds. A part with a wrong type is one by its fields."""
    for part in parts:
        if part.content_type in _STATUS_TYPES:
            return delivery_status.read(report_fields.content(octets, part))
    for part in parts[1:4]:
        if part.content_type in ("text/plain", "application/octet-stream") and _begins_as_status(octets, part):
            return delivery_status.read(report_fields.content(octets, part))
    return None


def _begins_as_status(octets: bytes, part: Part) -> bool:
    beginning = octets[part.start : min(part.end, part.start + 200)].lstrip()[:20].lower()
    return beginning.startswith((b"reporting-mta:", b"final-recipient:", b"original-envelope"))


def _of_status(status: DeliveryStatus, text: str, top: Header, returned: Header | None, others: set[str]) -> Report:
    recipients = status.recipients
    if len(recipients) == 1 and recipients[0].diagnostic is None:
        recipients = (_completed(recipients[0], text, top, others),)
    return Report(
        kind=_kind(recipients),
        recipients=recipients,
        reporting_mta=status.reporting_mta,
        original_message_id=report_fields.original_message_id(returned, top),
    )


def _completed(recipient: Dsn, text: str, top: Header, others: set[str]) -> Dsn:
    """Return a recipient with what the words for people say, where the fields for machines do not."""
    known = [recipient.final_recipient] if recipient.final_recipient else []
    told = bounce_text.read(top.text("subject"), text, failed=known, others=others).recipients[0]
    if recipient.status and told.status and told.status[0] != recipient.status[0]:
        return recipient
    return msgspec.structs.replace(
        recipient,
        status=recipient.status or told.status,
        final_recipient=recipient.final_recipient or told.final_recipient,
        diagnostic=told.diagnostic if told.smtp_code or told.status else None,
        smtp_code=told.smtp_code,
    )


def _kind(recipients: tuple[Dsn, ...]) -> ReportKind:
    """Return what a notification is about, the worst first."""
    actions = {recipient.action for recipient in recipients}
    if "failed" in actions:
        return "bounce"
    return "delay" if "delayed" in actions else "success"


def _is_bounce(top: Header, writer: Mailbox | None, text: str) -> bool:
    """Tell whether a mail system writes of a failure."""
    subject = top.text("subject")
    if "x-failed-recipients" in top.fields:
        return True
    kind, params = parameters.parse(top.first("content-type"))
    if kind == "multipart/report" and params.get("report-type", "").lower() == "delivery-status":
        return True
    if not _is_daemon(top, writer):
        return False
    return not threading.is_reply_subject(subject) and bounce_text.speaks_of_failure(subject, text)


def _is_daemon(top: Header, writer: Mailbox | None) -> bool:
    if top.first("return-path").strip() == "<>":
        return not auto_reply.is_certain(top) or _is_named_as_daemon(writer)
    return _is_named_as_daemon(writer)


def _is_named_as_daemon(writer: Mailbox | None) -> bool:
    if writer is None:
        return True
    local = writer.address.rpartition("@")[0].lower()
    if local in _DAEMONS or local in ("", "postmaster") or local.startswith("microsoftexchange"):
        return True
    return _DAEMON_NAME.search((writer.name or "")[:100]) is not None


def _of_text(text: str, top: Header, returned: Header | None, writer: Mailbox | None) -> Report:
    failed = [each.address for each in mailboxes.parse(top.every("x-failed-recipients"))]
    told = bounce_text.read(top.text("subject"), text, failed=failed, others=_others(top, writer))
    return Report(
        kind="delay" if told.delayed else "bounce",
        recipients=told.recipients,
        original_message_id=report_fields.original_message_id(returned, top) or _quoted_id(text),
    )


def _others(top: Header, writer: Mailbox | None) -> set[str]:
    """Return the addresses of the report itself: of whoever writes it, and of us, to whom it goes."""
    ours = mailboxes.parse(top.every("to"))[:10]
    return {each.address.lower() for each in (*ours, *([writer] if writer else []))}


_QUOTED_ID = re.compile(r"(?im)^[ \t>|]{0,8}message-id:[ \t]{0,8}(<[^<>\s]{1,500}>)")
_QUOTED_WITHIN = 128 * 1024


def _quoted_id(text: str) -> str | None:
    match = _QUOTED_ID.search(text[:_QUOTED_WITHIN])
    return match[1] if match else None


def _answer(text: str, top: Header, writer: Mailbox | None) -> Report | None:
    """Return an answer of a machine, or what is to be taken for one, or for a bounce, under the null reverse-path."""
    original = report_fields.original_message_id(None, top)
    if auto_reply.is_certain(top):
        return Report(kind="auto_reply", original_message_id=original)
    tentative = top.first("return-path").strip() != "<>"
    if auto_reply.looks_like_one(top):
        return Report(kind="auto_reply", original_message_id=original, tentative=tentative)
    subject = top.text("subject")
    if bounce_text.subject_speaks_of_failure(subject) and not threading.is_reply_subject(subject):
        return msgspec.structs.replace(_of_text(text, top, None, writer), tentative=tentative)
    return None
