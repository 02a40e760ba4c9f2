"""What a reader process may be made to run: the product's reading, and mails that it must not survive."""

import ctypes
import os
import signal

from daimon.inbound import understanding
from daimon.inboxes.arrival import Understood

CRASHES = ("exits", "segfaults", "raises", "loops", "eats memory", "answers nonsense")


def perilous(octets: bytes) -> Understood:
    """Read a mail, but come to grief on one that says how."""
    if b"Please: exits" in octets:
        os._exit(3)
    if b"Please: segfaults" in octets:
        ctypes.string_at(0)
    if b"Please: raises" in octets:
        raise RuntimeError("as asked")
    if b"Please: loops" in octets:
        while True:
            pass
    if b"Please: eats memory" in octets:
        eaten = [bytes(1 << 20)]
        while True:
            eaten.append(b"x" * (1 << 26))
    if b"Please: is killed" in octets:
        os.kill(os.getpid(), signal.SIGKILL)
    if b"Please: answers nonsense" in octets:
        return "nonsense"  # type: ignore[return-value]
    return understanding.fully(octets)
