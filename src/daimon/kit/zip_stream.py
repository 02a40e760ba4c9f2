"""A ZIP archive written front to back (PKWARE APPNOTE), however large, in little memory.

The standard library's writer keeps an object for each file until the end; an account may have a million of them. Here
the directory, which stands last in an archive, waits in a temporary file. All sizes are in Zip64 form, because nobody
knows them beforehand.
"""

import struct
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime

_LEVEL = 1  # mail is mostly base64: more effort hardly makes it smaller
_VERSION = 45  # Zip64
_FLAGS = 1 << 3 | 1 << 11  # sizes follow the content; names are UTF-8
_DEFLATED = 8
_UNKNOWN = 0xFFFFFFFF  # it is in the Zip64 field
_MODE = 0o100600 << 16
_IN_MEMORY = 1 << 20
_CHUNK = 1 << 16


class ZipStream:
    """Makes an archive: for each file `begin`, any number of `write`, `end`; then `close`. Each returns its octets."""

    def __init__(self) -> None:
        self._directory = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `discard`
        self._offset = 0
        self._files = 0
        self._entry: _Entry | None = None

    def begin(self, name: str, at: datetime) -> bytes:
        """Begin a file."""
        self._entry = _Entry(name.encode(), at, self._offset)
        return self._sent(self._entry.header())

    def write(self, octets: bytes) -> bytes:
        """Add to the file that was begun."""
        assert self._entry
        return self._sent(self._entry.add(octets))

    def end(self) -> bytes:
        """End the file that was begun."""
        assert self._entry
        tail = self._entry.finish()
        self._directory.write(self._entry.record())
        self._files += 1
        self._entry = None
        return self._sent(tail)

    def close(self) -> Iterator[bytes]:
        """Yield the directory and the end of the archive."""
        start, size = self._offset, self._directory.tell()
        self._directory.seek(0)
        while chunk := self._directory.read(_CHUNK):
            yield self._sent(chunk)
        end64 = struct.pack(
            "<IQHHIIQQQQ", 0x06064B50, 44, _VERSION, _VERSION, 0, 0, self._files, self._files, size, start
        )
        locator = struct.pack("<IIQI", 0x07064B50, 0, self._offset, 1)
        end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, _UNKNOWN, _UNKNOWN, 0)
        yield self._sent(end64 + locator + end)

    def discard(self) -> None:
        """Give back what the archive needs while it is made."""
        self._directory.close()

    def _sent(self, octets: bytes) -> bytes:
        self._offset += len(octets)
        return octets


class _Entry:
    def __init__(self, name: bytes, at: datetime, offset: int) -> None:
        self._name = name
        self._time = at.hour << 11 | at.minute << 5 | at.second // 2
        self._date = (at.year - 1980) << 9 | at.month << 5 | at.day
        self._offset = offset
        self._deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        self._crc = self._size = self._packed = 0

    def header(self) -> bytes:
        extra = struct.pack("<HHQQ", 1, 16, 0, 0)
        return self._start("<IH", 0x04034B50, _VERSION) + self._lengths(extra) + self._name + extra

    def add(self, octets: bytes) -> bytes:
        self._crc = zlib.crc32(octets, self._crc)
        self._size += len(octets)
        return self._counted(self._deflate.compress(octets))

    def finish(self) -> bytes:
        rest = self._counted(self._deflate.flush())
        return rest + struct.pack("<IIQQ", 0x08074B50, self._crc, self._packed, self._size)

    def record(self) -> bytes:
        extra = struct.pack("<HHQQQ", 1, 24, self._size, self._packed, self._offset)
        place = struct.pack("<HHHII", 0, 0, 0, _MODE, _UNKNOWN)
        made_on_unix = 3 << 8 | _VERSION
        start = self._start("<IHH", 0x02014B50, made_on_unix, _VERSION)
        return start + self._lengths(extra) + place + self._name + extra

    def _start(self, layout: str, *fields: int) -> bytes:
        common = (_FLAGS, _DEFLATED, self._time, self._date, self._crc, _UNKNOWN, _UNKNOWN)
        return struct.pack(layout + "HHHHIII", *fields, *common)

    def _lengths(self, extra: bytes) -> bytes:
        return struct.pack("<HH", len(self._name), len(extra))

    def _counted(self, packed: bytes) -> bytes:
        self._packed += len(packed)
        return packed
