"""What is counted. The names are part of the operator's interface."""

from daimon.kit.metrics import Counter, Gauge, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5)

_attempts = Counter("daimon_webhook_attempts_total", "Tries to deliver an event, by what came of them.", ("result",))
_answered = Histogram("daimon_webhook_answer_seconds", "How long endpoints took to answer or fail.", buckets=_SECONDS)
_begun = Histogram(
    "daimon_webhook_first_attempt_seconds",
    "From the moment that an event tells of to its first try, while its endpoint was well.",
    buckets=(*_SECONDS, 10, 60),
)
_lanes = Gauge("daimon_webhook_lanes", "Endpoints that this process sends to at present.")
_unhealthy = Counter("daimon_webhook_unhealthy_total", "Times that an endpoint became unhealthy.")

attempted = _attempts.inc
answered = _answered.observe
begun = _begun.observe
lanes = _lanes.set
unhealthy = _unhealthy.inc
