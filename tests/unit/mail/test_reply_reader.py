"""Replies of servers, however they are cut into pieces."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail.reply_reader import MAX_LINE, MAX_LINES, RawReply, Reply, ReplyReader


def read(*pieces: bytes) -> tuple[list[RawReply], str | None]:
    reader = ReplyReader()
    return [reply for piece in pieces for reply in reader.feed(piece)], reader.fault


def reply(octets: bytes) -> Reply:
    (raw,), fault = read(octets)
    assert fault is None
    return Reply.of(raw)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"250 ok\r\n", Reply(250, None, "ok")),
        (b"250\r\n", Reply(250, None, "")),
        (b"250 \n", Reply(250, None, "")),
        (b"250 2.1.0 ok\r\n", Reply(250, "2.1.0", "ok")),
        (b"250 2.1.0\r\n", Reply(250, "2.1.0", "")),
        (b"550-5.1.1 no such\r\n550 5.1.1 mailbox\r\n", Reply(550, "5.1.1", "no such mailbox")),
        (b"550-5.1.1 no such\r\n550 mailbox\r\n", Reply(550, "5.1.1", "no such mailbox")),
        (b"550 4.1.1 of another class\r\n", Reply(550, None, "4.1.1 of another class")),
        (b"550 5.1.1.1 is no code\r\n", Reply(550, None, "5.1.1.1 is no code")),
        (b"550 see 5.1.1\r\n", Reply(550, None, "see 5.1.1")),
        (b"250-a\r\n550 b\r\n", Reply(550, None, "a b")),
        (b"550 a\x00b\tc\r\n", Reply(550, None, "ab c")),
        ("550 größer\r\n".encode("latin-1"), Reply(550, None, "größer")),
        ("550 größer\r\n".encode(), Reply(550, None, "größer")),
    ],
)
def test_a_reply(octets: bytes, expected: Reply) -> None:
    """Codes, enhanced codes, text."""
    assert reply(octets) == expected


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"ok\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 x\r\n",
        b"650 x\r\n",
        b"260 x\r\n",
        b" 250 x\r\n",
        b"250_x\n",
    ],
)
def test_what_is_no_reply(octets: bytes) -> None:
    """RFC 5321 §4.2. What came before is one, and nothing that comes after."""
    replies, fault = read(b"250 ok\r\n" + octets + b"250 ok\r\n")
    assert len(replies) == 1
    assert fault


def test_bounds() -> None:
    """The largest is read; one octet or line more is not, wherever it is cut."""
    longest = b"250-" + b"x" * (MAX_LINE - 4)
    for octets in (longest + b"\n250 end\n", b"250-x\n" * (MAX_LINES - 1) + b"250 x\n"):
        replies, fault = read(octets)
        assert (len(replies), fault) == (1, None)
    for endless in (longest + b"x\n", longest + b"x", b"250-x\n" * MAX_LINES + b"250 x\n"):
        whole = read(endless)
        assert whole == read(*(endless[place : place + 1] for place in range(len(endless))))
        assert whole[1]


@given(
    st.lists(st.sampled_from([b"250-a\r\n", b"250 ok\n", b"421\r\n", b"5", b"50 x\r\n", b"\r", b"\n", b"x"])), st.data()
)
def test_pieces_do_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    """The same replies come out of a stream whole and in pieces, and the same fault."""
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert read(whole) == read(*pieces)


@given(st.binary(max_size=200))
def test_any_octets_make_a_text_that_can_be_kept(octets: bytes) -> None:
    """Without NUL, control characters and lone surrogates."""
    text = Reply.of(RawReply(550, octets.split(b"\n"))).text
    assert "\x00" not in text
    assert len(text.splitlines()) <= 1
    text.encode()
