"""Every reply this server gives, by name (RFC 5321 §4.2, enhanced status codes of RFC 3463 and RFC 5248).

The remote gets these texts and nothing else: no inbox, account or exception is ever quoted. The log has the fields.
Only who showed a key is told more: what the API says to it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, TypeAlias
from uuid import UUID

from daimon.inbound import errors
from daimon.keys.errors import ApiKeyExpired, ApiKeyRevoked, AuthenticationFailures
from daimon.kit.errors import DaimonError, Forbidden, TooManyRequests, Unauthenticated, Unavailable
from daimon.kit.ids import Kind, show
from daimon.outbound.errors import BadSubmission
from daimon.quotas.errors import DailySendsExceeded, PodDailySendsExceeded


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


def challenge(text: str) -> Reply:
    """Return what a client that authenticates is asked, in base64."""
    return Reply(334, None, text)


def queued_as(message_id: UUID) -> Reply:
    """Return the answer to a mail that is durable, and will be sent."""
    return Reply(250, "2.0.0", f"Queued as {show(Kind.MESSAGE, message_id)}")


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

AUTHENTICATED: Final = Reply(235, "2.7.0", "Authenticated")
AUTH_FAILED: Final = Reply(
    535, "5.7.8", "No such user with this key: the user is an inbox or acc_..., the password a key"
)
BAD_AUTH: Final = Reply(501, "5.5.2", "Malformed response; nothing was tried")
AUTH_CANCELLED: Final = Reply(501, "5.7.0", "Authentication cancelled")
NO_MECHANISM: Final = Reply(504, "5.5.4", "Mechanism not offered; AUTH PLAIN and AUTH LOGIN are")
TLS_FIRST: Final = Reply(538, "5.7.11", "Send STARTTLS first: keys are taken under TLS alone")
AUTH_FIRST: Final = Reply(530, "5.7.0", "Authenticate first, with AUTH PLAIN or AUTH LOGIN")
ALREADY_IN: Final = Reply(503, "5.5.1", "Already authenticated")
AUTH_IN_MAIL: Final = Reply(503, "5.5.1", "A mail is begun; authenticate before MAIL")

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


# What who submits is told: the API's own words, as far as SMTP has a code for them.

Rendering: TypeAlias = Callable[[DaimonError | BadSubmission], Reply]
_MOST_CHARS: Final = 400  # RFC 5321 §4.5.3.1.5: a reply line has 512 octets at most


def auth_refusal(error: DaimonError | BadSubmission) -> Reply:
    """Return how a key that is not good is told: 535, but for what a wait helps against."""
    if isinstance(error, AuthenticationFailures):
        return Reply(421, "4.7.0", _line(error, error.retry_after), closes=True)
    if isinstance(error, TooManyRequests | Unavailable):
        return Reply(454, "4.7.0", _line(error, error.retry_after))
    if isinstance(error, Forbidden | ApiKeyExpired | ApiKeyRevoked):
        return Reply(535, "5.7.8", _line(error))
    return AUTH_FAILED


def submission_refusal(error: DaimonError | BadSubmission) -> Reply:
    """Return how a mail that is not taken is told: 45x where waiting helps, 550 5.7.1 where it does not."""
    match error:
        case BadSubmission():
            return Reply(554, "5.6.0", _line(error))
        case Unauthenticated():  # the key was good when the session began
            return Reply(535, "5.7.8", _line(error))
        case DailySendsExceeded() | PodDailySendsExceeded():
            return Reply(452, "4.7.0", _line(error, error.retry_after))
        case TooManyRequests():
            return Reply(451, "4.7.0", _line(error, error.retry_after))
        case Unavailable():
            return LOCAL_ERROR
        case _:
            return Reply(550, "5.7.1", _line(error))


def _line(error: Exception, retry_after: int | None = None) -> str:
    hint = f"; try again in {retry_after} s" if retry_after else ""
    text = str(error).encode("ascii", "replace").decode()[:_MOST_CHARS]
    return "".join(each if each.isprintable() else "?" for each in text) + hint
