"""Why a connection to a mail host came to nothing.

    SmtpFailure
    ├── ConnectFailed    nobody there
    ├── Refused          a 4xx or 5xx where without a yes nothing goes on: greeting, EHLO, AUTH, RSET
    ├── TlsFailed        no TLS as demanded
    ├── Stalled          a stage took longer than it may
    ├── Disconnected     the other side is gone
    ├── ProtocolBroken   what it says is no SMTP
    ├── Abandoned        we were told not to finish
    └── Ambiguous        the message was ended, and what became of it is not known

Of them all Ambiguous alone can mean that a message was delivered.
"""

from dataclasses import dataclass
from enum import StrEnum

from daimon.mail.reply_reader import Reply


class Stage(StrEnum):
    """How far it was."""

    LOCAL = "local"  # said by us, without asking
    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    CONTENT = "content"
    FINAL_DOT = "final_dot"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said of one recipient, and in answer to what. A message is delivered if the last dot has a yes."""

    stage: Stage
    reply: Reply

    @property
    def delivered(self) -> bool:
        """Whether the message is theirs now."""
        return self.stage is Stage.FINAL_DOT and self.reply.positive


class SmtpFailure(Exception):
    """No mail went over the connection, and none will.

    `refused` holds what was said by then of recipients that were refused, each by its address: that stays true.
    """

    def __init__(self, stage: Stage, reason: str, reply: Reply | None = None) -> None:
        super().__init__(f"{stage}: {reason}")
        self.stage = stage
        self.reason = reason
        self.reply = reply
        self.refused: dict[str, Outcome] = {}


class ConnectFailed(SmtpFailure):
    """No connection could be made."""


class Refused(SmtpFailure):
    """The server does not want to talk with us, and said so: `reply` is there."""


class TlsFailed(SmtpFailure):
    """There is no TLS, or not the one that was demanded."""


class Stalled(SmtpFailure):
    """The server took longer than it may."""


class Disconnected(SmtpFailure):
    """The connection was closed or reset, before the end of the message was sent."""


class ProtocolBroken(SmtpFailure):
    """The server speaks no SMTP, or speaks out of turn."""


class Abandoned(SmtpFailure):
    """The sender was told not to finish, right before the end of the message."""


class Ambiguous(SmtpFailure):
    """The end of the message was sent, and no reply came: it may be delivered, it may be not."""
