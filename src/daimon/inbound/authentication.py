"""Asking DNS who a mail comes from: SPF, DKIM and DMARC of one that was read (`mail/auth_results.py`)."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Any, TypeVar

from daimon.inbound.queue import QueuedMail
from daimon.inboxes.arrival import Understood
from daimon.kit.dns import NoSuchName, Unanswered, is_host_name
from daimon.mail import dkim, dmarc, spf
from daimon.mail.auth_results import AuthResults, NoPolicy, Signed, of_mail
from daimon.mail.dkim_signature import DkimResult, Signature
from daimon.mail.dmarc import Policy
from daimon.mail.spf import Asker, Spf

MAIL_SECONDS = 5.0  # for all that one mail asks

_UNCHECKED, _UNANSWERED = Spf("none", ""), Spf("temperror", "")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Authenticates mails by what DNS says now. What it does not say in five seconds is a `temperror`."""

    asker: Asker

    def at_once(self, mail: QueuedMail, content: Understood) -> AuthResults | None:
        """Return the results of a mail that needs no DNS: it came over no public network, and nobody signed it."""
        if content.signatures or is_public(mail.peer_ip):
            return None
        return of_mail(_UNCHECKED, _signatures(content), content.authors, NoPolicy(), relayed=True)

    async def authenticate(self, mail: QueuedMail, content: Understood) -> AuthResults:
        """Return the results of a mail; whatever DNS does, they come in time."""
        deadline = asyncio.get_running_loop().time() + MAIL_SECONDS
        sent, signed, policy = await asyncio.gather(
            self.spf(mail.peer_ip, helo=mail.helo, mail_from=mail.mail_from, deadline=deadline),
            asyncio.gather(*(self._signed(each, mail.received_at, deadline) for each in content.signatures or ())),
            self._policy(content, deadline),
        )
        signed = signed or _signatures(content)
        return of_mail(sent, signed, content.authors, policy, relayed=not is_public(mail.peer_ip))

    def unasked(self, mail: QueuedMail, content: Understood) -> AuthResults:
        """Return the results of a mail that nobody can ask for now."""
        relayed = not is_public(mail.peer_ip)
        sent = _UNCHECKED if relayed else _UNANSWERED
        signed = _signatures(content, otherwise="temperror")
        return of_mail(sent, signed, content.authors, NoPolicy(unanswered=True), relayed=relayed)

    async def spf(self, peer_ip: str, *, helo: str, mail_from: str | None, deadline: float | None = None) -> Spf:
        """Return what SPF says of a client; `none` of one that came over no public network.

        `deadline` is a time of the loop, five seconds from now if there is none.
        """
        if not is_public(peer_ip):
            return _UNCHECKED
        checking = spf.check(self.asker, peer_ip, mail_from=mail_from, helo=helo)
        return await _by(deadline, checking, otherwise=_UNANSWERED)

    async def _signed(self, signature: Signature, received_at: datetime, deadline: float) -> Signed:
        if signature.unsound:
            return Signed(signature.domain, signature.unsound)
        verifying = self._verified(signature, received_at)
        return await _by(deadline, verifying, otherwise=Signed(signature.domain, "temperror"))

    async def _verified(self, signature: Signature, received_at: datetime) -> Signed:
        try:
            records = (await self.asker.txt(dkim.key_name(signature))).records
        except NoSuchName:
            records = ()
        except Unanswered:
            return Signed(signature.domain, "temperror")
        return Signed(signature.domain, dkim.verify(signature, records, at=received_at))

    async def _policy(self, content: Understood, deadline: float) -> Policy | NoPolicy:
        if len(content.authors) != 1 or not is_host_name(content.authors[0]):
            return NoPolicy()
        return await _by(deadline, self._published(content.authors[0]), otherwise=NoPolicy(unanswered=True))

    async def _published(self, author: str) -> Policy | NoPolicy:
        try:
            return await dmarc.policy_of(self.asker, author) or NoPolicy()
        except Unanswered:
            return NoPolicy(unanswered=True)


def proven(results: AuthResults | None, spf_now: Spf | None = None) -> frozenset[str]:
    """Return the domains that a mail comes from beyond doubt, as `mail.dsn_compose.may_answer` wants them.

    Either is None where there is none: of a message its stored results, of a mail in the dialogue what SPF says now.
    """
    passed = {spf_now.domain} if spf_now and spf_now.result == "pass" else set()
    return frozenset(passed.union(results.proven if results else ()))


def _signatures(content: Understood, otherwise: DkimResult | None = None) -> list[Signed]:
    """Return what can be said of signatures without a key; nobody looked for those of a mail that was hardly read."""
    if content.signatures is None:
        return [Signed("", "temperror")]
    return [Signed(each.domain, result) for each in content.signatures if (result := each.unsound or otherwise)]


def is_public(ip: str) -> bool:
    """Return whether a client's address is one of the Internet: of others, SPF can say nothing."""
    try:
        return ip_address(ip).is_global
    except ValueError:
        return False


async def _by(deadline: float | None, asking: Coroutine[Any, Any, T], *, otherwise: T) -> T:
    if deadline is None:
        deadline = asyncio.get_running_loop().time() + MAIL_SECONDS
    try:
        async with asyncio.timeout_at(deadline):
            return await asking
    except TimeoutError:
        return otherwise
