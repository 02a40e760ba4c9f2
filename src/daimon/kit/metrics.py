"""What a process counts: numbers in memory that another process reads while they change.

A count is an addition to a cell of shared memory, and nothing on the way can fail or wait. The supervisor owns the
memory: it outlives the process, and the process that takes the place of a dead one counts on from there.
"""

import json
import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import ClassVar, NamedTuple

Labels = tuple[str | int, ...]

CELLS = 4096
_SPARE = CELLS - 64  # from here on: for series that find no room; never read
_NAMES_AT = CELLS * 8
_SIZE = _NAMES_AT + (256 << 10)

registry: dict[str, "Metric"] = {}


class Series(NamedTuple):
    """The cells of one metric under one set of label values."""

    name: str
    labels: Labels
    values: Sequence[float]


class Board:
    """Cells that one thread of one process writes, and the names of those that are taken.

    The first cell holds how many octets of names there are. It is written last, so that a reader, who may come at any
    moment, and a successor find whole names only.
    """

    def __init__(self, memory: "mmap.mmap | bytearray") -> None:
        self.cells = memoryview(memory)[:_NAMES_AT].cast("d")
        self._names = memoryview(memory)[_NAMES_AT:]
        self._taken = {(name, tuple(labels), width): at for name, labels, at, width in self._entries()}
        self._free = max((at + width for (*_, width), at in self._taken.items()), default=1)

    def take(self, name: str, labels: Labels, width: int) -> int:
        """Return the first cell of a series, which is taken now if it is not yet."""
        key = (name, labels, width)
        if key not in self._taken:
            self._taken[key] = self._allot(name, labels, width)
        return self._taken[key]

    def series(self) -> Iterator[Series]:
        """Read everything, whoever writes it."""
        for name, labels, at, width in self._entries():
            yield Series(name, tuple(labels), self.cells[at : at + width].tolist())

    def drop_gauges(self) -> None:
        """Set to zero what was true of a process that is dead."""
        for name, _, at, _ in self._entries():
            if isinstance(registry.get(name), Gauge):
                self.cells[at] = 0

    def _allot(self, name: str, labels: Labels, width: int) -> int:
        line = json.dumps([name, labels, self._free, width]).encode() + b"\n"
        begin = int(self.cells[0])
        if self._free + width > _SPARE or begin + len(line) > len(self._names):
            return _SPARE
        at, self._free = self._free, self._free + width
        self._names[begin : begin + len(line)] = line
        self.cells[0] = begin + len(line)
        return at

    def _entries(self) -> list[tuple[str, list[str | int], int, int]]:
        return [json.loads(line) for line in bytes(self._names[: int(self.cells[0])]).splitlines()]


class SharedBoard(Board):
    """A board whose memory a child can be handed, by its file descriptor."""

    def __init__(self) -> None:
        self.fd = _anonymous_file()
        super().__init__(mmap.mmap(self.fd, _SIZE))


class Metric:
    """Something that is counted, under a name that is part of the operator's interface."""

    kind: ClassVar[str]
    width = 1

    def __init__(self, name: str, doc: str, labels: tuple[str, ...] = ()) -> None:
        self.name = name
        self.doc = doc
        self.labels = labels
        registry[name] = self
        self.attach(_board)

    def attach(self, board: Board) -> None:
        """Count on this board from now on."""
        self._board = board
        self._cells = board.cells
        self._at: dict[Labels, int] = {}

    def show(self) -> None:
        """Be read from now on, though nothing was counted yet; with labels, nobody knows under which."""
        if not self.labels:
            self._take(())

    def _take(self, labels: Labels) -> int:
        at = self._at[labels] = self._board.take(self.name, labels, self.width)
        return at


class Counter(Metric):
    """A number that only grows."""

    kind = "counter"

    def inc(self, *labels: str | int, by: float = 1) -> None:
        """Add to it."""
        self._cells[self._at.get(labels) or self._take(labels)] += by


class Gauge(Counter):
    """A number that goes up and down."""

    kind = "gauge"

    def dec(self, *labels: str | int) -> None:
        """Take one from it."""
        self.inc(*labels, by=-1)

    def set(self, value: float, *labels: str | int) -> None:
        """Replace it."""
        self._cells[self._at.get(labels) or self._take(labels)] = value


class Histogram(Metric):
    """How many values were at most so large, for a few sizes, and their sum."""

    kind = "histogram"

    def __init__(self, name: str, doc: str, labels: tuple[str, ...] = (), *, buckets: Sequence[float]) -> None:
        self.buckets = tuple(buckets)
        self._sum = len(self.buckets) + 1
        self.width = self._sum + 1
        super().__init__(name, doc, labels)

    def observe(self, value: float, *labels: str | int) -> None:
        """Count one value."""
        at = self._at.get(labels) or self._take(labels)
        self._cells[at + bisect_left(self.buckets, value)] += 1
        self._cells[at + self._sum] += value


def share(fd: int) -> None:
    """Count in the memory behind a file descriptor, which the supervisor reads."""
    global _board  # noqa: PLW0603 -- a process counts in one place
    _board = Board(mmap.mmap(fd, _SIZE))
    os.close(fd)
    for metric in registry.values():
        metric.attach(_board)
        metric.show()


def own() -> Board:
    """Return the board of this process."""
    return _board


def _anonymous_file() -> int:
    """Return a file without a name. All its space is taken: what could not be had later would kill who writes there."""
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("daimon-metrics")
    else:
        from tempfile import TemporaryFile  # a role has no other use for it

        with TemporaryFile() as file:
            fd = os.dup(file.fileno())
    os.pwrite(fd, bytes(_SIZE), 0)
    return fd


_board = Board(bytearray(_SIZE))
