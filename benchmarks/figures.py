"""What every benchmark does with its figures: several rounds, medians, a ratio taken in the same run."""

import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    """Return the median, which one slow round does not move."""
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` (0..1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Return the median of the ratios round by round, so that a change of the machine's speed cancels out."""
    return median([a / b for a, b in zip(ours, theirs, strict=True)])


def verdict(figure: float, target: float, *, at_least: bool = True) -> str:
    """Return how a figure stands to its target."""
    met = figure >= target if at_least else figure <= target
    return f"{figure:.2f} (target {'≥' if at_least else '≤'} {target:g}: {'met' if met else 'MISSED'})"
