"""Archives written front to back, read by the standard library and by unzip."""

import io
import os
import shutil
import subprocess
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daimon.kit.zip_stream import ZipStream

_AT = datetime(2026, 3, 16, 10, 30, 20, tzinfo=UTC)


def archive(files: dict[str, list[bytes]]) -> bytes:
    """Return an archive of files, each written in pieces."""
    made, written = [], ZipStream()
    for name, pieces in files.items():
        made += [written.begin(name, _AT), *map(written.write, pieces), written.end()]
    made += written.close()
    written.discard()
    return b"".join(made)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"empty": []},
        {"a.txt": [b"one", b"", b"two"]},
        {"ünï.json": [b"[]"], "b/c.mbox": [bytes(range(256)) * 5000]},
        {f"{number}.json": [b"%d" % number] for number in range(70_000)},  # more than fit without Zip64
    ],
    ids=["nothing", "an empty file", "pieces", "names", "many"],
)
def test_the_standard_library_reads_what_was_written(files: dict[str, list[bytes]]) -> None:
    """Names, contents, checksums and times are as given."""
    with zipfile.ZipFile(io.BytesIO(archive(files))) as found:
        assert found.namelist() == list(files)
        for name in list(files)[:100]:
            assert found.read(name) == b"".join(files[name])
            assert found.getinfo(name).date_time == (2026, 3, 16, 10, 30, 20)


@pytest.mark.skipif(shutil.which("unzip") is None and not os.environ.get("CI"), reason="needs unzip, which CI installs")
def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    """Info-ZIP is stricter than Python."""
    (tmp_path / "a.zip").write_bytes(archive({"a": [b"x" * 100_000], "b": [], "c": [b"y"]}))
    subprocess.run(["unzip", "-tq", tmp_path / "a.zip"], check=True, capture_output=True)
