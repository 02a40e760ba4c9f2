"""Making a cluster: all of it in a directory beside its place, then moved there in one step."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypedDict

from daimon.db import binaries, server_user
from daimon.db.binaries import Binaries
from daimon.db.errors import ClusterUnusable
from daimon.db.server_user import ServerUser
from daimon.kit.process import die_with_parent

SUPERUSER = "daimon"
DATABASE = "daimon"

# Reaches the directory that a child starts in, whether or not it may walk the path to it.
HERE = "/proc/self/cwd"

_COMPLAINT = re.compile(r"\b(?:PANIC|FATAL|ERROR|error): +(.+)")

# Written once; an operator may change them. What must hold is given at every start (see embedded).
_SETTINGS = """
# Set by daimon when it made this cluster. Yours to change.
max_connections = 100
shared_buffers = 256MB
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
wal_compression = off                   # pglz costs more time than it saves, and the bundled server has no lz4
jit = off                               # no query here runs long enough to repay compiling it
max_parallel_workers_per_gather = 0
max_logical_replication_workers = 0
autovacuum_naptime = 5s                 # plans made while tables were empty are soon made anew
autovacuum_max_workers = 2
timezone = 'UTC'
log_timezone = 'UTC'
log_checkpoints = off
log_autovacuum_min_duration = -1
log_min_messages = log                  # an SQL error goes to the one who caused it, who logs what matters
log_min_error_statement = panic         # statements carry mail
"""


def make(cluster: Path, *, durable: bool = True) -> None:
    """Make a cluster with an empty database in it. Raises ClusterUnusable; then nothing is left behind."""
    installed = usable_binaries(server_user.of_new_cluster())
    for abandoned in cluster.parent.glob(f"{cluster.name}.new-*"):  # by a start that was killed
        shutil.rmtree(abandoned, ignore_errors=True)
    try:
        # A name of its own: a child of that start may still be writing into the other for a moment.
        fresh = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
        try:
            _fill(fresh, installed, durable=durable)
            fresh.rename(cluster)
            _sync(cluster.parent)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    except OSError as error:
        raise ClusterUnusable(f"cannot make the database in {cluster}: {error.strerror or error}") from error


def major_of(cluster: Path) -> int:
    """Return the PostgreSQL version that made a cluster. Raises ClusterUnusable if there is no cluster."""
    try:
        return int((cluster / "PG_VERSION").read_text().strip())
    except (OSError, ValueError) as error:
        raise ClusterUnusable(
            f"{cluster} is not a database of PostgreSQL (PG_VERSION is missing or damaged); "
            "restore it, or move it away to start with an empty one"
        ) from error


def usable_binaries(user: ServerUser, major: int | None = None) -> Binaries:
    """Return programs that `user` can run."""
    installed = binaries.find(major)
    return installed if user.is_self else binaries.reachable_by_all(installed)


def data_argument(cluster: Path, user: ServerUser) -> str:
    """Return what to give as `-D` to a child that starts in the cluster's directory."""
    return str(cluster) if user.is_self else HERE


class Credentials(TypedDict, total=False):
    """Arguments of `subprocess` that change the child's user."""

    user: int
    group: int
    extra_groups: list[int]


def credentials(user: ServerUser) -> Credentials:
    """Return the arguments that make `subprocess` start a child as a user."""
    return {} if user.is_self else {"user": user.uid, "group": user.gid, "extra_groups": []}


def _fill(fresh: Path, installed: Binaries, *, durable: bool) -> None:
    maker = server_user.of_initdb()
    maker.take(fresh)
    where = data_argument(fresh, maker)
    initdb = [installed.initdb, "-D", where, "-U", SUPERUSER, "-A", "trust", "--encoding=UTF8", "--locale=C"]
    if installed.major >= 17:  # its own Unicode rules, the same on every machine
        initdb += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    initdb += ["--data-checksums", "--no-instructions"] + ([] if durable else ["--no-sync"])
    _run(initdb, fresh, maker)
    fsync = "on" if durable else "off"
    single = [
        installed.postgres,
        "--single",
        "-D",
        where,
        "-c",
        f"fsync={fsync}",
        "-c",
        "log_checkpoints=off",
        "postgres",
    ]
    _run(single, fresh, maker, sql=f"create database {DATABASE}\n")
    server_user.of_new_cluster().take(fresh)
    with open(os.open(fresh / "postgresql.conf", os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW), "a") as conf:
        conf.write(_SETTINGS)


def _before_exec(user: ServerUser) -> Callable[[], None]:
    named, die_with_us = server_user.named(user), die_with_parent(signal.SIGKILL)

    def before_exec() -> None:
        named()
        die_with_us()  # after the change of namespace, which would clear it

    return before_exec


def _run(command: list[str], directory: Path, user: ServerUser, sql: str = "") -> None:
    done = subprocess.run(  # noqa: S603 -- our own command line
        command,
        cwd=directory,
        env={"LC_ALL": "C", "TZ": "UTC"},
        input=sql,
        capture_output=True,
        text=True,
        errors="replace",
        start_new_session=True,  # Ctrl-C at a terminal reaches the supervisor alone
        preexec_fn=_before_exec(user),
        check=False,
        **credentials(user),
    )
    if done.returncode != 0 or "FATAL" in done.stderr:
        raise ClusterUnusable(f"cannot make the database: {reason(done.stderr)}")


def reason(log: str) -> str:
    """Return what PostgreSQL gave as its reason: the first complaint, as others follow from it."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    complaints = [match[1] for line in lines if (match := _COMPLAINT.search(line))]
    return (complaints or lines[-1:] or ["it said nothing"])[0]


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
