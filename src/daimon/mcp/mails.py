"""How much of a mail a model is shown. A program takes every field; a model pays for each, in every turn after it.

A list tells enough to choose, a conversation what each mail adds, a mail its text once, with so many of its links and
recipients that they leave room for it. What is null or empty is left out. Nothing is lost: `call_operation` with
`get_message` shows all there is.
"""

from dataclasses import dataclass
from enum import Enum
from itertools import accumulate
from typing import Any

Json = dict[str, Any]

MOST_OF_A_TEXT = 30_000  # characters of one mail
MOST_OF_A_PART = 4_000  # of each mail of a conversation
_MOST_OF_A_LIST = 50  # recipients, links and so on
_ROOM_OF_A_LIST = 4_000  # characters of them; with four such lists, an answer still has room for the text
_MARKS = ("id", "thread_id", "status", "read", "labels", "claim")
_RARELY = ("account_id", "pod_id", "headers", "body_html", "in_reply_to", "references", "deleted_at")
_NOT_TO_CHOOSE = ("body_text", "reply_body", "links", "message_id", "reply_to", "authentication", "size", "sent_at")
_SAME_IN_A_THREAD = ("reply_body", "preview", "links", "thread_id", "message_id", "reply_to", "size", "sent_at")


class Shown(Enum):
    """What of a mail an answer holds."""

    WHOLE = "all"
    MAIL = "its text, once"
    LIST = "enough to choose"
    THREAD = "what it adds"
    MARKS = "labels and such"


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a mail's text is shown, in characters."""

    start: int
    end: int
    of: int


def shown(result: Any, how: Shown, start: int = 0) -> tuple[Any, Part | None]:
    """Return a result with that of its mails that a model needs, and the part of one mail's text, if it is a part."""
    if how is Shown.WHOLE:
        return result, None
    parts: list[Part] = []
    return _shown(result, how, start, parts), parts[0] if parts and how is Shown.MAIL else None


def _shown(value: Any, how: Shown, start: int, parts: list[Part]) -> Any:
    if isinstance(value, list):
        return [_shown(each, how, start, parts) for each in value]
    if not isinstance(value, dict):
        return value
    if "preview" in value and "direction" in value:
        return _mail(value, how, start, parts)
    if "preview" in value:  # a thread, a draft
        return _told(value)
    return {name: each if name == "metadata" else _shown(each, how, start, parts) for name, each in value.items()}


def _mail(mail: Json, how: Shown, start: int, parts: list[Part]) -> Json:
    if how is Shown.MARKS:
        return {name: mail[name] for name in _MARKS if name in mail}
    kept = _told(mail)
    if how is Shown.LIST:
        return _without(kept, _NOT_TO_CHOOSE)
    if how is Shown.THREAD:
        text = mail.get("reply_body") or mail.get("body_text") or mail["preview"]
        kept |= {"body_text": text[:MOST_OF_A_PART]} | ({"truncated": True} if len(text) > MOST_OF_A_PART else {})
        return _without(kept, _SAME_IN_A_THREAD)
    return _read(kept, start, parts)


def _told(view: Json) -> Json:
    return {name: each for name, each in view.items() if name not in _RARELY and each not in (None, "", [], {})}


def _read(kept: Json, start: int, parts: list[Part]) -> Json:
    """Return a mail with its text once. `reply_body` is told where it is not all of it."""
    text = kept.get("body_text", "")
    if kept.get("reply_body", "").strip() == text.strip() or start or len(text) > MOST_OF_A_TEXT:
        kept.pop("reply_body", None)
    clicked = [each["url"] for each in kept.get("cta_links", ())]
    if "links" in kept:
        kept["links"] = [each for each in kept["links"] if each["url"] not in clicked]
    if start or len(text) > MOST_OF_A_TEXT:
        kept["body_text"] = text[start : start + MOST_OF_A_TEXT]
        parts.append(Part(start, min(len(text), start + MOST_OF_A_TEXT), len(text)))
    return _with_room(_without(kept, ("preview",)) if text else kept)


def _with_room(mail: Json) -> Json:
    """Return a mail with the first of its links and recipients, and how many more there are."""
    told: Json = {}
    for name, value in mail.items():
        told[name] = value
        if isinstance(value, list) and (more := len(value) - _fitting(value)):
            told[name], told[f"more_{name}"] = value[:-more], more
    return told


def _fitting(values: list[Any]) -> int:
    """Return how many of some values there is room for, one at least."""
    lengths = accumulate(len(str(each)) for each in values[:_MOST_OF_A_LIST])
    return max(1, sum(length <= _ROOM_OF_A_LIST for length in lengths))


def _without(mail: Json, names: tuple[str, ...]) -> Json:
    return {name: each for name, each in mail.items() if name not in names}
