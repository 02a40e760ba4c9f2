"""What a person sees while something takes long: on a terminal alone, and only once it does."""

import sys
import threading
import time
from types import TracebackType

from daimon.cli import terminal
from daimon.operate.output import cut

_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.2
_WIDTH = 30
_WIPED = "\r\033[K"


class Progress:
    """A line on standard error that says how far it is, until the block ends."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._began = time.monotonic()
        self._done, self._whole = 0, None  # type: int, int | None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True) if terminal.moves() else None

    def __enter__(self) -> "Progress":
        if self._thread:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def moved(self, done: int, whole: int | None) -> None:
        """Note how many octets came, of how many if that is known."""
        self._done, self._whole = done, whole

    def _show(self) -> None:
        if self._stop.wait(_AFTER_SECONDS):
            return
        while not self._stop.wait(_EVERY_SECONDS):
            self._write(f"{_WIPED}{cut(self.line(), 79)}")
        self._write(_WIPED)

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # the terminal is gone; what runs is not ended by that
            self._stop.set()

    def line(self) -> str:
        """Return how far it is, as it stands now."""
        took = int(time.monotonic() - self._began)
        if not self._done:
            return f"{self._doing}: {took} s"
        done = f"{self._done / 1e6:.1f} MB, {took} s"
        if not self._whole:
            return f"{self._doing}: {done}"
        filled = min(self._done * _WIDTH // self._whole, _WIDTH)
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {self._done * 100 // self._whole} %, {done}"
