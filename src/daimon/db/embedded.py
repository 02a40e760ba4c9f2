"""The PostgreSQL that comes along: started in a data directory, reached over a Unix socket only we can open."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from daimon.db import cluster, leftovers, server_user
from daimon.db.errors import ClusterUnusable
from daimon.db.server_user import ServerUser
from daimon.kit.process import die_with_parent

_PORT = "5432"  # names the socket; nothing listens on TCP
_SOCKET = f".s.PGSQL.{_PORT}"
_LONGEST_SOCKET_PATH = 100  # sun_path of unix(7) holds 108, on other systems 104
_LOG_LIMIT = 10_000_000
_SMALLEST_DISK = 64 * 1024 * 1024
_SOCKET_LINE, _STATUS_LINE = 4, 7  # of postmaster.pid


class EmbeddedPostgres:
    """One PostgreSQL server over `directory/postgres`. Whoever holds the directory's lock may start it."""

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        self.directory = directory.resolve()
        self.cluster = self.directory / "postgres"
        self.log = self.directory / "postgresql.log"
        self.durable = durable
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._sockets = self.cluster

    @property
    def url(self) -> str:
        """Where the database is reached while the server runs."""
        return _url(self._sockets)

    @property
    def pid(self) -> int | None:
        """The server's process, if it was started."""
        return self._process.pid if self._process else None

    def start(self, *, give_up: Callable[[], bool] = lambda: False) -> None:
        """Start the server and return when it answers. Makes the cluster the first time.

        Stops a server that a killed supervisor left behind. Raises ClusterUnusable, also when `give_up` says so while
        the server still recovers.
        """
        if _is_missing(self.cluster):
            self._check_space()
            cluster.make(self.cluster, durable=self.durable)
        major = cluster.major_of(self.cluster)
        user = server_user.of_cluster(self.cluster)
        leftovers.clear(self.cluster, self._sockets)
        self._check_space()
        self._sockets = self._socket_directory(user)
        self._process = self._launch(user, cluster.usable_binaries(user, major).postgres)
        self._await_ready(self._process, give_up)

    def stop(self, *, patience: float = 20, hurry: Callable[[], bool] = lambda: False) -> None:
        """Disconnect clients, write everything, end. Harder and harder after `patience` seconds or in a `hurry`.

        Even the hardest way loses nothing that was committed; the next start then replays the log.
        """
        if self._process is not None:
            _end(self._process, patience, hurry)
            self._process = None
        if self._sockets != self.cluster:
            shutil.rmtree(self._sockets, ignore_errors=True)
            self._sockets = self.cluster

    def has_ended(self) -> bool:
        """Whether the server was started and has ended by itself; it may then be started again, at the same URL."""
        if self._process is None or self._process.poll() is None:
            return False
        self._process = None
        return True

    def _launch(self, user: ServerUser, postgres: str) -> "subprocess.Popen[bytes]":
        must_hold = {
            "listen_addresses": "",
            "unix_socket_directories": "." if self._sockets == self.cluster else f'"{self._sockets}"',
            "unix_socket_permissions": "0700",
            "port": _PORT,
            "cluster_name": leftovers.name_of(self.cluster),
            "logging_collector": "off",
            "log_destination": "stderr",
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
        }
        command = [postgres, "-D", cluster.data_argument(self.cluster, user)]
        for name, value in must_hold.items():
            command += ["-c", f"{name}={value}"]
        try:
            with self._open_log() as log:
                self._log_start = log.seek(0, os.SEEK_END)
                return subprocess.Popen(  # noqa: S603 -- our own command line
                    command,
                    cwd=self.cluster,
                    env={"LC_ALL": "C", "TZ": "UTC"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C at a terminal reaches the supervisor alone
                    preexec_fn=die_with_parent(signal.SIGINT),  # noqa: PLW1509 -- it imports and allocates nothing
                    **cluster.credentials(user),
                )
        except OSError as error:
            raise ClusterUnusable(f"cannot start PostgreSQL: {error}") from error

    def _open_log(self) -> BinaryIO:
        """Open the log for appending; one that has grown large makes room first."""
        with contextlib.suppress(FileNotFoundError):
            if self.log.stat().st_size > _LOG_LIMIT:
                self.log.replace(self.log.with_suffix(".log.1"))
        return open(os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab")

    def _await_ready(self, process: "subprocess.Popen[bytes]", give_up: Callable[[], bool]) -> None:
        """Wait as `pg_ctl -w` does: the server writes its state into postmaster.pid. Recovery may take minutes."""
        while not _is_ready(self.cluster / "postmaster.pid", process.pid):
            if process.poll() is not None:
                self._process = None
                raise ClusterUnusable(f"PostgreSQL does not start: {self._last_words()} (see {self.log})")
            if give_up():
                self.stop()
                raise ClusterUnusable("stopped before PostgreSQL was ready")
            time.sleep(0.01)

    def _last_words(self) -> str:
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return cluster.reason(log.read(65536).decode(errors="replace"))

    def _check_space(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            free = shutil.disk_usage(self.directory).free
        except OSError as error:
            raise ClusterUnusable(f"cannot use {self.directory}: {error.strerror}") from error
        need = _SMALLEST_DISK if self.cluster.exists() else 2 * _SMALLEST_DISK
        if free < need:
            raise ClusterUnusable(f"the disk of {self.directory} is full: {free >> 20} MiB free, {need >> 20} needed")

    def _socket_directory(self, user: ServerUser) -> Path:
        if len(os.fsencode(self.cluster / _SOCKET)) < _LONGEST_SOCKET_PATH:
            return self.cluster
        if self._sockets != self.cluster and self._sockets.exists():
            return self._sockets  # a start after a death: whoever was told the URL goes on with it
        made = Path(tempfile.mkdtemp(prefix="daimon-"))  # mode 0700
        user.take(made)
        return made


def running_url(directory: Path) -> str:
    """Return where the server over `directory` is reached, for another process. Raises ClusterUnusable if none runs."""
    home = directory.resolve() / "postgres"
    try:
        lines = (home / "postmaster.pid").read_text().splitlines()
        return _url(home / lines[_SOCKET_LINE])  # an absolute path stays what it is
    except (FileNotFoundError, IndexError):
        raise ClusterUnusable(f"no server runs over {directory}: start it, or set DAIMON_DATABASE_URL") from None
    except OSError as error:
        raise ClusterUnusable(f"cannot reach the database in {directory}: {error.strerror}") from error


def _url(sockets: Path) -> str:
    return f"postgresql:///{cluster.DATABASE}?user={cluster.SUPERUSER}&port={_PORT}&host={quote(str(sockets))}"


def _is_missing(directory: Path) -> bool:
    try:
        return not directory.exists() or not any(directory.iterdir())
    except OSError as error:
        raise ClusterUnusable(f"cannot read {directory}: {error.strerror}") from error


def _end(process: "subprocess.Popen[bytes]", patience: float, hurry: Callable[[], bool]) -> None:
    for how, wait in ((signal.SIGINT, patience), (signal.SIGQUIT, 5), (signal.SIGKILL, 60)):
        process.send_signal(how)
        if _ends_within(process, wait, hurry if how is signal.SIGINT else lambda: False):
            return


def _ends_within(process: "subprocess.Popen[bytes]", seconds: float, hurry: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        if time.monotonic() > deadline or hurry():
            return False
        time.sleep(0.01)
    return True


def _is_ready(pid_file: Path, pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        lines = pid_file.read_text().splitlines()
        return len(lines) > _STATUS_LINE and int(lines[0]) == pid and lines[_STATUS_LINE].strip() == "ready"
    return False
