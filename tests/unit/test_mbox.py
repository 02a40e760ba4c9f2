"""The mbox format: what was quoted can be unquoted."""

import re
from datetime import UTC, datetime

import pytest

from daimon.mail import mbox

_AT = datetime(2026, 3, 6, 1, 2, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    "octets",
    [
        b"Subject: a\r\n\r\nbody\r\n",
        b"From the first line\r\n",
        b"a\r\nFrom b\r\n>From c\r\n>>>From d\r\n> From e\r\nfrom f\r\nFrom: g\r\n",
        b"bare\nFrom newline\n\n\nFrom \n",
        b"\xff\x00\r\n",
    ],
)
def test_taking_one_sign_off_gives_the_mail_back(octets: bytes) -> None:
    """No line of the mail can pass for the beginning of another one."""
    head, _, rest = mbox.entry(octets, sender="a@example.com", at=_AT).partition(b"\n")
    assert head == b"From a@example.com Fri Mar  6 01:02:03 2026"
    assert rest.endswith(b"\n")
    assert not re.search(rb"^From ", rest, re.MULTILINE)
    assert re.sub(rb"(?m)^>(>*From )", rb"\1", rest[:-1]) == octets


@pytest.mark.parametrize(
    ("sender", "shown"),
    [(None, b"MAILER-DAEMON"), ("", b"MAILER-DAEMON"), ("a b@x\nFrom y", b"a_b@x_From_y"), ("ä@x", b"_@x")],
)
def test_a_sender_cannot_break_the_first_line(sender: str | None, shown: bytes) -> None:
    """It is one word of printable ASCII."""
    assert mbox.entry(b"x\n", sender=sender, at=_AT).split(b" ")[1] == shown


def test_a_mail_without_a_last_line_end_gets_one() -> None:
    """Else the next mail's first line would be its last."""
    assert mbox.entry(b"x", sender=None, at=_AT).endswith(b"\nx\n\n")
