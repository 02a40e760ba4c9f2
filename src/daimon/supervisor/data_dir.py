"""The data directory: one server at a time, and the secret key that is made in it."""

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from daimon.supervisor.errors import CannotStart


@contextlib.contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the directory, made if it is missing. Raises CannotStart if another server does or it cannot be written.

    The kernel drops the lock with the process, however that ends.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CannotStart(f"cannot use the data directory {directory}: {error.strerror}") from error
    with os.fdopen(handle, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read().strip() or "unknown"
            raise CannotStart(f"{directory} is in use by another server (process {holder})") from None
        try:
            _write_holder(handle)
        except OSError as error:
            raise CannotStart(f"cannot write to the data directory {directory}: {error.strerror}") from error
        yield


def secret_key(directory: Path) -> str:
    """Return the key kept in the directory, made on the first start. Raises CannotStart."""
    path = directory / "secret_key"
    try:
        return _read_key(path)
    except FileNotFoundError:
        if (directory / "postgres").exists():
            raise CannotStart(
                f"{path} is missing, with which the database beside it was sealed: restore it, or set DAIMON_SECRET_KEY"
            ) from None
    except OSError as error:
        raise CannotStart(f"cannot read {path}: {error.strerror}") from error
    try:
        return _make_key(path)
    except OSError as error:
        raise CannotStart(f"cannot write {path}: {error.strerror}") from error


def _write_holder(handle: int) -> None:
    os.ftruncate(handle, 0)
    os.pwrite(handle, b"%d\n" % os.getpid(), 0)


def _read_key(path: Path) -> str:
    key = path.read_text("ascii", "replace").strip()
    if len(key) < 32:
        raise CannotStart(f"{path} is damaged: restore it, or set DAIMON_SECRET_KEY")
    path.chmod(0o600)
    return key


def _make_key(path: Path) -> str:
    """Write a new key whole or not at all."""
    key = secrets.token_hex(32)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    try:
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    return key
