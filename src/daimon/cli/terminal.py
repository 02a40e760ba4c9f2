"""Standard output and error: nothing that strangers wrote moves the cursor, and no encoding ends a command."""

import os
import sys
from typing import Any, TextIO

from daimon.operate.output import escaped, plain

_SIGPIPE = 141


def prepare() -> None:
    """Let every character be written somehow, also where the encoding lacks it or a stream is closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # as by `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 # it stays open to the end
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace" if _is_unicode(stream) else "replace")


def _is_unicode(stream: TextIO) -> bool:
    return (stream.encoding or "ascii").lower().replace("_", "-").startswith("utf")


def say(line: str) -> None:
    """Say a line on standard error."""
    print(plain(line), file=sys.stderr, flush=True)


def one_line_of_json(value: Any, stream: TextIO | None = None) -> str:
    r"""Return JSON on one line, with characters that a terminal might obey, or that it lacks, written as \u…."""
    import json

    return escaped(json.dumps(value, ensure_ascii=not _is_unicode(stream or sys.stdout)))


def is_seen() -> bool:
    """Return whether a person sees standard output."""
    return sys.stdout.isatty()


def moves() -> bool:
    """Return whether standard error is a terminal on which a line can be written over."""
    return sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb")


def can_ask() -> bool:
    """Return whether somebody sits at a terminal."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


def confirm(question: str) -> bool:
    """Ask whoever sits at the terminal; where nobody does, the answer is yes."""
    if not can_ask():
        return True
    print(f"{plain(question)} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def cut_off() -> int:
    """Whoever read the output has enough of it, such as `head`: end as other programs do, by SIGPIPE's code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):  # or Python complains when it flushes at its end
        os.dup2(nowhere, stream.fileno())
    return _SIGPIPE
