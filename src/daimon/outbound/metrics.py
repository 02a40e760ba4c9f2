"""What is counted of mail that leaves. The names are part of the operator's interface."""

from collections.abc import Sequence

from daimon.kit.metrics import Counter, Histogram
from daimon.outbound.models import Attempt, QueuedMail

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)

_attempts = Counter(
    "daimon_outbound_attempts_total", "Attempts to hand a mail over, one for each recipient, by outcome.", ("outcome",)
)
_ambiguous = Counter(
    "daimon_outbound_ambiguous_total",
    "Attempts of which nobody knows whether the other server took the mail, then or before.",
)
_cancelled = Counter("daimon_outbound_cancelled_total", "Recipients of sent mail of whom it was taken back in time.")
_took = Histogram("daimon_outbound_attempt_seconds", "How long an attempt took.", buckets=_SECONDS)
_begun = Histogram(
    "daimon_outbound_first_attempt_seconds",
    "From the moment that a mail was queued to its first attempt.",
    buckets=_SECONDS,
)
_commits = Histogram(
    "daimon_outbound_commit_results", "Results that one commit wrote down.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)


def recorded(tried: Sequence[tuple[QueuedMail, Attempt]]) -> None:
    """Count attempts whose results one commit wrote down."""
    _commits.observe(len(tried))
    for mail, attempt in tried:
        _attempts.inc(attempt.outcome.value)
        _took.observe(attempt.duration_ms / 1000)
        if attempt.ambiguous:
            _ambiguous.inc()
        if mail.attempt_count == 0:
            _begun.observe((attempt.at - mail.queued_at).total_seconds())


def cancelled(recipients: int) -> None:
    """Count recipients of whom a commit took back a mail."""
    _cancelled.inc(by=recipients)
