"""A DNS server on loopback whose records a test writes: UDP, and TCP for what does not fit."""

import asyncio
import struct
from contextlib import suppress
from typing import Self, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

_LARGEST = 512  # RFC 1035 §4.2.1: beyond it, the asker comes again by TCP


class ZoneServer:
    """Answers for the names it has records of, NXDOMAIN for all others; SERVFAIL for names that are broken."""

    def __init__(self) -> None:
        self._records: dict[tuple[str, str], list[str]] = {}
        self.broken: set[str] = set()
        self.asked: list[str] = []

    def put(self, kind: str, name: str, *values: str) -> None:
        """Set the records of a name and kind; none takes them away."""
        self._records[(kind, name)] = [_quoted(value) if kind == "TXT" else value for value in values]

    def add(self, kind: str, name: str, value: str) -> None:
        """Add one record to those there."""
        self._records.setdefault((kind, name), []).append(_quoted(value) if kind == "TXT" else value)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._tcp = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._tcp.sockets[0].getsockname()[1]
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self), local_addr=("127.0.0.1", port))
        self.address = ("127.0.0.1", port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        self._tcp.close()
        await self._tcp.wait_closed()

    def answer(self, octets: bytes, largest: int) -> bytes:
        asked = dns.message.from_wire(octets)
        name = asked.question[0].name.to_text(omit_final_dot=True)
        kind = dns.rdatatype.to_text(asked.question[0].rdtype)
        self.asked.append(f"{kind} {name}")
        reply = dns.message.make_response(asked)
        reply.flags |= dns.flags.RA
        if name in self.broken:
            reply.set_rcode(dns.rcode.SERVFAIL)
        elif values := self._records.get((kind, name)):
            reply.answer.append(dns.rrset.from_text(f"{name}.", 0, "IN", kind, *values))
        elif not any(known == name for _, known in self._records):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        wire = reply.to_wire()
        if len(wire) <= largest:
            return wire
        reply.answer.clear()
        reply.flags |= dns.flags.TC
        return reply.to_wire()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            reply = self.answer(await reader.readexactly(length), 65_535)
            writer.write(struct.pack("!H", len(reply)) + reply)
            await writer.drain()
        writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, server: ZoneServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(OSError):
            self._transport.sendto(self._server.answer(data, _LARGEST), addr)


def _quoted(text: str) -> str:
    octets = text.encode()
    pieces = [octets[at : at + 255] for at in range(0, len(octets), 255)]
    return " ".join('"' + "".join(f"\\{octet:03d}" for octet in piece) + '"' for piece in pieces)
