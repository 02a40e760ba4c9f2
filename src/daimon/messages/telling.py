"""A message as events tell of it: whole if it fits, else cut, and saying so."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from daimon.kit.ids import Kind, show
from daimon.messages.content import TOLD_REPLY, TOLD_TEXT
from daimon.messages.models import Message
from daimon.messages.view import MessageView, message_view

TOLD_BYTES = 240 * 1024  # of JSON; with the rest of the event it stays within 256 KiB
_SHORT_TEXT = 2 * 1024  # characters
_FEW = 20

_encode = msgspec.json.Encoder().encode


class ToldMessage(MessageView, kw_only=True):
    """A message in an event. What is too large for one is cut; the whole is at `url`."""

    truncated: bool = False
    url: str | UnsetType = UNSET


def tell(message: Message, public_url: str) -> bytes:
    """Return the JSON of a message for `data.message`, at most `TOLD_BYTES` of it.

    A message whose detail was far too long to be read for this counts as cut.
    """
    whole = message_view(message)
    told = _encode(whole)
    is_whole = message.detail is not None and not message.detail.cut
    if len(told) <= TOLD_BYTES and is_whole:
        return told
    inbox, name = show(Kind.INBOX, message.inbox_id), show(Kind.MESSAGE, message.id)
    cut = ToldMessage(
        **msgspec.structs.asdict(whole), truncated=True, url=f"{public_url}/v1/inboxes/{inbox}/messages/{name}"
    )
    if not is_whole:
        cut.body_html = cut.headers = UNSET
    for smaller in _ever_smaller(cut):
        told = _encode(smaller)
        if len(told) <= TOLD_BYTES:
            break
    return told


def _ever_smaller(message: ToldMessage) -> Iterator[ToldMessage]:
    """Yield the message with less and less of what a reader can do without, the least missed first."""
    yield message
    for drop in (_html, _headers, _long_texts, _many, _long_words):
        for field, value in drop(message).items():
            setattr(message, field, value)
        yield message


def _html(_: ToldMessage) -> dict[str, Any]:
    return {"body_html": UNSET}


def _headers(_: ToldMessage) -> dict[str, Any]:
    return {"headers": UNSET}


def _long_texts(message: ToldMessage) -> dict[str, Any]:
    return {"body_text": _first(message.body_text, TOLD_TEXT), "reply_body": _first(message.reply_body, TOLD_REPLY)}


def _many(message: ToldMessage) -> dict[str, Any]:
    lists = ("to", "cc", "bcc", "reply_to", "links", "cta_links", "codes", "references", "attachments")
    return {field: getattr(message, field)[:_FEW] for field in lists}


def _long_words(message: ToldMessage) -> dict[str, Any]:
    """Return the fields without lists, and all texts short: what is left is small, whatever the mail was."""
    texts = ("body_text", "subject", "from_address", "from_name", "preview", "message_id", "in_reply_to")
    lists = ("to", "cc", "bcc", "reply_to", "links", "cta_links", "references", "attachments")
    return {**{field: _first(getattr(message, field), _SHORT_TEXT) for field in texts}, **dict.fromkeys(lists, ())}


def _first(text: str | UnsetType | None, characters: int) -> str | UnsetType | None:
    return text[:characters] if isinstance(text, str) else text
