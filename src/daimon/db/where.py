"""Conditions of a list, written out only where a value was given.

`$1 is null or x = $1` reads shorter, but PostgreSQL plans such a statement once for all values and then walks past
every row before the cursor: a deep page would cost what all pages before it cost.
"""

from collections.abc import Sequence

_SIZES = (2, 11, 26, 51, 101)  # of pages with a row more than is shown, which tells that there is another page


class Where:
    """Conditions joined by `and`, with their parameters numbered on from those given first."""

    def __init__(self, *parameters: object) -> None:
        self.parameters = list(parameters)
        self._conditions: list[str] = []

    def add(self, condition: str, value: object) -> "Where":
        """Add a condition in which every `$?` stands for `value`; None adds nothing."""
        if value is not None:
            self._conditions.append(condition.replace("$?", self.parameter(value)))
        return self

    def within(self, column: str, values: Sequence[object] | None) -> "Where":
        """Add that a column has one of these values; None adds nothing.

        One value is written as an equation: only then does an index on the column keep the list's order.
        """
        if values is not None and len(values) == 1:
            return self.add(f"{column} = $?", values[0])
        return self.add(f"{column} = any($?)", values)

    def always(self, condition: str) -> "Where":
        """Add a condition that has no value."""
        self._conditions.append(condition)
        return self

    def either(self, conditions: Sequence[str]) -> "Where":
        """Add that one of these conditions holds, whose parameters are there already; of none, that nothing does."""
        return self.always(" or ".join(f"({condition})" for condition in conditions) or "false")

    def offset(self, rows: int) -> str:
        """Return how the offset of a page is written; none as 0 and not as a parameter: see `rows_for`."""
        return self.parameter(rows) if rows else "0"

    def parameter(self, value: object) -> str:
        """Add a parameter and return how it is written, such as `$3`."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def __str__(self) -> str:
        return "".join(f" and ({condition})" for condition in self._conditions)


def rows_for(limit: int) -> int:
    """Return how many rows to fetch for a page of `limit`: one more at least. Write it into the statement.

    As a parameter, PostgreSQL takes a limit for a tenth of all rows, finds that plan dear and plans each execution
    anew, which takes longer than to fetch the page. There are few sizes, so that there are few statements to plan.
    """
    return next((size for size in _SIZES if size > limit), limit + 1)
