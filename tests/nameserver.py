"""A DNS server on loopback over UDP and TCP, with what a test puts into it."""

import asyncio
from contextlib import suppress
from typing import Self, cast

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

_UDP_SIZE = 1232


class NameServer:
    """Answers from `add`; says NXDOMAIN for other names, SERVFAIL for what is `failing`, nothing for what is `silent`.

    `validated` tells the answers that carry the AD flag: all, none, or those for the names in a set.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.failing: set[str] = set()
        self.silent: set[str] = set()
        self.raw: dict[str, bytes] = {}
        self.validated: bool | set[str] = False
        self._records: dict[str, dict[str, tuple[int, list[str]]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, name: str, kind: str, *texts: str, ttl: int = 60) -> None:
        """Put records of one kind in the place of those that a name has; without a text, the name just exists."""
        self._records.setdefault(name, {})[kind] = (ttl, list(texts))

    def remove(self, name: str) -> None:
        del self._records[name]

    async def __aenter__(self) -> Self:
        self._tcp = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address: tuple[str, int] = self._tcp.sockets[0].getsockname()[:2]
        self._udp, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=self.address
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._udp.close()
        self._tcp.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                question = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                if reply := self.answer(question, 65_535):
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        self._tasks.discard(task)
        writer.transport.abort()

    def answer(self, octets: bytes, size: int = _UDP_SIZE) -> bytes | None:
        question = dns.message.from_wire(octets)
        name = question.question[0].name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.question[0].rdtype)
        self.asked.append(f"{name} {kind}")
        if f"{name} {kind}" in self.silent:
            return None
        if name in self.raw:
            return octets[:2] + self.raw[name]
        reply = self._reply(question, name, kind)
        try:
            return reply.to_wire(max_size=size)
        except dns.exception.TooBig:
            cut = dns.message.make_response(question)
            cut.flags |= dns.flags.TC
            return cut.to_wire()

    def _reply(self, question: dns.message.Message, name: str, kind: str) -> dns.message.Message:
        reply = dns.message.make_response(question, recursion_available=True)
        if f"{name} {kind}" in self.failing:
            reply.set_rcode(dns.rcode.SERVFAIL)
            return reply
        if self.validated is True or (self.validated and name in self.validated):
            reply.flags |= dns.flags.AD
        seen = set()
        while "CNAME" in self._records.get(name, {}) and name not in seen:
            seen.add(name)
            ttl, [target] = self._records[name]["CNAME"]
            reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", "CNAME", f"{target}."))
            name = target
        if name not in self._records:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif kind in self._records[name]:
            ttl, texts = self._records[name][kind]
            if texts:
                reply.answer.append(dns.rrset.from_text(f"{name}.", ttl, "IN", kind, *texts))
        return reply


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: NameServer) -> None:
        self._server = server

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        with suppress(OSError):
            if reply := self._server.answer(data):
                self._transport.sendto(reply, addr)
