"""Where submissions are taken: the keys, the limits and the road of the API (`api/auth.py`, `api/sending.py`)."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from ipaddress import ip_address
from typing import NamedTuple
from uuid import UUID

from daimon.audit.models import Entry
from daimon.db.engine import Connection
from daimon.db.walls import TenantDatabase
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
from daimon.kit.batches import Batches
from daimon.kit.clock import Clock
from daimon.kit.errors import Unavailable
from daimon.kit.ids import Kind
from daimon.mail import submitted
from daimon.mail.address import Address, BadAddress, parse_address
from daimon.mail.submitted import BadFrom, BadMail, Draft
from daimon.messages.content import naming_bcc
from daimon.outbound import auditing, ready_made, submission
from daimon.outbound.composing import LARGE_OCTETS, ReadyMail
from daimon.outbound.errors import BadSubmission, ForeignSender
from daimon.outbound.mailroom import AT_ONCE, MOST_OCTETS, Mailroom
from daimon.outbound.models import NewMail, Submitted
from daimon.outbound.planning import Ask
from daimon.outbound.writing import Prepared
from daimon.smtpd.collaborators import Login, Posted
from daimon.smtpd.reading import TwoReaders


class _Post(NamedTuple):
    mail: Prepared
    login: Login


class SubmissionDesk:
    """Takes the submissions of one process. `reader` reads in processes of its own what strangers may have written."""

    def __init__(
        self,
        db: TenantDatabase,
        mailroom: Mailroom,
        *,
        keys: KeyCache,
        failures: AuthFailures,
        uses: KeyUses,
        reader: TwoReaders,
        clock: Clock,
    ) -> None:
        self.db = db
        self.mailroom = mailroom
        self.keys = keys
        self.failures = failures
        self.uses = uses
        self.reader = reader
        self.clock = clock
        self._batches = Batches(self._write, most=AT_ONCE, weigh=_octets, heaviest=MOST_OCTETS)

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
        submission.check_may_submit(who, self.mailroom.road.tiers)
        if mail_from is not None:
            await self._inbox(who, mail_from)

    async def take(self, login: Login, posted: Posted) -> UUID:
        """Return the id of the message once it is durable. Raises BadSubmission, and what a send by the API raises."""
        who = await self._who(login)  # the data may have been an hour on their way
        admission.check_open(who.account)
        is_large = len(posted.octets) > LARGE_OCTETS
        draft = await asyncio.to_thread(_read, posted) if is_large else _read(posted)
        inbox = await self._inbox(who, draft.from_)

        now, road, message_id = self.clock(), self.mailroom.road, ids.new()
        async with self.mailroom.leases.held(who.account, road.tiers[who.account.tier]):
            ready, wish = await self._ready(draft, inbox, posted, message_id, now)
            submission.check_may_submit(who, road.tiers)
            plan = await self.mailroom.planner.plan(Ask(who, inbox.id, wish))
            mail = Prepared(who, wish, plan, ready, message_id, now)
            return await self._batches.add(who.scope.account_id, _Post(mail, login))

    async def _write(self, account_id: UUID, posts: Sequence[_Post]) -> list[UUID]:
        async def finish(_: Connection, mails: Sequence[Submitted]) -> list[Entry]:
            return [_entry(post, mail) for post, mail in zip(posts, mails, strict=True)]

        mails = await self.mailroom.commit(account_id, [post.mail for post in posts], finish)
        return [mail.id for mail in mails]

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
        octets = await ready_made.signed(draft, inbox, message_id, road=self.mailroom.road, now=now)
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


def _entry(post: _Post, sent: Submitted) -> Entry:
    actor = admission.actor_of(post.mail.who, post.login.ip)
    return Entry(post.mail.who.scope.account_id, actor, auditing.ACTION, auditing.change_of(sent), post.mail.at)


def _octets(post: _Post) -> int:
    return len(post.mail.ready.octets)
