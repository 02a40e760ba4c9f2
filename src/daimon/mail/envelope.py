"""The SMTP envelope (RFC 5321 §2.3.1), which is not the header's From and To."""

import msgspec


class Envelope(msgspec.Struct, frozen=True):
    """Reverse-path and forward-paths, as given on the wire without angle brackets.

    `mail_from` is None for the null reverse-path `<>`.
    """

    mail_from: str | None
    rcpt_to: tuple[str, ...]
    smtputf8: bool = False
