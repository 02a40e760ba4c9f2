"""Asking DNS who a mail comes from: SPF, DKIM, DMARC and ARC of one that was read (`mail/auth_results.py`)."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Any, TypeVar

from daimon.inbound.models import QueuedMail
from daimon.inboxes.arrival import Understood
from daimon.kit.dns import AsksTexts, Unanswered, is_host_name
from daimon.kit.dns_memory import NotRemembered, RememberingDns
from daimon.mail import arc, dkim, dmarc, spf
from daimon.mail.arc_chain import ArcResult
from daimon.mail.auth_results import AuthResults, NoPolicy, Signed, of_mail
from daimon.mail.dkim_signature import Signature
from daimon.mail.dmarc import Policy
from daimon.mail.spf import Asker, Spf

MAIL_SECONDS = 5.0  # for all that one mail asks

_UNCHECKED, _UNANSWERED = Spf("none", ""), Spf("temperror", "")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Authenticates mails by what DNS says now. What it does not say in five seconds is a `temperror`."""

    dns: RememberingDns

    def at_once(self, mail: QueuedMail, content: Understood) -> AuthResults | None:
        """Return the results of a mail if nobody has to be asked for them, None if somebody has."""
        try:
            return _without_waiting(self._all(mail, content))
        except NotRemembered:
            return None

    async def authenticate(self, mail: QueuedMail, content: Understood) -> AuthResults:
        """Return the results of a mail; whatever DNS does, they come in time."""
        deadline = asyncio.get_running_loop().time() + MAIL_SECONDS
        signatures = content.signatures or ()
        sent, signed, sealed, policy = await asyncio.gather(
            _by(deadline, _spf(self.dns, mail), _UNANSWERED),
            asyncio.gather(
                *(_by(deadline, _signed(self.dns, each, mail), Signed(each.domain, "temperror")) for each in signatures)
            ),
            _by(deadline, arc.check(self.dns, content.chain, at=mail.received_at), "temperror"),
            _by(deadline, _policy(self.dns, mail, content), NoPolicy(unanswered=True)),
        )
        return _together(mail, content, sent, signed, sealed, policy)

    def unasked(self, mail: QueuedMail, content: Understood) -> AuthResults:
        """Return the results of a mail that nobody can ask for now."""
        sent = _UNANSWERED if is_public(mail.peer_ip) else _UNCHECKED
        signed = [Signed(each.domain, each.unsound or "temperror") for each in content.signatures or ()]
        sealed = content.chain.settled or "temperror"
        return _together(mail, content, sent, signed, sealed, NoPolicy(unanswered=True))

    async def spf(self, peer_ip: str, *, helo: str, mail_from: str | None) -> Spf:
        """Return what SPF says now of a client and its MAIL FROM; `none` of one that came over no public network."""
        if not is_public(peer_ip):
            return _UNCHECKED
        deadline = asyncio.get_running_loop().time() + MAIL_SECONDS
        return await _by(deadline, spf.check(self.dns, peer_ip, mail_from=mail_from, helo=helo), _UNANSWERED)

    async def _all(self, mail: QueuedMail, content: Understood) -> AuthResults:
        """Return the results by what is remembered. Raises NotRemembered."""
        known = self.dns.remembered
        sent = await _spf(known, mail)
        signed = [await _signed(known, each, mail) for each in content.signatures or ()]
        sealed = await arc.check(known, content.chain, at=mail.received_at)
        return _together(mail, content, sent, signed, sealed, await _policy(known, mail, content))


async def _spf(asker: Asker, mail: QueuedMail) -> Spf:
    if not is_public(mail.peer_ip):
        return _UNCHECKED
    return await spf.check(asker, mail.peer_ip, mail_from=mail.mail_from, helo=mail.helo)


async def _signed(asker: AsksTexts, signature: Signature, mail: QueuedMail) -> Signed:
    return Signed(signature.domain, await dkim.check(asker, signature, at=mail.received_at))


async def _policy(asker: AsksTexts, mail: QueuedMail, content: Understood) -> Policy | NoPolicy:
    """Return the author's policy; of a mail that nothing can be proven of it is not asked for."""
    if len(content.authors) != 1 or not is_host_name(content.authors[0]):
        return NoPolicy()
    if not content.signatures and not is_public(mail.peer_ip):
        return NoPolicy()
    try:
        return await dmarc.policy_of(asker, content.authors[0]) or NoPolicy()
    except Unanswered:
        return NoPolicy(unanswered=True)


def _together(
    mail: QueuedMail,
    content: Understood,
    sent: Spf,
    signed: Sequence[Signed],
    sealed: ArcResult,
    policy: Policy | NoPolicy,
) -> AuthResults:
    unread = content.signatures is None  # it took too long to read, and nobody looked for them
    signed = [Signed("", "temperror")] if unread else signed
    blind = not is_public(mail.peer_ip) or (unread and not content.authors)
    return of_mail(sent, signed, content.authors, policy, arc="temperror" if unread else sealed, blind=blind)


def proven(results: AuthResults | None, spf_now: Spf | None = None) -> frozenset[str]:
    """Return the domains that a mail comes from beyond doubt, as `mail.dsn_compose.may_answer` wants them.

    Either is None where there is none: of a message its stored results, of a mail in the dialogue what SPF says now.
    """
    passed = {spf_now.domain} if spf_now and spf_now.result == "pass" else set()
    return frozenset(passed.union(results.proven if results else ()))


@lru_cache(1000)
def is_public(ip: str) -> bool:
    """Return whether a client's address is one of the Internet: of others, SPF can say nothing."""
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return (getattr(address, "ipv4_mapped", None) or address).is_global


async def _by(deadline: float, asking: Coroutine[Any, Any, T], otherwise: T) -> T:
    try:
        async with asyncio.timeout_at(deadline):
            return await asking
    except TimeoutError:
        return otherwise


def _without_waiting(asking: Coroutine[Any, Any, T]) -> T:
    """Return the result of a coroutine that never waits: a task for it would cost more than it does."""
    try:
        asking.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("it waited")
