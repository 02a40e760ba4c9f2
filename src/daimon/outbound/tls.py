"""Which TLS a connection to a mail host must have, and how its certificate is judged.

DANE goes before MTA-STS, and MTA-STS cannot make good what DANE refuses (RFC 8461 §2). Without either, TLS hides the
mail from those who only listen, whatever the certificate, and clear text is better than no mail (RFC 7435).
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from daimon.kit.clock import Clock
from daimon.mail import dane
from daimon.mail.dane import Tlsa
from daimon.mail.mta_sts import Mode, MtaSts
from daimon.outbound.routes import Host

Check = Callable[[ssl.SSLObject], str | None]


@dataclass(frozen=True, slots=True)
class TlsDemand:
    """What one connection is to do.

    `required`: without a handshake that succeeds, and a `check` that returns None, no mail goes over it; else a host
    without STARTTLS, or whose handshake fails, gets the mail in clear text. `check` returns why the other side is not
    whom it should be.
    """

    required: bool
    context: ssl.SSLContext
    server_hostname: str | None
    check: Check


@dataclass(frozen=True, slots=True)
class NotInPolicy:
    """A host that the domain's MTA-STS policy does not name: nothing is sent to it (RFC 8461 §5.1)."""

    reason: str


class TlsDemands:
    """Makes demands, over three contexts that are made once."""

    def __init__(self, clock: Clock, *, authorities: ssl.SSLContext | None = None) -> None:
        """Make the contexts.

        Args:
            clock: For the validity of certificates under DANE trust anchors.
            authorities: A client's context that says which certificates MTA-STS believes; the system's roots unless
                told. It must check names.
        """
        self._clock = clock
        self._opportunistic = _unverifying()
        self._opportunistic.set_ciphers("DEFAULT:@SECLEVEL=0")  # a weak key still hides more than clear text does
        self._unchecked = _unverifying()
        self._verifying = authorities or ssl.create_default_context()
        self._verifying.minimum_version = ssl.TLSVersion.TLSv1_2  # RFC 8461 §4.2
        self._verifying.hostname_checks_common_name = False

    def demand(self, host: Host, domain: str, policy: MtaSts | None) -> TlsDemand | NotInPolicy:
        """Return what a connection to a host must have that carries mail for a domain."""
        if host.tlsa and (records := dane.usable(host.tlsa)):
            names = (host.tlsa_base or host.name, host.name, domain)
            check = _Dane(records, names, self._clock)
            return TlsDemand(True, self._unchecked, names[0], check)  # RFC 7672 §8.1: SNI is the TLSA base domain
        if policy and policy.mode is Mode.ENFORCE:
            if not policy.allows(host.name):
                return NotInPolicy(f"{host.name} is not in the MTA-STS policy of {domain}")
            return TlsDemand(True, self._verifying, host.name, _anybody)
        if host.tlsa:
            return TlsDemand(True, self._unchecked, host.tlsa_base or host.name, _anybody)  # RFC 7672 §2.2
        return TlsDemand(False, self._opportunistic, None if host.name.startswith("[") else host.name, _anybody)

    def relay(self, name: str) -> TlsDemand:
        """Return what a relay of ours must have that gets a password: a certificate that is checked, for its name."""
        return TlsDemand(True, self._verifying, name, _anybody)


@dataclass(frozen=True, slots=True)
class _Dane:
    """Judges the certificates of a server by TLSA records."""

    records: tuple[Tlsa, ...]
    names: tuple[str, ...]
    clock: Clock

    def __call__(self, connection: ssl.SSLObject) -> str | None:
        if dane.matches(self.records, sent_chain(connection), names=self.names, now=self.clock()):
            return None
        return f"the certificate does not match the TLSA records of {self.names[0]}"


def _anybody(_: ssl.SSLObject) -> None:
    """Ask no more than the handshake did."""


def sent_chain(connection: ssl.SSLObject) -> list[bytes]:
    """Return the certificates that a server sent, in DER, its own first; not a word of them is verified."""
    if hasattr(connection, "get_unverified_chain"):  # Python 3.13
        return list(connection.get_unverified_chain() or ())
    inner = connection._sslobj  # type: ignore[attr-defined]
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in inner.get_unverified_chain() or ()]


def _unverifying() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
