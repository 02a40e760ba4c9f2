"""Events of messages, with the message in them: as it is now, if it is still there, else what the event kept of it."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.events.models import EventType
from daimon.feed.models import Told
from daimon.kit import ids
from daimon.messages.repository import told_of
from daimon.messages.telling import tell
from daimon.messages.view import message_view


class _Named(msgspec.Struct, frozen=True):
    id: str = ""


class _Data(msgspec.Struct, frozen=True):
    message: _Named = _Named()


_named = msgspec.json.Decoder(_Data).decode
_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


async def with_messages(
    db: Connection, scope: Scope, told: Sequence[Told], *, public_url: str, detail: bool = True
) -> list[Told]:
    """Return the events with the messages they tell of; without `detail`, as lists show messages."""
    named = {each.sequence: message_id for each in told if (message_id := _message_of(each))}
    if not named:
        return list(told)
    found = await told_of(db, scope.account_id, list(set(named.values())), detail=detail)
    shown = {
        message_id: tell(message, public_url) if detail else _encode(message_view(message))
        for message_id, message in found.items()
    }
    return [_with(each, shown.get(named[each.sequence])) if each.sequence in named else each for each in told]


def message_in(data: str | bytes) -> UUID | None:
    """Return which message the data of an event tell of."""
    return ids.read(ids.Kind.MESSAGE, _named(data).message.id)


def _message_of(told: Told) -> UUID | None:
    return message_in(told.data) if told.event.startswith("message.") else None


def _with(told: Told, message: bytes | None) -> Told:
    """Return an event with the message in its data; what else they tell, such as of a recipient, stays."""
    if message is None:
        return told
    if told.event == EventType.MESSAGE_RECEIVED:  # nearly all are, and say nothing else
        return replace(told, data=b'{"message":' + message + b"}")
    return replace(told, data=_encode(_fields(told.data) | {"message": msgspec.Raw(message)}))
