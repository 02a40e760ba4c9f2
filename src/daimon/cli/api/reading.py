"""What is given as the value of a flag: a text, a file by `@FILE`, standard input by `@-`, JSON."""

import argparse
import sys
from pathlib import Path
from typing import Any

from daimon.cli.parsing import BadUsage

MOST_TEXT = 36 << 20  # octets; the API takes no longer body


class _Null:
    """JSON's null: what is taken away, where None is what was not given."""

    def __repr__(self) -> str:
        return "null"


NULL = _Null()
_read_before: list[str] = []


def text(value: str) -> str:
    """Return a flag's text; `@FILE` is what is in a file, `@-` what comes on standard input, `@@…` begins with an @."""
    if value.startswith("@@"):
        return value[1:]
    if value.startswith("@"):
        return _of_file(value[1:])
    return given(value)


def given(value: str) -> str:
    """Return an argument that is text. Raises ArgumentTypeError for octets that are none."""
    if any("\ud800" <= each <= "\udfff" for each in value):
        raise argparse.ArgumentTypeError(f"{value!r} is not UTF-8")
    return value


def json_value(value: str) -> Any:
    """Return a flag's JSON, of a file too. What is none is taken as a text."""
    import json

    read = text(value)
    try:
        found = json.loads(read)
    except (ValueError, RecursionError):
        return read
    return NULL if found is None else found


def integer(value: str) -> int:
    """Return a whole number."""
    try:
        return int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a whole number") from None


def number(value: str) -> float:
    """Return a number."""
    try:
        return float(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{value!r} is not a number") from None


def file(path: str) -> dict[str, str]:
    """Return a file as an attachment. Raises BadUsage for what cannot be one."""
    import base64
    import mimetypes

    try:
        with Path(path).open("rb") as opened:
            content = opened.read(MOST_TEXT + 1)
    except OSError as error:
        raise BadUsage(f"{path} cannot be read: {error.strerror}") from error
    if len(content) > MOST_TEXT:
        raise BadUsage(f"{path} is larger than a mail may be")
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    return {"filename": Path(path).name, "content_type": kind, "content": base64.b64encode(content).decode()}


def _of_file(path: str) -> str:
    if path == "-":
        if _read_before:
            raise argparse.ArgumentTypeError("standard input can be read once only")
        _read_before.append(path)
        octets = sys.stdin.buffer.read(MOST_TEXT + 1) if sys.stdin else b""
    else:
        try:
            with Path(path).open("rb") as opened:
                octets = opened.read(MOST_TEXT + 1)
        except OSError as error:
            raise argparse.ArgumentTypeError(f"{path} cannot be read: {error.strerror}") from None
    name = "standard input" if path == "-" else path
    if len(octets) > MOST_TEXT:
        raise argparse.ArgumentTypeError(f"{name} is longer than {MOST_TEXT >> 20} MiB")
    try:
        return octets.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise argparse.ArgumentTypeError(f"{name} is not UTF-8") from None
