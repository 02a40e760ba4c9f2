"""As whom PostgreSQL runs: as the user who starts it, but never as root.

Root hands it to a user without rights. No account is made for that: the kernel asks only for a number, and `postgres`
does not look it up. `initdb` does, so it runs as `nobody` and its work is handed over afterwards.
"""

import ctypes
import os
import pwd
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from daimon.db.errors import ClusterUnusable

UNPRIVILEGED_UID = 60832
"""Owner of the clusters that root makes. No distribution gives this number to a user or a service."""

_CLONE_NEWUSER = 0x10000000  # linux/sched.h


@dataclass(frozen=True, slots=True)
class ServerUser:
    """A user that PostgreSQL can run as."""

    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        """Whether this process is that user."""
        return self.uid == os.geteuid()

    def owns(self, path: Path) -> bool:
        """Whether a file is that user's."""
        return path.stat().st_uid == self.uid

    def take(self, directory: Path) -> None:
        """Make everything in a directory that user's. Never follows a link."""
        if self.is_self:
            return
        for _, names, files, handle in os.fwalk(directory):
            for name in (*names, *files):
                os.chown(name, self.uid, self.gid, dir_fd=handle, follow_symlinks=False)
        os.chown(directory, self.uid, self.gid)


def of_cluster(cluster: Path) -> ServerUser:
    """Return who may run an existing cluster. One that came to be root's, such as a restored copy, is handed over."""
    found = cluster.stat()
    if os.geteuid() != 0:
        if found.st_uid != os.geteuid():
            raise ClusterUnusable(f"{cluster} belongs to user {found.st_uid}: start the server as that user or as root")
        return ServerUser(found.st_uid, found.st_gid)
    if found.st_uid != 0:
        return ServerUser(found.st_uid, found.st_gid)
    user = ServerUser(UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    user.take(cluster)
    return user


def of_new_cluster() -> ServerUser:
    """Return who will own a cluster made now."""
    if os.geteuid() == 0:
        return ServerUser(UNPRIVILEGED_UID, UNPRIVILEGED_UID)
    return ServerUser(os.geteuid(), os.getegid())


def of_initdb() -> ServerUser:
    """Return a user with an account, as `initdb` insists on one."""
    if os.geteuid() != 0:
        return ServerUser(os.geteuid(), os.getegid())
    return _anyone()


def named(user: ServerUser) -> Callable[[], None]:
    """Return a `preexec_fn` that gives a child a name if its user has none, as in a container with a random uid.

    Inside a user namespace of its own the child is `nobody`; outside nothing changes.
    """
    if sys.platform != "linux" or _has_account(user.uid):
        return lambda: None
    libc = ctypes.CDLL(None, use_errno=True)
    alias = _anyone()
    maps = {
        "/proc/self/setgroups": b"deny",  # user_namespaces(7): required before gid_map
        "/proc/self/uid_map": b"%d %d 1" % (alias.uid, user.uid),
        "/proc/self/gid_map": b"%d %d 1" % (alias.gid, os.getegid()),
    }

    def before_exec() -> None:
        if libc.unshare(_CLONE_NEWUSER) != 0:
            return  # not allowed here: initdb itself will say what it lacks
        for path, line in maps.items():
            handle = os.open(path, os.O_WRONLY)
            os.write(handle, line)
            os.close(handle)

    return before_exec


def _has_account(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _anyone() -> ServerUser:
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        entry = next((each for each in pwd.getpwall() if each.pw_uid != 0), None)  # type: ignore[assignment]
    if entry is None:
        raise ClusterUnusable("initdb needs an account that is not root, and this system has none")
    return ServerUser(entry.pw_uid, entry.pw_gid)
