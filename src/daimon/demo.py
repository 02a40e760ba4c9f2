"""A mail as a service sends it when someone signs up, handed over by real SMTP."""

import secrets
import smtplib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr

_TEXT = """\
Hello,

your verification code is {code}. It is valid for ten minutes.

Or confirm your address here: https://acme.example/verify?token={token}

If you did not sign up at Acme, ignore this mail.

--
Acme Accounts
"""

_HTML = """\
<!doctype html>
<html><body>
<p>Hello,</p>
<p>your verification code is <strong>{code}</strong>. It is valid for ten minutes.</p>
<p><a href="https://acme.example/verify?token={token}">Confirm your address</a></p>
<p>If you did not sign up at Acme, ignore this mail.</p>
<p>-- <br>Acme Accounts</p>
</body></html>
"""


class NotSent(Exception):
    """The demo mail was not accepted."""


@dataclass(frozen=True, slots=True)
class DemoMail:
    """What the caller chose; the rest is made up."""

    to: str
    from_: str = "Acme Accounts <accounts@acme.example>"
    subject: str | None = None
    body: str | None = None


def compose(mail: DemoMail, *, now: datetime) -> EmailMessage:
    """Return the mail: text and HTML with a code and a link, or the body that was given."""
    code, token = f"{secrets.randbelow(1_000_000):06}", secrets.token_urlsafe(12)
    message = EmailMessage()
    message["From"] = mail.from_
    message["To"] = mail.to
    message["Subject"] = mail.subject or f"{code} is your Acme verification code"
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_msgid(domain="acme.example")
    if mail.body is not None:
        message.set_content(mail.body)
        return message
    message.set_content(_TEXT.format(code=code, token=token))
    message.add_alternative(_HTML.format(code=code, token=token), subtype="html")
    return message


def send(mail: DemoMail, *, host: str, port: int) -> str:
    """Send the mail and return its subject. Raises NotSent with what the server said."""
    try:
        message = compose(mail, now=datetime.now(UTC))
        with smtplib.SMTP(host, port, local_hostname="acme.example", timeout=30) as smtp:
            smtp.send_message(message, from_addr=parseaddr(mail.from_)[1], to_addrs=[mail.to])
    except smtplib.SMTPRecipientsRefused as error:
        [(code, text)] = error.recipients.values()
        raise NotSent(f"the server refused {mail.to}: {code} {text.decode(errors='replace')}") from error
    except smtplib.SMTPResponseException as error:
        said = error.smtp_error if isinstance(error.smtp_error, str) else error.smtp_error.decode(errors="replace")
        raise NotSent(f"the server said: {error.smtp_code} {said}") from error
    except OSError as error:
        raise NotSent(f"no SMTP server at {host}:{port}: {error.strerror or error}") from error
    except ValueError as error:
        raise NotSent(f"not a mail: {error}") from error
    return str(message["Subject"])
