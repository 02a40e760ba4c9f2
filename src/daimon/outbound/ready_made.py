"""A mail that its sender composed, made ready: completed, signed, and told from whom it goes to whom."""

import asyncio
import contextlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from daimon.inboxes.arrival import Understood
from daimon.inboxes.models import Inbox
from daimon.mail import dkim_signing, submitted
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.dkim_signing import SigningKey
from daimon.mail.parsed import Mailbox
from daimon.mail.submitted import Draft
from daimon.messages.content import summary_of
from daimon.outbound.composing import LARGE_OCTETS
from daimon.outbound.models import NewMail
from daimon.outbound.road import Road


async def signed(draft: Draft, inbox: Inbox, message_id: UUID, *, road: Road, now: datetime) -> bytes:
    """Return the octets that are sent."""
    async with road.jobs.read() as jobs:
        keys = await road.signing.for_domain(jobs, inbox.domain)
    named = f"<{message_id.hex}@{inbox.domain}>"
    if len(draft.body) > LARGE_OCTETS:
        return await asyncio.to_thread(_signed, draft, named, keys, now)
    return _signed(draft, named, keys, now)


def _signed(draft: Draft, message_id: str, keys: Sequence[SigningKey], now: datetime) -> bytes:
    octets = submitted.completed(draft, message_id=message_id, at=now)
    return dkim_signing.sign(octets, keys, at=now) + octets


def addressed(content: Understood, rcpt_to: Sequence[Address]) -> NewMail:
    """Return whom a mail goes to: those of the envelope, by the field of the header that names them, if one does."""
    summary = summary_of(content)
    to, cc = (_normal(each.address for each in people) for people in (summary.to, summary.cc))
    kinds: dict[str, list[Mailbox]] = {"to": [], "cc": [], "bcc": []}
    for address in rcpt_to:
        key = str(address).lower()
        kinds["to" if key in to else "cc" if key in cc else "bcc"].append(Mailbox(str(address)))
    return NewMail(to=tuple(kinds["to"]), cc=tuple(kinds["cc"]), bcc=tuple(kinds["bcc"]))


def _normal(addresses: Iterable[str]) -> set[str]:
    found = set()
    for text in addresses:
        with contextlib.suppress(BadAddress):
            found.add(str(parse_address(text)).lower())
    return found
