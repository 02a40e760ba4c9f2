"""From what a server said, or what went wrong on the way to it, to an attempt and what follows from it."""

from dataclasses import dataclass
from datetime import datetime
from random import Random

from daimon.mail.smtp_reply import Scope, classify
from daimon.outbound import schedule
from daimon.outbound.local import HOST
from daimon.outbound.models import Attempt, DeliveryStatus, QueuedMail
from daimon.outbound.recording import Result

MOST_REPLY_CHARS = 1_000


@dataclass(frozen=True, slots=True)
class Peer:
    """Whom an attempt was made with. `relay`: it hands the mail on, so that it is not delivered yet.

    `simulated`: nobody is suppressed for what the simulator plays.
    """

    host: str | None = None
    address: str | None = None
    tls: str | None = None
    relay: bool = False
    simulated: bool = False

    @property
    def is_outside(self) -> bool:
        """Tell whether an outcome says something about how the account's mail is liked elsewhere."""
        return not self.simulated and self.host != HOST


@dataclass(frozen=True, slots=True)
class Trial:
    """One attempt with one mail that is to be told of: when it began, how long it took, and with whom."""

    mail: QueuedMail
    began: datetime
    seconds: float
    peer: Peer

    def accepted(self, code: int, enhanced_status: str | None, reply: str) -> Result:
        """The other server has it now."""
        outcome = DeliveryStatus.SENT if self.peer.relay else DeliveryStatus.DELIVERED
        attempt = self._attempt(outcome, code, enhanced_status, reply)
        return Result(self.mail, attempt, counts=self.peer.is_outside)

    def refused(self, code: int, enhanced_status: str | None, reply: str, random: Random) -> Result:
        """The other server said no: for good, or for now. Of what is no recipient's fault, nobody is suppressed."""
        refusal = classify(code, enhanced_status, reply)
        if not refusal.permanent:
            return self._later(code, enhanced_status, reply, refusal.scope, random)
        ours = refusal.scope == "infrastructure"
        outcome = DeliveryStatus.FAILED if ours else DeliveryStatus.BOUNCED
        attempt = self._attempt(outcome, code, enhanced_status, reply, scope=refusal.scope)
        suppresses = refusal.condemns_recipient and not self.peer.simulated
        return Result(self.mail, attempt, suppresses=suppresses, counts=self.peer.is_outside and not ours)

    def impossible(self, enhanced_status: str, reason: str, *, recipients_fault: bool) -> Result:
        """There is no way to the recipient, and there will be none."""
        outcome = DeliveryStatus.BOUNCED if recipients_fault else DeliveryStatus.FAILED
        scope: Scope = "recipient" if recipients_fault else "infrastructure"
        attempt = self._attempt(outcome, None, enhanced_status, reason, scope=scope)
        return Result(self.mail, attempt, counts=recipients_fault)

    def unreached(
        self,
        enhanced_status: str | None,
        reason: str,
        random: Random,
        *,
        code: int | None = None,
        ambiguous: bool = False,
    ) -> Result:
        """The mail could not be handed over; or, if it is ambiguous, nobody knows whether it was."""
        return self._later(code, enhanced_status, reason, "infrastructure", random, ambiguous=ambiguous)

    def _later(
        self,
        code: int | None,
        enhanced_status: str | None,
        reply: str,
        scope: Scope,
        random: Random,
        *,
        ambiguous: bool = False,
    ) -> Result:
        again = schedule.next_attempt(
            self.mail.attempt_count + 1, queued_at=self.mail.queued_at, now=self.began, random=random
        )
        outcome = DeliveryStatus.DEFERRED if again else DeliveryStatus.FAILED
        attempt = self._attempt(outcome, code, enhanced_status, reply, scope=scope, ambiguous=ambiguous, again=again)
        return Result(self.mail, attempt)

    def _attempt(
        self,
        outcome: DeliveryStatus,
        code: int | None,
        enhanced_status: str | None,
        reply: str,
        *,
        scope: Scope | None = None,
        ambiguous: bool = False,
        again: datetime | None = None,
    ) -> Attempt:
        return Attempt(
            at=self.began,
            duration_ms=round(self.seconds * 1000),
            outcome=outcome,
            host=self.peer.host,
            address=self.peer.address,
            tls=self.peer.tls,
            code=code,
            enhanced_status=enhanced_status,
            reply=reply[:MOST_REPLY_CHARS],
            scope=scope,
            ambiguous=ambiguous,
            next_attempt_at=again,
        )
