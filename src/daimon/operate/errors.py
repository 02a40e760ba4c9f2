"""Why a command of the operator's was not done."""


class NotDone(Exception):
    """What was asked for cannot be done. `status` and `error` are the API's, where it was the API that refused."""

    def __init__(self, message: str, *, status: int | None = None, error: str = "FAILED") -> None:
        super().__init__(message)
        self.status, self.error = status, error
