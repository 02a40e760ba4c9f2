"""Logs: one line of JSON an event, on standard error."""

import sys
import traceback
from datetime import UTC, datetime

import msgspec

LEVELS = ("debug", "info", "warning", "error")

_encode = msgspec.json.Encoder(enc_hook=repr).encode
_shown = set(LEVELS)


def configure(level: str) -> None:
    """Log events of at least this level: `debug`, `info`, `warning` or `error`."""
    _shown.clear()
    _shown.update(LEVELS[LEVELS.index(level) :])


class Log:
    """Writes the events of one module. An event is a name and fields; no field may hold a secret or a mail's text."""

    def __init__(self, name: str) -> None:
        self._name = name

    def info(self, event: str, **fields: object) -> None:
        """Tell of something usual."""
        self._write("info", event, fields)

    def warning(self, event: str, **fields: object) -> None:
        """Tell of something that went wrong and was dealt with."""
        self._write("warning", event, fields)

    def error(self, event: str, *, exc_info: BaseException, **fields: object) -> None:
        """Tell of a bug, with where it came from."""
        trace = "".join(traceback.format_exception(exc_info))
        self._write("error", event, fields | {"exception": trace})

    def _write(self, level: str, event: str, fields: dict[str, object]) -> None:
        if level not in _shown:
            return
        head = {"timestamp": datetime.now(UTC), "level": level, "logger": self._name, "event": event}
        sys.stderr.write(_encode(head | fields).decode() + "\n")
