"""Whether a host may send for a domain: SPF (RFC 7208), evaluated over whatever answers questions to DNS.

`ptr` never matches and `%{p}` is `unknown`: §5.5 asks that nobody publishes them.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Protocol, TypeVar

from daimon.kit.dns import Answer, AsksTexts, Mx, NoSuchName, Unanswered, is_host_name
from daimon.mail import spf_record
from daimon.mail.address import domain_of
from daimon.mail.spf_macro import Identity, expand
from daimon.mail.spf_record import BadRecord, Kind, Mechanism, Record, SpfResult

MOST_LOOKUPS = 10  # terms that ask (§4.6.4)
MOST_VOID = 2  # answers with nothing in them
MOST_MX = 10
MOST_QUESTIONS = 40  # in all; what is allowed otherwise comes to over a hundred
_MOST_ADDRESSES = 256  # of one name that are looked at

_T = TypeVar("_T")


class Asker(AsksTexts, Protocol):
    """Who answers questions to DNS. Everything raises NoSuchName and Unanswered."""

    async def a(self, name: str) -> Answer[str]:
        """Return a name's IPv4 addresses."""

    async def aaaa(self, name: str) -> Answer[str]:
        """Return a name's IPv6 addresses."""

    async def mx(self, name: str) -> Answer[Mx]:
        """Return a domain's mail exchanges."""


@dataclass(frozen=True, slots=True)
class Spf:
    """What SPF says, and of which domain: that of MAIL FROM, or HELO under the null reverse-path."""

    result: SpfResult
    domain: str


async def check(asker: Asker, ip: str, *, mail_from: str | None, helo: str) -> Spf:
    """Return what SPF says of a client and the MAIL FROM that it gave (§2.4); None is the null reverse-path.

    `ip` must be an address. Cancel it when it takes too long: it asks 40 questions at most, one after the other.
    """
    sender = (mail_from or f"postmaster@{helo}").removesuffix(".")
    local, domain = sender.rpartition("@")[0], domain_of(sender)
    if not _is_checked(domain):
        return Spf("none", domain)
    who = Identity(_address(ip), local or "postmaster", domain, helo)
    return Spf(await _Check(asker, who).of(domain), domain)


def _is_checked(domain: str) -> bool:
    """§4.3: names of two labels at least, none of them too long. Address literals have no record."""
    return "." in domain and is_host_name(domain) and not domain.replace(".", "").isdecimal()


def _address(text: str) -> IPv4Address | IPv6Address:
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address  # §5: an IPv4-mapped address is one of IPv4


class _PermanentError(Exception):
    """The records cannot be interpreted (§2.6.7)."""


@dataclass(slots=True)
class _Check:
    """One run of check_host() with its includes and redirects, and what it has spent of its limits."""

    asker: Asker
    who: Identity
    lookups: int = 0
    voids: int = 0
    questions: int = 0

    async def of(self, domain: str) -> SpfResult:
        """Return the result for a domain."""
        try:
            return await self._host(domain)
        except _PermanentError:
            return "permerror"
        except Unanswered:
            return "temperror"

    async def _host(self, domain: str) -> SpfResult:
        """§4: check_host(). Raises _PermanentError and Unanswered."""
        record = await self._record(domain)
        if record is None:
            return "none"
        while True:
            for mechanism in record.mechanisms:
                if await self._matches(mechanism, domain):
                    return mechanism.result
            if record.redirect is None:
                return "neutral"
            self._spend_lookup()
            domain = expand(record.redirect, self.who, domain)
            record = await self._record(domain)
            if record is None:
                raise _PermanentError  # §6.1

    async def _record(self, domain: str) -> Record | None:
        try:
            answer = await self._question(self.asker.txt, domain)
        except NoSuchName:
            return None
        records = [text for text in answer.records if spf_record.is_spf(text)]
        if len(records) > 1:
            raise _PermanentError  # §4.5
        try:
            return spf_record.read(records[0]) if records else None
        except BadRecord as error:
            raise _PermanentError from error

    async def _matches(self, mechanism: Mechanism, domain: str) -> bool:
        match mechanism.kind:
            case Kind.ALL:
                return True
            case Kind.IP4 | Kind.IP6:
                return mechanism.network is not None and self.who.ip in mechanism.network
        self._spend_lookup()
        name = expand(mechanism.domain, self.who, domain) if mechanism.domain else domain
        match mechanism.kind:
            case Kind.INCLUDE:
                return await self._includes(name)
            case Kind.A:
                return await self._has_address(name, mechanism)
            case Kind.MX:
                return await self._is_exchange(name, mechanism)
            case Kind.EXISTS:
                return bool(await self._records(self.asker.a, name))
            case _:
                return False

    async def _includes(self, name: str) -> bool:
        """§5.2: a pass within is a match; no record within is an error."""
        result = await self._host(name)
        if result == "none":
            raise _PermanentError
        return result == "pass"

    async def _is_exchange(self, name: str, mechanism: Mechanism) -> bool:
        exchanges = await self._records(self.asker.mx, name)
        if len(exchanges) > MOST_MX:
            raise _PermanentError  # §4.6.4
        for exchange in exchanges:
            if exchange.host and await self._has_address(exchange.host, mechanism):
                return True
        return False

    async def _has_address(self, name: str, mechanism: Mechanism) -> bool:
        is_4 = self.who.ip.version == 4
        addresses = await self._records(self.asker.a if is_4 else self.asker.aaaa, name)
        network = ip_network((self.who.ip, mechanism.prefix4 if is_4 else mechanism.prefix6), strict=False)
        return any(ip_address(each) in network for each in addresses[:_MOST_ADDRESSES])

    async def _records(self, ask: Callable[[str], Awaitable[Answer[_T]]], name: str) -> tuple[_T, ...]:
        """Return what a term asks for; nothing at all is counted (§4.6.4, void lookups)."""
        try:
            records = (await self._question(ask, name)).records
        except NoSuchName:
            records = ()
        if not records:
            self.voids += 1
            if self.voids > MOST_VOID:
                raise _PermanentError
        return records

    async def _question(self, ask: Callable[[str], Awaitable[Answer[_T]]], name: str) -> Answer[_T]:
        self.questions += 1
        if self.questions > MOST_QUESTIONS:
            raise _PermanentError
        return await ask(name)

    def _spend_lookup(self) -> None:
        self.lookups += 1
        if self.lookups > MOST_LOOKUPS:
            raise _PermanentError
