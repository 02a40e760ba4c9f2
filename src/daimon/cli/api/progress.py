"""What a person sees while something takes long: on a terminal alone, and only once it does."""

import sys
import threading
import time
from types import TracebackType

_AFTER_SECONDS = 1.0
_EVERY_SECONDS = 0.2
_WIDTH = 30


class Progress:
    """A line on standard error that says how far it is, until the block ends."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._began = time.monotonic()
        self._done, self._whole = 0, None  # type: int, int | None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True) if sys.stderr.isatty() else None

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
            sys.stderr.write(f"\r\033[K{self._line()}")
            sys.stderr.flush()
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()

    def _line(self) -> str:
        took = int(time.monotonic() - self._began)
        if not self._done:
            return f"{self._doing}: {took} s"
        done = f"{self._done / 1e6:.1f} MB, {took} s"
        if not self._whole:
            return f"{self._doing}: {done}"
        filled = min(self._done * _WIDTH // (self._done + self._whole), _WIDTH)
        return f"[{'#' * filled}{'.' * (_WIDTH - filled)}] {done}"
