"""What an SMTP server allows. Figures of RFC 5321 §4.5.3 unless a comment says otherwise."""

from ipaddress import IPv4Network, IPv6Network

import msgspec


class Timeouts(msgspec.Struct, frozen=True):
    """How long a client may be silent, in seconds (RFC 5321 §4.5.3.2)."""

    command: float = 300  # §4.5.3.2.7: from a reply to the whole next command
    data: float = 180  # §4.5.3.2.5: from a piece of the data to the next
    message: float = 3600  # ours: from DATA or BDAT to the end of what follows, so that none drips for ever
    handshake: float = 60  # ours: STARTTLS, and the PROXY header
    linger: float = 5  # ours: for the client to read our last words before the connection is cut

    def scaled(self, factor: float) -> "Timeouts":
        """Return every time-out multiplied."""
        return Timeouts(**{name: getattr(self, name) * factor for name in self.__struct_fields__})


class Policy(msgspec.Struct, frozen=True):
    """The limits of one SMTP server."""

    hostname: str
    service_domain: str  # `<postmaster>` alone is its postmaster (RFC 5321 §4.5.1)
    submission_port: int = 2587  # only named, to those who try AUTH here
    max_message_bytes: int = 26_214_400
    max_line: int = 1_048_576
    max_command: int = 4096  # RFC 5321 says 512; the extensions make commands longer
    max_recipients: int = 100
    max_received_fields: int = 100  # RFC 5321 §6.3
    max_connections: int = 2000
    max_connections_per_ip: int = 100  # IPv6: per /64
    max_errors: int = 20  # permanent refusals since the last mail accepted
    max_commands: int = 1000  # since the last mail accepted
    max_bytes_in_flight: int = 256 * 1024 * 1024  # mails not yet committed, in all connections
    max_auth_failures: int = 3  # refused AUTHs in one session
    implicit_tls: bool = False  # TLS begins with the connection, before the greeting (RFC 8314 §3.3)
    timeouts: Timeouts = Timeouts()
    proxy_protocol: bool = False
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
