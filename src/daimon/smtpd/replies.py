"""Every reply this server gives, by name (RFC 5321 §4.2, enhanced status codes of RFC 3463 and RFC 5248).

The remote gets these texts and nothing else: no inbox, account or exception is ever quoted. The log has the fields.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from daimon.inbound import errors


class Reply:
    """One reply, ready for the wire. After a reply that `closes`, the server says no more."""

    __slots__ = ("closes", "code", "goes_on", "octets", "refuses", "status")

    def __init__(self, code: int, status: str | None, *lines: str, closes: bool = False) -> None:
        self.code = code
        self.status = status
        self.closes = closes
        self.refuses = code >= 500  # for good, which counts against the client
        self.goes_on = code < 400 and code != 220 and not closes  # nothing but the dialogue follows from it
        self.octets = _render(code, status, lines)

    def __repr__(self) -> str:
        return f"Reply({self.octets.decode()!r})"


def _render(code: int, status: str | None, lines: Sequence[str]) -> bytes:
    # RFC 2034 §4: every line carries the status; greeting, EHLO and 354 carry none.
    lead = f"{status} " if status else ""
    *above, last = lines
    return "".join([*(f"{code}-{lead}{line}\r\n" for line in above), f"{code} {lead}{last}\r\n"]).encode("ascii")


def greeting(hostname: str) -> Reply:
    """Return the 220 that opens a session."""
    return Reply(220, None, f"{hostname} ESMTP daimon")


@lru_cache(maxsize=8)
def helo(hostname: str) -> Reply:
    """Return the answer to HELO."""
    return Reply(250, None, hostname)


@lru_cache(maxsize=8)
def ehlo(hostname: str, *keywords: str) -> Reply:
    """Return the answer to EHLO, one extension a line."""
    return Reply(250, None, hostname, *keywords)


def chunk_received(size: int) -> Reply:
    """Return the answer to a BDAT that is not the last."""
    return Reply(250, "2.0.0", f"{size} octets received")


def too_big(limit: int, *, closes: bool = False) -> Reply:
    """Return the refusal of a mail over the limit, announced or not (RFC 1870 §6)."""
    return Reply(552, "5.3.4", f"The message is larger than {limit} octets", closes=closes)


def no_auth(submission_port: int) -> Reply:
    """Return the answer to AUTH on the port where mail comes in."""
    return Reply(502, "5.5.1", f"AUTH is not offered here; to send mail, use the submission port {submission_port}")


def closing_idle(hostname: str) -> Reply:
    """Return the 421 of a server that stops."""
    return Reply(421, "4.3.2", f"{hostname} is going down; try again shortly", closes=True)


MAIL_OK: Final = Reply(250, "2.1.0", "Sender ok")
RCPT_OK: Final = Reply(250, "2.1.5", "Recipient ok")
START_DATA: Final = Reply(354, None, "End data with <CRLF>.<CRLF>")
QUEUED: Final = Reply(250, "2.0.0", "Queued")
RESET: Final = Reply(250, "2.0.0", "Reset")
NOOP: Final = Reply(250, "2.0.0", "Ok")
BYE: Final = Reply(221, "2.0.0", "Bye", closes=True)
READY_FOR_TLS: Final = Reply(220, "2.0.0", "Ready to start TLS")
HELP: Final = Reply(214, "2.0.0", "EHLO HELO MAIL RCPT DATA BDAT RSET NOOP VRFY HELP STARTTLS QUIT", "See RFC 5321")
CANNOT_VERIFY: Final = Reply(252, "2.0.0", "Cannot verify a user; send the mail and it will be tried")

UNKNOWN_COMMAND: Final = Reply(500, "5.5.1", "Command not recognised")
NOT_SMTP: Final = Reply(500, "5.5.1", "This is an SMTP server", closes=True)
NOT_TEXT: Final = Reply(500, "5.5.2", "A command is UTF-8 text without control characters")
COMMAND_TOO_LONG: Final = Reply(500, "5.5.2", "Command line too long")
COMMAND_ENDLESS: Final = Reply(500, "5.5.2", "Command line too long; closing", closes=True)
BARE_LF: Final = Reply(
    500, "5.5.2", "Bare <LF> in a command; lines end with <CRLF> (RFC 5321 2.3.8); closing", closes=True
)
BARE_CR: Final = Reply(
    500, "5.5.2", "Bare <CR> in a command; lines end with <CRLF> (RFC 5321 2.3.8); closing", closes=True
)
BARE_END: Final = Reply(
    550,
    "5.5.2",
    "Bare <CR> or <LF> beside a lone dot; only <CRLF>.<CRLF> ends the data (RFC 5321 4.1.1.4); closing",
    closes=True,
)
NO_EXPN: Final = Reply(502, "5.7.0", "EXPN is not offered")
NO_ARGUMENT: Final = Reply(501, "5.5.4", "This command takes no argument")
BAD_HELO: Final = Reply(501, "5.5.4", "Say who you are: EHLO and your host name or address literal")
BAD_MAIL: Final = Reply(501, "5.5.4", "Syntax: MAIL FROM:<address> [SP parameters]")
BAD_RCPT: Final = Reply(501, "5.5.4", "Syntax: RCPT TO:<address>")
BAD_BDAT: Final = Reply(501, "5.5.4", "Syntax: BDAT size [SP LAST]; closing", closes=True)
BAD_PARAMETER: Final = Reply(501, "5.5.4", "Bad value of a MAIL parameter")
UNKNOWN_PARAMETER: Final = Reply(555, "5.5.4", "Parameter not recognised or not implemented")
BAD_SENDER: Final = Reply(501, "5.1.7", "Bad sender address syntax")
BAD_RECIPIENT: Final = Reply(501, "5.1.3", "Bad recipient address syntax")
NEEDS_SMTPUTF8: Final = Reply(553, "5.6.7", "An address beyond ASCII needs SMTPUTF8 on MAIL")

HELO_FIRST: Final = Reply(503, "5.5.1", "Send EHLO or HELO first")
MAIL_FIRST: Final = Reply(503, "5.5.1", "Send MAIL first")
NESTED_MAIL: Final = Reply(503, "5.5.1", "A mail is already begun; send RSET to drop it")
IN_CHUNKS: Final = Reply(503, "5.5.1", "The mail is being sent by BDAT; go on with BDAT or send RSET")
ALREADY_TLS: Final = Reply(503, "5.5.1", "TLS is already on")
NO_TLS: Final = Reply(502, "5.5.1", "TLS is not offered")
NO_RECIPIENTS: Final = Reply(554, "5.5.1", "No valid recipients")
TOO_MANY_RECIPIENTS: Final = Reply(452, "4.5.3", "Too many recipients; send the rest in another mail")

UNKNOWN_INBOX: Final = Reply(550, "5.1.1", "No such inbox here")
INBOX_DELETED: Final = Reply(550, "5.1.6", "This inbox was deleted")
INBOX_SUSPENDED: Final = Reply(550, "5.2.1", "This inbox is switched off")
NO_RELAY: Final = Reply(550, "5.7.1", "This domain is not served here; relaying denied")
REFUSED: Final = Reply(550, "5.7.1", "Recipient refused")

LINE_TOO_LONG: Final = Reply(552, "5.6.0", "The message has a line that is too long")
MAIL_LOOP: Final = Reply(554, "5.4.6", "Mail loop: too many Received header fields")
LOCAL_ERROR: Final = Reply(451, "4.3.0", "Local error; nothing was kept, try again")
NO_ROOM: Final = Reply(452, "4.3.1", "No room for the message now; try again")

TIMED_OUT: Final = Reply(421, "4.4.2", "Timed out; closing", closes=True)
BUG: Final = Reply(421, "4.3.0", "Local error; closing", closes=True)
TOO_MANY_ERRORS: Final = Reply(421, "4.7.0", "Too many errors; closing", closes=True)
TOO_MANY_COMMANDS: Final = Reply(421, "4.7.0", "Too many commands without a mail; closing", closes=True)
TOO_MANY_CONNECTIONS: Final = Reply(421, "4.3.2", "Too many connections; try again later", closes=True)
TOO_MANY_FROM_YOU: Final = Reply(421, "4.7.0", "Too many connections from your address", closes=True)
BAD_PROXY_HEADER: Final = Reply(421, "4.7.0", "A PROXY protocol v2 header was expected; closing", closes=True)

_BY_REFUSAL: Final[dict[type[errors.RecipientRefused], Reply]] = {
    errors.UnknownInbox: UNKNOWN_INBOX,
    errors.InboxDeleted: INBOX_DELETED,
    errors.InboxSuspended: INBOX_SUSPENDED,
    errors.DomainNotServed: NO_RELAY,
}


def refusal(error: errors.RecipientRefused) -> Reply:
    """Return how a refused forward-path is told: the one place where these errors become codes."""
    return _BY_REFUSAL.get(type(error), REFUSED)
