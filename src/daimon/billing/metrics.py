"""What is counted of Stripe. The names are part of the operator's interface."""

from daimon.kit.metrics import Counter, Histogram

_requests = Counter("daimon_stripe_requests_total", "Requests to Stripe, by what came of them.", ("result",))
_seconds = Histogram(
    "daimon_stripe_request_seconds",
    "How long Stripe took to answer or fail.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
_events = Counter("daimon_stripe_events_total", "Events that Stripe told, by what became of them.", ("result",))

heard = _events.inc


def asked(result: str, seconds: float) -> None:
    """Count a request to Stripe: `answered`, `missing`, `refused` or `away`."""
    _requests.inc(result)
    _seconds.observe(seconds)
