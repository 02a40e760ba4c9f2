"""Keeping aside what rules block: it is stored for some days, and nobody is told but by `message.blocked`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from daimon.db.engine import Connection
from daimon.events.models import EventType, NewEvent
from daimon.inboxes.arrival import Arrival
from daimon.kit import ids
from daimon.mail.address import parse_address
from daimon.messages.models import BLOCKED
from daimon.rules import lookup
from daimon.rules.lookup import Incoming, Place
from daimon.rules.models import Judgement


@dataclass(frozen=True, slots=True)
class Aside:
    """A blocked mail, and what blocked it."""

    arrival: Arrival
    judgement: Judgement


async def sort(db: Connection, arrivals: Sequence[Arrival]) -> tuple[list[Arrival], list[Aside]]:
    """Return the mails that inboxes want, and those that rules keep aside."""
    judged = await lookup.judge_incoming(db, [_incoming(arrival) for arrival in arrivals])
    pairs = list(zip(arrivals, judged, strict=True))
    shown = [arrival for arrival, judgement in pairs if not judgement.blocked]
    return shown, [Aside(replace(a, blocked=True), judgement) for a, judgement in pairs if judgement.blocked]


def label_of(address: str) -> str | None:
    """Return the label that a forward-path `user+label@` gives; the server's own cannot be had like this."""
    tag = parse_address(address).tag
    return None if tag == BLOCKED else tag


def told(aside: Aside) -> NewEvent:
    """Return the event that tells of a blocked mail."""
    arrival, judgement = aside.arrival, aside.judgement
    data = {
        "message": {
            "id": ids.show(ids.Kind.MESSAGE, arrival.id),
            "inbox_id": ids.show(ids.Kind.INBOX, arrival.inbox_id),
            "from_address": arrival.content.from_address,
            "subject": arrival.content.subject,
        },
        "rule_id": ids.show_or_none(ids.Kind.RULE, judgement.rule_id),
        "level": judgement.level,
    }
    return NewEvent(
        account_id=arrival.account_id,
        event=EventType.MESSAGE_BLOCKED,
        data=msgspec.json.encode(data).decode(),
        pod_id=arrival.pod_id,
        inbox_id=arrival.inbox_id,
        at=arrival.received_at,
    )


def _incoming(arrival: Arrival) -> Incoming:
    place = Place(arrival.account_id, arrival.pod_id, arrival.inbox_id)
    return Incoming(place, arrival.content.from_address, arrival.mail_from)
