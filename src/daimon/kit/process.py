"""Child processes that do not outlive the one that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Loaded before any fork: between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(death: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that asks the kernel to send `death` to the child when this process dies.

    More exactly when the thread dies that starts the child (prctl(2)), so start it from one that stays. The request is
    made after a change of user, which would clear it. Elsewhere than on Linux nothing is asked.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if _libc is None:
            return
        _libc.prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return before_exec
