"""Mails in a row in one file: the mbox format (RFC 4155), with the quoting of `mboxrd`, which can be undone exactly."""

import re
from datetime import datetime

_FROM_LINE = re.compile(rb"^(>*From )", re.MULTILINE)
_NOT_IN_A_SENDER = re.compile(r"[^\x21-\x7e]+")


def entry(octets: bytes, *, sender: str | None, at: datetime) -> bytes:
    """Return a mail as it stands in an mbox: after a line that separates it from the one before, before an empty one.

    A line that begins with `From `, after any number of `>`, gets one more `>`; taking one off gives the mail back as
    it was. A mail whose last line has no end gets one.
    """
    shown = _NOT_IN_A_SENDER.sub("_", sender or "") or "MAILER-DAEMON"
    head = f"From {shown} {at.ctime()}\n"
    end = b"\n" if octets.endswith(b"\n") else b"\n\n"
    return head.encode("ascii") + _FROM_LINE.sub(rb">\1", octets) + end
