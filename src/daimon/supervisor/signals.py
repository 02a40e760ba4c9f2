"""Signals as events of the supervisor's loop: nothing is interrupted, a wait ends."""

import contextlib
import os
import select
import signal
from types import FrameType, TracebackType

_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Counts requests to stop, and ends a wait on these and on the death of a child."""

    def __init__(self) -> None:
        self._stops = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> "Signals":
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)
        self._wakeup = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for each in (*_STOP, signal.SIGCHLD):
            if each is signal.SIGHUP and signal.getsignal(each) is signal.SIG_IGN:
                continue  # nohup
            self._before[each] = signal.signal(each, self._note)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)  # type: ignore[arg-type]
        signal.set_wakeup_fd(self._wakeup)
        os.close(self._reader)
        os.close(self._writer)

    def stopping(self) -> bool:
        """Whether someone asked the server to stop."""
        return self._stops > 0

    def hurried(self) -> bool:
        """Whether someone asked a second time."""
        return self._stops > 1

    def wait(self, seconds: float) -> None:
        """Return at the next signal, or after some seconds."""
        if select.select([self._reader], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._reader, 512):
                    pass

    def _note(self, number: int, _: FrameType | None) -> None:
        if number in _STOP:
            self._stops += 1
