"""What callers hand over, and what of it reaches the server."""

import enum
import json
import uuid
from datetime import UTC, date, datetime
from typing import Any

import pytest

from daimon_email import DaimonClient, Mailbox

from .conftest import Connect
from .scripted import answer, result
from .test_retries import INBOX, Start

NOWHERE = "http://daimon.test"


class Way(str, enum.Enum):  # noqa: UP042 -- as people wrote it before StrEnum
    """An enum of a caller's own, by the mixin whose `str` is not its value."""

    IN = "inbound"


class Colour(enum.Enum):
    """An enum whose members are no text."""

    RED = "red"


class Name(str):
    """A text of another class."""

    __slots__ = ()


def test_an_enum_is_sent_as_its_value(connect: Connect, scripted: Start) -> None:
    """Whichever kind, in the query and in the body."""
    peer = scripted([answer(200, {"result": {"messages": []}}), result(**INBOX)])
    client = connect("dm_x", peer.url)
    client.messages.list(Name("inbox_1"), direction=Way.IN, label=Colour.RED)
    client.inboxes.create(username=Name("a"), metadata={"way": Way.IN, "colours": [Colour.RED]})
    assert peer.asked[0].line.split()[1] == "/v1/inboxes/inbox_1/messages?label=red&direction=inbound"
    assert json.loads(peer.asked[1].body) == {"username": "a", "metadata": {"way": "inbound", "colours": ["red"]}}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (datetime(2026, 3, 16, 10, 30, tzinfo=UTC), "2026-03-16T10:30:00Z"),
        (date(2026, 3, 16), "2026-03-16"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (Mailbox(address="a@d"), {"address": "a@d"}),
        ({"b"}, ["b"]),
        (("a", range(2)), ["a", [0, 1]]),
        (None, None),
    ],
)
def test_what_json_can_say_is_sent_from_within_mappings(
    connect: Connect, scripted: Start, given: Any, sent: Any
) -> None:
    """Times, ids, results and collections of any kind."""
    peer = scripted([result(**INBOX)])
    connect("dm_x", peer.url).inboxes.create(metadata={"a": {"b": given}})
    assert json.loads(peer.asked[0].body) == {"metadata": {"a": {"b": sent}}}


def test_an_iterator_is_sent_as_a_list_in_each_try(connect: Connect, scripted: Start) -> None:
    """It can be read only once, but a body is made only once, too."""
    peer = scripted([None, result(**INBOX)])
    connect("dm_x", peer.url).inboxes.create(metadata={"a": (each for each in "ab")})
    assert [json.loads(asked.body) for asked in peer.asked] == [{"metadata": {"a": ["a", "b"]}}] * 2


@pytest.mark.parametrize("odd", [b"octets", bytearray(b"a"), object(), float("nan"), datetime(2026, 1, 1)])  # noqa: DTZ001
def test_what_json_cannot_say_is_refused(odd: object) -> None:
    """Octets would else be a list of numbers. Nothing is asked."""
    with pytest.raises((TypeError, ValueError), match=r"JSON|time zone"):
        DaimonClient("dm_x", NOWHERE).inboxes.create(metadata={"a": odd})


@pytest.mark.parametrize("odd", [None, 5, b"inbox_1", Mailbox(address="a@d")])
def test_an_id_is_a_text(odd: Any) -> None:
    """Whole objects have one; what was found nowhere is none."""
    with pytest.raises(TypeError, match=rf"an id or an address is a str, not {type(odd).__name__}"):
        DaimonClient("dm_x", NOWHERE).inboxes.get(odd)


@pytest.mark.parametrize("key", ["a\nb", "ä", " "])
def test_an_idempotency_key_that_no_header_can_hold_is_refused(key: str) -> None:
    """At once, and not after five tries."""
    with pytest.raises(ValueError, match="idempotency_key"):
        DaimonClient("dm_x", NOWHERE).inboxes.create(idempotency_key=key)
