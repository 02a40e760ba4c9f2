"""What events carry of a message: all of it, or as much as fits."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from daimon.kit import ids
from daimon.mail.parsed import Link, Mailbox
from daimon.messages.content import Detail, Safety, StoredAttachment, Summary
from daimon.messages.models import Direction, Message
from daimon.messages.telling import TOLD_BYTES, tell
from daimon.messages.view import message_view

NOW = datetime(2026, 3, 16, 10, 30, tzinfo=UTC)
PUBLIC_URL = "https://mail.example"


def message(*, detail: Detail | None, subject: str = "Hello", **summary: Any) -> Message:
    empty = Summary((), (), (), (), (), (), None, None, (), (), (), (), Safety(0.0, "clean", ()))
    return Message(
        id=ids.new(), account_id=ids.new(), pod_id=None, inbox_id=ids.new(), thread_id=ids.new(),
        direction=Direction.INBOUND, status="received", raw_id=ids.new(), from_address="ann@example.com",
        from_name="Ann", subject=subject, message_id="<1@example.com>", labels=[], read=False, preview="Hi",
        size=1, sent_at=NOW, received_at=NOW, summary=msgspec.structs.replace(empty, **summary), detail=detail,
    )  # fmt: skip


def detail(**fields: Any) -> Detail:
    return msgspec.structs.replace(Detail({}, None, "text", "text"), **fields)


def test_what_fits_is_the_message_as_a_get_shows_it() -> None:
    """Nothing is added and nothing is missing."""
    small = message(detail=detail(body_html="<p>Hi</p>", headers={"Subject": ["Hello"]}))
    assert tell(small, PUBLIC_URL) == msgspec.json.encode(message_view(small))


def test_the_html_goes_first_and_the_text_stays() -> None:
    """An agent reads the text; where the rest is, the event says."""
    large = message(detail=detail(body_html="x" * TOLD_BYTES, body_text="y" * 9000, headers={"Subject": ["Hello"]}))
    told = msgspec.json.decode(tell(large, PUBLIC_URL))
    assert "body_html" not in told
    assert (told["body_text"], told["headers"]) == ("y" * 9000, {"Subject": ["Hello"]})
    inbox, name = ids.show(ids.Kind.INBOX, large.inbox_id), ids.show(ids.Kind.MESSAGE, large.id)
    assert (told["truncated"], told["url"]) == (True, f"{PUBLIC_URL}/v1/inboxes/{inbox}/messages/{name}")


def test_a_detail_that_was_left_out_counts_as_cut() -> None:
    """It was too long to be fetched, so the event must not look whole."""
    assert msgspec.json.decode(tell(message(detail=None), PUBLIC_URL))["truncated"] is True


def test_a_detail_of_which_only_texts_were_read_counts_as_cut() -> None:
    """What is missing of it is not told as missing from the mail."""
    told = msgspec.json.decode(tell(message(detail=detail(cut=True)), PUBLIC_URL))
    assert (told["truncated"], told["body_text"], told["reply_body"]) == (True, "text", "text")
    assert not {"body_html", "headers"} & set(told)


@pytest.mark.parametrize(
    "huge",
    [
        message(detail=detail(body_text="\x01" * 500_000, reply_body="\x01" * 500_000)),
        message(detail=detail(headers={"X-Long": ["é" * 500_000]})),
        message(detail=detail(), to=tuple(Mailbox("a" * 300, "n" * 300) for _ in range(5000))),
        message(detail=detail(), links=tuple(Link("http://x/" + "y" * 60_000, "z" * 60_000) for _ in range(100))),
        message(detail=detail(), attachments=(StoredAttachment("1", "\x01" * 9000, "a/b", 1, False, None, 1),) * 99),
        message(detail=detail(), references=("<" + "r" * 900_000 + ">",)),
        message(detail=detail(), subject="\x01" * 900_000),
    ],
    ids=["text", "headers", "recipients", "links", "attachments", "references", "subject"],
)
def test_no_message_is_too_large_for_an_event(huge: Message) -> None:
    """Whatever of it is huge is cut, and what it is of remains."""
    told = tell(huge, PUBLIC_URL)
    assert len(told) <= TOLD_BYTES
    assert msgspec.json.decode(told)["id"] == ids.show(ids.Kind.MESSAGE, huge.id)
