"""What can be wrong with a place in the sequence."""

from daimon.kit.errors import Gone


class CursorExpired(Gone):
    """The events behind this place are older than 30 days and are not kept any more."""

    error = "CURSOR_EXPIRED"
    next_steps = ("Go on with the oldest event that is there: the same request without `after`.",)

    oldest = 0  # the number of the oldest event that is there, or of the next one that will be

    @classmethod
    def at(cls, oldest: int) -> "CursorExpired":
        """Return the error for a sequence that begins with this number now."""
        error = cls(
            f"Events behind this place are not kept any more; the oldest available is {oldest}.",
            next_steps=[f"Go on with after={oldest - 1}, and look once at what may have changed meanwhile."],
        )
        error.oldest = oldest
        return error
