"""The text that Prometheus reads (exposition format 0.0.4)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from math import isnan

from daimon.kit.metrics import Board, Histogram, Labels, Metric, Series, registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


def text(boards: Iterable[Board]) -> str:
    """Return all that these boards hold, each series summed over them."""
    sums = _summed(boards)
    lines = [line for name in sorted(sums) for line in _metric(registry[name], sums[name])]
    return "".join(f"{line}\n" for line in lines)


def _summed(boards: Iterable[Board]) -> dict[str, dict[Labels, list[float]]]:
    sums: dict[str, dict[Labels, list[float]]] = {}
    for name, labels, values in (series for board in boards for series in board.series() if _is_known(series)):
        of_metric = sums.setdefault(name, {})
        so_far = of_metric.get(labels) or [0.0] * len(values)
        of_metric[labels] = [one + other for one, other in zip(so_far, values, strict=True)]
    return sums


def _is_known(series: Series) -> bool:
    """Whether this code has such a metric: a process may run newer code than its reader, which was started before."""
    metric = registry.get(series.name)
    return metric is not None and (metric.width, len(metric.labels)) == (len(series.values), len(series.labels))


def _metric(metric: Metric, sums: Mapping[Labels, Sequence[float]]) -> Iterator[str]:
    yield f"# HELP {metric.name} {metric.doc}"
    yield f"# TYPE {metric.name} {metric.kind}"
    for labels, values in sums.items():
        pairs = [(name, str(value)) for name, value in zip(metric.labels, labels, strict=True)]
        if isinstance(metric, Histogram):
            yield from _histogram(metric, pairs, values)
        else:
            yield _line(metric.name, pairs, values[0])


def _histogram(metric: Histogram, pairs: list[tuple[str, str]], values: Sequence[float]) -> Iterator[str]:
    *counts, total = values
    reached = list(accumulate(counts))
    for bound, count in zip((*metric.buckets, "+Inf"), reached, strict=True):
        yield _line(f"{metric.name}_bucket", [*pairs, ("le", str(bound))], count)
    yield _line(f"{metric.name}_count", pairs, reached[-1])
    yield _line(f"{metric.name}_sum", pairs, total)


def _line(name: str, pairs: list[tuple[str, str]], value: float) -> str:
    labels = ",".join(f'{label}="{text.translate(_ESCAPES)}"' for label, text in pairs)
    return f"{name}{{{labels}}} {_number(value)}" if labels else f"{name} {_number(value)}"


def _number(value: float) -> str:
    if isnan(value):
        return "NaN"
    return str(int(value)) if value.is_integer() else repr(value)
