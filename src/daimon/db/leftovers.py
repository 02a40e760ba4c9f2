"""Servers that outlived a killed supervisor. They are known by the cluster's name in their command line."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from daimon.db.errors import ClusterUnusable

_SERVER_LOCK, _SOCKET_LOCK = "postmaster.pid", ".s.PGSQL.5432.lock"


def name_of(cluster: Path) -> str:
    """Return the name that every process of a cluster's server carries: device and inode of its directory."""
    found = cluster.stat()
    return f"daimon-{found.st_dev:x}-{found.st_ino:x}"


def clear(cluster: Path, sockets: Path) -> None:
    """Stop what still runs over a cluster, and remove its lock files. Raises ClusterUnusable if it will not go.

    `sockets` is the directory of its socket, which may be the cluster's own.

    PostgreSQL would refuse to start if the pid in those belongs to any process of the same user by now, as it
    easily does after a restart of a container. Whoever calls this holds the data directory, so nobody else starts one.
    """
    _stop(cluster)
    for lock in (cluster / _SERVER_LOCK, cluster / _SOCKET_LOCK, sockets / _SOCKET_LOCK):
        lock.unlink(missing_ok=True)


def _stop(cluster: Path) -> None:
    # Patience is short: told to stop while it recovers from a killed backend, PostgreSQL 18 never does.
    # The harder ways lose nothing either; the next start replays the log.
    for how, patience in ((signal.SIGINT, 5), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
        running = _find(cluster)
        if how is signal.SIGINT and (server := _server_of(cluster)) in running:
            running = {server}  # it stops its own children; SIGINT to those would only cancel a query
        elif how is signal.SIGINT:
            continue  # orphans of a server that was killed: they have nothing left to write
        for pid in running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        if _gone(cluster, patience):
            return
    raise ClusterUnusable(f"another PostgreSQL over {cluster} does not stop: processes {sorted(_find(cluster))}")


def _gone(cluster: Path, patience: float) -> bool:
    deadline = time.monotonic() + patience
    while _find(cluster):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _server_of(cluster: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int((cluster / "postmaster.pid").read_text().splitlines()[0])
    return None


def _find(cluster: Path) -> set[int]:
    """Return the processes of this cluster's server. Only its owner's count: others may write what they like."""
    name, owner = name_of(cluster), cluster.stat().st_uid
    listing = _linux_processes() if sys.platform == "linux" else _other_processes()
    return {pid for pid, uid, command in listing if uid == owner and name in command and "postgres" in command}


def _linux_processes() -> list[tuple[int, int, str]]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):  # it ended meanwhile
                command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append((int(entry.name), entry.stat().st_uid, command))
    return found


def _other_processes() -> list[tuple[int, int, str]]:
    shown = subprocess.run(["ps", "-axo", "pid=,uid=,command="], capture_output=True, text=True, check=True).stdout  # noqa: S607 -- ps has no fixed place
    rows = (line.split(None, 2) for line in shown.splitlines())
    return [(int(row[0]), int(row[1]), row[2]) for row in rows if len(row) == 3]
