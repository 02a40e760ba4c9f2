"""What this process has counted so far."""

from collections import Counter
from math import isnan

from daimon.kit import metrics


def counted() -> Counter[tuple[str | int, ...]]:
    """Return series by their names without `daimon_` and their labels; of a histogram, how many values it saw.

    What another test of this process left as not known is left out.
    """
    found: Counter[tuple[str | int, ...]] = Counter()
    for name, labels, values in metrics.own().series():
        seen = values[0] if len(values) == 1 else sum(values[:-1])
        if not isnan(seen):
            found[name.removeprefix("daimon_"), *labels] = int(seen)
    return found
