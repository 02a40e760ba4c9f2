"""What can be wrong with a suppression."""

from daimon.kit.errors import NotFound


class SuppressionNotFound(NotFound):
    """This address is not suppressed, within the reach of this key."""

    error = "SUPPRESSION_NOT_FOUND"
    next_steps = ("GET /v1/suppressions lists the addresses that are.",)
