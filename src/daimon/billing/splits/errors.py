"""What can go wrong with billing splits."""

from daimon.kit.errors import NotFound


class SplitLineNotFound(NotFound):
    """The report of this month has no such line."""

    error = "SPLIT_LINE_NOT_FOUND"
    next_steps = ("See its lines: GET /v1/billing/splits/report?period=YYYY-MM",)
