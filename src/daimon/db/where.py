"""Conditions of a list, written out only where a value was given.

`$1 is null or x = $1` reads shorter, but PostgreSQL plans such a statement once for all values and then walks past
every row before the cursor: a deep page would cost what all pages before it cost.
"""

from collections.abc import Sequence


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

    def parameter(self, value: object) -> str:
        """Add a parameter and return how it is written, such as `$3`."""
        self.parameters.append(value)
        return f"${len(self.parameters)}"

    def __str__(self) -> str:
        return "".join(f" and ({condition})" for condition in self._conditions)
