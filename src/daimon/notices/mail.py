"""A notice as a mail (RFC 5322)."""

from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from daimon.notices.service import Notice


def compose(notice: Notice, *, domain: str) -> bytes:
    """Return the octets of a notice, sent by the service domain itself.

    Raises ValueError for CR or LF in a field, and for a body that cannot be read any more.
    """
    if notice.body is None:
        raise ValueError("it was sealed under another secret key")
    mail = EmailMessage(SMTP.clone(utf8=not notice.recipient.isascii()))  # RFC 6532, where the address needs it
    mail["From"] = f"daimon <no-reply@{domain}>"
    mail["To"] = notice.recipient
    mail["Subject"] = notice.subject
    mail["Date"] = format_datetime(notice.created_at)
    mail["Message-ID"] = f"<{notice.id.hex}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no machine shall answer it
    mail.set_content(notice.body)
    return mail.as_bytes()
