"""What a user's URL may lead to: HTTP servers that misbehave, a DNS server that changes its mind, certificates."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self, cast

import dns.message
import dns.rdatatype
import dns.rrset
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answering = Callable[["Exchange"], Awaitable[None]]


class Exchange:
    """One request as it came, and the way back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        self.reader, self.writer, self.connection = reader, writer, connection
        self.line = ""
        self.headers: dict[str, str] = {}
        self.body = b""

    async def read(self) -> bool:
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        self.line = head[0]
        self.headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in head[1:] if each)}
        self.body = await self.reader.readexactly(int(self.headers.get("content-length", "0")))
        return True

    async def say(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def answer(self, body: bytes = b"ok", *, status: str = "200 OK", headers: Sequence[str] = ()) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        await self.say("\r\n".join(lines).encode("latin-1") + body)

    def reset(self) -> None:
        self.writer.transport.abort()


async def _ok(exchange: Exchange) -> None:
    await exchange.answer()


class Endpoint:
    """A server on loopback that answers as it is told; `seen` holds the requests, `connections` counts."""

    def __init__(self, answering: Answering = _ok, *, tls: ssl.SSLContext | None = None) -> None:
        self._answering, self._tls = answering, tls
        self.seen: list[Exchange] = []
        self.connections = 0
        self.most_at_once = 0
        self._at_once = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str = "/hook", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self.connections += 1
        connection = self.connections
        try:
            while True:
                exchange = Exchange(reader, writer, connection)
                await exchange.read()
                self.seen.append(exchange)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    await self._answering(exchange)
                finally:
                    self._at_once -= 1
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()


class DnsServer:
    """Answers each question for a name with the next of its scripted answers, the last of them for ever.

    An answer is a list of addresses, with `CNAME name` first where it is an alias; None is silence.
    """

    def __init__(self, **_: object) -> None:
        self.names: dict[str, Iterator[list[str] | None]] = {}
        self.asked: list[str] = []
        self._current: dict[str, list[str] | None] = {}

    def script(self, name: str, *answers: list[str] | None) -> None:
        """Say what a name's lookups are told; a lookup is the questions for A and AAAA together."""

        def forever() -> Iterator[list[str] | None]:
            yield from answers
            while True:
                yield answers[-1]

        self.names[name] = forever()

    async def __aenter__(self) -> Self:
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Dns(self), local_addr=("127.0.0.1", 0)
        )
        self.address: tuple[str, int] = self._transport.get_extra_info("sockname")[:2]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def answer(self, octets: bytes) -> bytes | None:
        question = dns.message.from_wire(octets)
        name = question.question[0].name.to_text(omit_final_dot=True)
        kind = question.question[0].rdtype
        self.asked.append(f"{name} {dns.rdatatype.to_text(kind)}")
        if name not in self.names:
            reply = dns.message.make_response(question)
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply.to_wire()
        if kind == dns.rdatatype.A:
            self._current[name] = next(self.names[name])
        addresses = self._current.get(name, [])
        return None if addresses is None else self._reply(question, name, kind, addresses).to_wire()

    def _reply(
        self, question: dns.message.Message, name: str, kind: dns.rdatatype.RdataType, addresses: list[str]
    ) -> dns.message.Message:
        reply = dns.message.make_response(question)
        owner = f"{name}."
        if addresses and addresses[0].startswith("CNAME "):
            target = addresses[0].removeprefix("CNAME ") + "."
            reply.answer.append(dns.rrset.from_text(owner, 0, "IN", "CNAME", target))
            owner, addresses = target, addresses[1:]
        wanted = [each for each in addresses if (":" in each) == (kind == dns.rdatatype.AAAA)]
        if wanted:
            reply.answer.append(dns.rrset.from_text(owner, 0, "IN", dns.rdatatype.to_text(kind), *wanted))
        return reply


class _Dns(asyncio.DatagramProtocol):
    def __init__(self, server: DnsServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(OSError):
            if reply := self._server.answer(data):
                self._transport.sendto(reply, addr)


class Certificates:
    """An authority, and what it signs."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._root = self._sign(self._name, self._key.public_key(), days=(-1, 30), authority=True)
        (directory / "root.pem").write_bytes(self._root.public_bytes(serialization.Encoding.PEM))

    def trusting(self) -> ssl.SSLContext:
        """Return a client's context that believes this authority alone."""
        return ssl.create_default_context(cafile=str(self._directory / "root.pem"))

    def serving(self, *names: str, days: tuple[int, int] = (-1, 30)) -> ssl.SSLContext:
        """Return a server's context with a certificate for these names."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = self._sign(subject, key.public_key(), days=days, names=names)
        path = self._directory / f"{abs(hash((names, days)))}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _sign(
        self,
        subject: x509.Name,
        key: ec.EllipticCurvePublicKey,
        *,
        days: tuple[int, int],
        names: Sequence[str] = (),
        authority: bool = False,
    ) -> x509.Certificate:
        now = datetime.datetime.now(datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_subject(each) for each in names]), False)
        return builder.sign(self._key, hashes.SHA256())


def _subject(name: str) -> x509.GeneralName:
    with suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)
