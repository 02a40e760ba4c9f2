"""What a lane sends over: an open line to who takes mail for a destination, whatever is at the other end."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from daimon.outbound.attempts import Peer


class Letter(NamedTuple):
    """A mail for some recipients of one destination, at the n-th attempt."""

    mail_from: str | None
    recipients: Sequence[str]
    octets: bytes
    smtputf8: bool
    attempt: int


class Said(NamedTuple):
    """What the other side said to one recipient's mail in the end. A code of 2xx: it has it.

    `answer` is a mail that comes back at once; only the simulator sends one.
    """

    code: int
    enhanced_status: str | None
    text: str
    answer: "Answer | None" = None


class Answer(NamedTuple):
    """A mail that comes back."""

    mail_from: str | None
    recipient: str
    octets: bytes


class NoWay(Exception):
    """There is no way to the destination, and there will be none."""

    def __init__(self, reason: str, enhanced_status: str, *, recipients_fault: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.enhanced_status = enhanced_status
        self.recipients_fault = recipients_fault


class Down(Exception):
    """Nobody takes mail for the destination at present. `said` is the refusal of who was reached."""

    def __init__(
        self, reason: str, enhanced_status: str | None = None, peer: Peer | None = None, said: Said | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.enhanced_status = enhanced_status
        self.peer = peer or Peer()
        self.said = said


class Lost(Exception):
    """The line broke. `ambiguous`: after the whole mail was sent and before the answer.

    `refused` holds what was said by then of recipients that were refused: that stays true.
    """

    def __init__(self, reason: str, *, refused: Mapping[str, Said] | None = None, ambiguous: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.refused = refused or {}
        self.ambiguous = ambiguous


class Abandoned(Exception):
    """We ourselves went no further: the mail is not ours any more."""


class Line(Protocol):
    """An open line."""

    @property
    def peer(self) -> Peer:
        """Return who is at the other end."""

    async def send(self, letter: Letter, may_finish: Callable[[], bool]) -> list[Said]:
        """Send a mail and return what was said to each recipient's, in order. Raises Lost, Abandoned.

        `may_finish` is asked at the last moment at which the mail can still be taken back.
        """

    async def close(self) -> None:
        """Hang up, politely if that is quick."""


class Courier(Protocol):
    """Opens lines."""

    def lane(self, destination: str) -> str:
        """Return what the lines to a destination are counted by: all that go to one place belong together."""

    async def open(self, lane: str) -> Line:
        """Return an open line. Raises NoWay, Down."""
