"""What is counted. The names are part of the operator's interface."""

from daimon.kit.metrics import Counter, Histogram

# The last two are those of the long polls.
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120)

_requests = Counter("daimon_http_requests_total", "HTTP requests answered.", ("method", "route", "status"))
_seconds = Histogram(
    "daimon_http_request_seconds",
    "Seconds from a request's head to the end of its answer.",
    ("method", "route"),
    buckets=_SECONDS,
)


def answered(method: str, route: str, status: int, seconds: float) -> None:
    """Count a request. Without a route its method could be any, and is left out."""
    if not route:
        method = ""
    _requests.inc(method, route, status)
    _seconds.observe(seconds, method, route)
