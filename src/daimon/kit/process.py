"""Child processes that do not outlive the one that started them."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1  # linux/prctl.h

# Looked up before any fork: another thread may hold the loader's lock then, and the child would wait for it for ever.
_prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None


def die_with_parent(death: signal.Signals) -> Callable[[], None]:
    """Return a `preexec_fn` that asks the kernel to send `death` to the child when this process dies.

    More exactly when the thread dies that starts the child (prctl(2)), so start it from one that stays. The request is
    made after a change of user, which would clear it. Elsewhere than on Linux nothing is asked.
    """
    parent = os.getpid()

    def before_exec() -> None:
        if _prctl is None:
            return
        _prctl(_PR_SET_PDEATHSIG, int(death), 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return before_exec
