"""Mails to send."""

import itertools

_numbers = itertools.count(1)


def mail(
    subject: str = "Hello",
    *,
    sender: str = "Ann <ann@example.org>",
    message_id: str | None = None,
    in_reply_to: str | None = None,
    references: str | None = None,
    body: str = "Good day.",
) -> bytes:
    """Return a mail; its Message-ID is its own unless given."""
    fields = {
        "From": sender,
        "To": "agent@daimon.email",
        "Subject": subject,
        "Message-ID": message_id or f"<{next(_numbers)}@example.org>",
        "In-Reply-To": in_reply_to,
        "References": references,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value is not None)
    return f"{head}\r\n{body}\r\n".encode()
