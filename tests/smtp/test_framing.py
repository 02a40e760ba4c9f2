"""Properties of the framing: how the octets are cut into pieces makes no difference, and nothing else is raised."""

import asyncio
import re
from functools import partial
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daimon.inbound.errors import UnknownInbox
from daimon.inbound.models import Accepted, Recipient
from daimon.kit.clock import utc_now
from daimon.mail.address import Address
from daimon.smtpd.body import has_line_over
from daimon.smtpd.framing import BareEnd, Framer, FramingError
from daimon.smtpd.house import House
from daimon.smtpd.policy import Policy
from daimon.smtpd.protocol import Connection
from daimon.smtpd.receiving import Receiving

from .fakes import ACCOUNT

SMALL = Policy(
    hostname="mx.daimon.email",
    service_domain="daimon.email",
    max_command=64,
    max_line=100,
    max_message_bytes=200,
    max_errors=8,
    max_commands=50,
    max_recipients=3,
)

# What a hostile or broken client could put together.
COMMANDS = [
    "EHLO x", "MAIL FROM:<a@example.org>", "MAIL FROM:<> SIZE=5", "RCPT TO:<x@daimon.email>",
    "RCPT TO:<nobody@daimon.email>", "DATA", "BDAT 5", "BDAT 2 LAST", "BDAT 0 LAST", "BDAT 150", "RSET", "NOOP",
    "VRFY x", "STARTTLS", "QUIT", "Received: x",
]  # fmt: skip
OCTETS = [b"\r", b"\n", b"\r\n", b".", b"..", b"\r\n.\r\n", b"\n.\n", b"\r\n.\r", b"\x00", b"a", b"\xff", b" ", b"<"]
LONG = [b"x" * 30, b"x" * 90]
FRAGMENTS = st.sampled_from([command.encode() + b"\r\n" for command in COMMANDS] + OCTETS + LONG)
OPENING = st.sampled_from(
    [
        b"",
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@daimon.email>\r\n",
        b"EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<x@daimon.email>\r\nDATA\r\n",
    ]
)
STREAMS = st.builds(
    lambda opening, rest: opening + b"".join(rest), OPENING, st.lists(FRAGMENTS | st.binary(), max_size=30)
)


class FakeTransport:
    """Takes what is written; the end is all that a connection asks of it."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.1", 4000)

    def write(self, octets: bytes) -> None:
        self.written += octets

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.closed = True

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        raise AssertionError("nothing here needs a pause")


class AtOnce:
    """Directory and acceptor that answer in the same breath."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.mails: list[Accepted] = []

    def find(self, address: Address) -> "asyncio.Future[Recipient]":
        future = self.loop.create_future()
        if address.local == "nobody":
            future.set_exception(UnknownInbox())
        else:
            future.set_result(Recipient(str(address), ACCOUNT, ACCOUNT))
        return future

    def commit(self, mail: Accepted) -> "asyncio.Future[None]":
        self.mails.append(mail)
        future = self.loop.create_future()
        future.set_result(None)
        return future


def play(pieces: list[bytes], loop: asyncio.AbstractEventLoop) -> tuple[bytes, bool, list[Any]]:
    """Return what is answered to a stream, whether the session ended, and what was kept."""
    store, transport = AtOnce(loop), FakeTransport()
    dialogue = partial(Receiving, directory=store, acceptor=store)
    house = House(dialogue=dialogue, policy=SMALL, tls=None, clock=utc_now, loop=loop)
    connection = Connection(house)
    connection.connection_made(cast("asyncio.Transport", transport))
    for piece in pieces:
        connection.data_received(piece)
    return transport.written, transport.closed, [(mail.envelope, mail.octets) for mail in store.mails]


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    """Return the stream in pieces."""
    ends = sorted({place % (len(stream) + 1) for place in places} | {len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False) if end > start]


@pytest.fixture(scope="module")
def loop() -> Any:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@settings(max_examples=150, deadline=None)
@given(STREAMS, st.lists(st.integers(0, 10_000), max_size=40))
def test_pieces_make_no_difference(loop: asyncio.AbstractEventLoop, stream: bytes, places: list[int]) -> None:
    """A session is the same in one piece, in any pieces and octet by octet; no bug is answered 421 4.3.0."""
    whole = play([stream] if stream else [], loop)
    assert play(cut(stream, places), loop) == whole
    assert play([bytes([octet]) for octet in stream], loop) == whole
    assert b"421 4.3.0" not in whole[0]


LINES = st.lists(st.sampled_from([b".", b"\r\n", b"\n", b"\r", b"a", b"\x00"]) | st.binary(max_size=5), max_size=40)
LONE_DOT = re.compile(rb"(?<=[\r\n])\.(?=[\r\n])")


@settings(max_examples=200, deadline=None)
@given(LINES, st.lists(st.integers(0, 500), max_size=10))
def test_a_body_is_kept_or_refused_by_name(fragments: list[bytes], places: list[int]) -> None:
    """What a correct client sends arrives as it was, unless a dot stands alone between line ends of another kind."""
    body = b"".join(fragments)
    body = body + b"\r\n" if body and not body.endswith(b"\r\n") else body
    stuffed = (b"\r\n" + body).replace(b"\r\n.", b"\r\n..")
    ambiguous = LONE_DOT.search(stuffed) is not None
    framer = Framer(max_command=64, max_line=100, max_message_bytes=10_000)
    framer.expect_data()
    frame = None
    try:
        for piece in cut(stuffed[2:] + b".\r\nQUIT\r\n", places):
            framer.feed(piece)
            frame = frame if frame is not None else framer.next()
    except BareEnd:
        assert ambiguous
    else:
        assert not ambiguous
        assert frame == body
        assert framer.next() == b"QUIT"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=20))
def test_only_framing_errors_are_raised(pieces: list[bytes]) -> None:
    """Whatever comes, in whatever state."""
    framer = Framer(max_command=64, max_line=100, max_message_bytes=200)
    states = (framer.expect_data, lambda: framer.expect_chunk(7, keep=True), lambda: framer.expect_chunk(9, keep=False))
    for number, piece in enumerate(pieces):
        framer.feed(piece)
        try:
            if framer.next() is not None:
                states[number % 3]()
        except FramingError:
            framer.clear()


@given(st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"bb", b"ccc"]), max_size=60), st.integers(1, 12))
def test_long_lines_are_found(fragments: list[bytes], limit: int) -> None:
    """The quick look agrees with the slow one, but for the two octets of a CRLF that it allows a line to end in."""
    body = b"".join(fragments)
    longest = max((len(line) for line in body.split(b"\n")), default=0)
    if longest > limit + 2:
        assert has_line_over(body, limit)
    if longest <= limit:
        assert not has_line_over(body, limit)


def test_memory_is_bounded_while_data_are_dropped() -> None:
    """A mail that is too big is not kept while it goes on, nor is an endless command."""
    framer = Framer(max_command=64, max_line=10_000, max_message_bytes=1000)
    framer.expect_data()
    most = 0
    for _ in range(20):
        framer.feed(b"x" * 100)
        assert framer.next() is None
        most = max(most, framer.held)
    assert most < 1500
    framer.clear()
    framer.feed(b"x" * 64)
    with pytest.raises(FramingError):
        framer.next()
    for _ in range(90):
        framer.feed(b"x" * 100)
        assert framer.next() is None
        assert framer.held < 200
