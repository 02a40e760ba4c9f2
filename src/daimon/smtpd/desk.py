"""Where submissions are taken: the keys, the limits and the road of the API (`api/auth.py`, `api/sending.py`)."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from uuid import UUID

from daimon.audit.models import Entry
from daimon.audit.service import Trail
from daimon.db.ringer import Ringer
from daimon.db.walls import TenantDatabase
from daimon.events import rings
from daimon.inbound.isolation import Unread
from daimon.inboxes import service as inboxes
from daimon.inboxes.arrival import Understood
from daimon.inboxes.errors import InboxNotFound
from daimon.inboxes.models import Inbox
from daimon.keys import admission
from daimon.keys.cache import KeyCache
from daimon.keys.errors import InvalidApiKey
from daimon.keys.failures import AuthFailures
from daimon.keys.models import Principal
from daimon.keys.permissions import Permission
from daimon.keys.use import KeyUses
from daimon.kit import ids
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.ids import Kind
from daimon.mail import submitted
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.submitted import BadFrom, BadMail, Draft
from daimon.messages.content import naming_bcc
from daimon.outbound import auditing, queue, ready_made, submission
from daimon.outbound.composing import LARGE_OCTETS, ReadyMail
from daimon.outbound.errors import BadSubmission, ForeignSender
from daimon.outbound.models import NewMail, Submitted
from daimon.outbound.road import Road
from daimon.quotas.leases import Leases
from daimon.smtpd.collaborators import Login, Posted
from daimon.smtpd.reading import TwoReaders


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionDesk:
    """Takes the submissions of one process. `reader` reads in processes of its own what strangers may have written."""

    db: TenantDatabase
    keys: KeyCache
    failures: AuthFailures
    uses: KeyUses
    road: Road
    leases: Leases
    trail: Trail
    reader: TwoReaders
    ringer: Ringer  # of the events that submissions record
    posts: Ringer  # of the mails themselves
    clock: Clock

    async def admit(self, login: Login) -> None:
        """Return if the key is good for the user, and may send. Raises what `admission.admit` raises, and Forbidden."""
        who = await self._who(login)
        if login.user.lower() == ids.show(Kind.ACCOUNT, who.account.account_id):
            return
        try:
            await self._inbox(who, parse_address(login.user))
        except (BadAddress, ForeignSender):
            raise InvalidApiKey from None

    async def check(self, login: Login, mail_from: Address | None) -> None:
        """Return if a mail may be begun: the key, its account and its inboxes as they are now."""
        who = await self._who(login)
        admission.check_open(who.account)
        submission.check_may_submit(who, self.road.tiers)
        if mail_from is not None:
            await self._inbox(who, mail_from)

    async def take(self, login: Login, posted: Posted) -> UUID:
        """Return the id of the message once it is durable. Raises BadSubmission, and what a send by the API raises."""
        who = await self._who(login)  # the data may have been an hour on their way
        admission.check_open(who.account)
        is_large = len(posted.octets) > LARGE_OCTETS
        draft = await asyncio.to_thread(_read, posted) if is_large else _read(posted)
        inbox = await self._inbox(who, draft.from_)

        now, limits = self.clock(), self.road.tiers[who.account.tier]
        with rings.noticing() as told:
            async with self.leases.held(who.account, limits):
                message_id = ids.new()
                ready, wish = await self._ready(draft, inbox, posted, message_id, now)
                async with self.db.transaction(who.scope.account_id) as db:
                    sent = await submission.submit_ready(
                        db, who, inbox.id, wish, ready, message_id, road=self.road, now=now
                    )
                    await self.trail.record(db, [_entry(who, login, sent, now)])
        self.ringer.ring(*told)
        self.posts.ring(queue.READY)
        return sent.id

    async def _who(self, login: Login) -> Principal:
        client = ip_address(login.ip)
        known = await admission.admit(self.keys, self.failures, login.key.encode(), lambda: client)
        who = admission.permitted(known, Permission.MESSAGES_SEND)
        self.uses.note(who, Permission.MESSAGES_SEND)
        return who

    async def _inbox(self, who: Principal, address: Address) -> Inbox:
        """Return the inbox with an address, `+tag` or not. Raises ForeignSender if the key reaches none."""
        try:
            async with self.db.read(who.scope.account_id) as db:
                return await inboxes.get(db, who.scope, address.base)
        except InboxNotFound:
            raise ForeignSender(f"This key reaches no inbox {address}, and sends from none but those.") from None

    async def _ready(
        self, draft: Draft, inbox: Inbox, posted: Posted, message_id: UUID, now: datetime
    ) -> tuple[ReadyMail, NewMail]:
        octets = await ready_made.signed(draft, inbox, message_id, road=self.road, now=now)
        content = await self._understood(octets)
        wish = ready_made.addressed(content, posted.rcpt_to)
        needs_smtputf8 = draft.needs_smtputf8 or not all(each.local.isascii() for each in posted.rcpt_to)
        return ReadyMail(octets, needs_smtputf8, naming_bcc(content, wish.bcc)), wish

    async def _understood(self, octets: bytes) -> Understood:
        read = await self.reader.read(octets)
        if read is Unread.KILLED:
            raise Unavailable(retry_after=1)
        if isinstance(read, Unread):
            raise BadSubmission(f"the mail could not be read: {read.value}")
        return read


def _read(posted: Posted) -> Draft:
    try:
        draft = submitted.read(posted.octets)
    except BadFrom as error:
        raise ForeignSender(str(error)) from None
    except BadMail as error:
        raise BadSubmission(str(error)) from None
    if draft.needs_smtputf8 and not posted.smtputf8:
        raise BadSubmission("its header goes beyond ASCII, which needs SMTPUTF8 on MAIL (RFC 6531)")
    return draft


def _entry(who: Principal, login: Login, sent: Submitted, at: datetime) -> Entry:
    actor = admission.actor_of(who, login.ip)
    return Entry(who.scope.account_id, actor, auditing.ACTION, auditing.change_of(sent), at)
