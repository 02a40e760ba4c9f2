"""Files to attach: from octets, paths and streams."""

from __future__ import annotations

import base64
import mimetypes
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Union

_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class File:
    """A part to be attached. With `content_id`, the HTML can show it by `cid:`."""

    filename: str
    content: bytes = field(repr=False)
    content_type: str = _UNKNOWN_TYPE
    content_id: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.content, (bytes, bytearray, memoryview)):
            raise TypeError(f"a file's content is octets, not {type(self.content).__name__}: encode a text")

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str],
        *,
        filename: str | None = None,
        content_type: str | None = None,
        content_id: str | None = None,
    ) -> File:
        """Return the file at a path; its type is told by its name unless it is given. Raises OSError."""
        octets, name = Path(path).read_bytes(), filename or Path(path).name
        return cls(name, octets, content_type or _type_of(name), content_id)

    @classmethod
    def from_stream(
        cls,
        stream: BinaryIO,
        *,
        filename: str | None = None,
        content_type: str | None = None,
        content_id: str | None = None,
    ) -> File:
        """Return what is left in a stream. Raises ValueError if neither it nor the caller says what it is called."""
        name = filename or _name_of(stream)
        if not name:
            raise ValueError("the stream has no name: give the attachment one, by File.from_stream(…, filename=…)")
        return cls(name, stream.read(), content_type or _type_of(name), content_id)


FileLike = Union[File, "os.PathLike[str]", BinaryIO]


def sent_files(given: Sequence[FileLike]) -> list[dict[str, Any]]:
    """Return files as they are sent. Raises TypeError for what is none, such as a path in a str."""
    if isinstance(given, (str, bytes, Mapping)) or _is_file(given):
        raise TypeError(f"attachments are a list of files, not one {type(given).__name__}")
    return [_sent(_file(each)) for each in given]


def _file(given: FileLike) -> File:
    if isinstance(given, File):
        return given
    if not _is_file(given):
        raise TypeError(f"an attachment is a File, a Path or a stream that is open in binary mode, not {given!r:.50}")
    return File.from_path(given) if isinstance(given, os.PathLike) else File.from_stream(given)


def _is_file(given: object) -> bool:
    return isinstance(given, (File, os.PathLike)) or hasattr(given, "read")


def _name_of(stream: BinaryIO) -> str:
    """Return what a stream's file is called. One that has no name may say None or a number."""
    name = getattr(stream, "name", None)
    return Path(os.fsdecode(name)).name if isinstance(name, (str, bytes, os.PathLike)) else ""


def _sent(file: File) -> dict[str, Any]:
    told = {"content_id": file.content_id} if file.content_id is not None else {}
    content = base64.b64encode(file.content).decode("ascii")
    return {"filename": file.filename, "content": content, "content_type": file.content_type, **told}


def _type_of(filename: str) -> str:
    found, encoding = mimetypes.guess_type(filename)
    return found if found and not encoding else _UNKNOWN_TYPE
