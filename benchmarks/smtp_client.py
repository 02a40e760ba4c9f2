"""The SMTP client against aiosmtplib, and against bare asyncio streams that check nothing, to the same smtp-sink.

Printed are mails a second over a connection, over four, and the CPU time that a mail costs the client.
"""

import argparse
import asyncio
import contextlib
import ssl
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator

import aiosmtplib
import uvloop

from benchmarks.figures import median, ratio
from benchmarks.postfix import await_port, free_port, install
from benchmarks.smtp_load import SENDER, mail
from daimon.mail.envelope import Envelope
from daimon.outbound import smtp
from daimon.outbound.tls import TlsDemand

TO = "b@example.com"
_IN_CLEAR = TlsDemand(False, ssl.create_default_context(), None, lambda _: None)
Client = Callable[[int, int, bytes], Awaitable[None]]


async def ours(port: int, mails: int, octets: bytes) -> None:
    """Send over one connection."""
    connection = await smtp.connect("127.0.0.1", port, demand=_IN_CLEAR, helo="benchmark.example")
    for _ in range(mails):
        sent = await connection.send(Envelope(SENDER, (TO,)), octets, may_finish=lambda: True)
        assert sent.delivered
    await connection.close()


async def theirs(port: int, mails: int, octets: bytes) -> None:
    """Send over one connection with aiosmtplib."""
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, local_hostname="benchmark.example")
    await client.connect()
    for _ in range(mails):
        await client.sendmail(SENDER, [TO], octets)
    await client.quit()


async def streams(port: int, mails: int, octets: bytes) -> None:
    """Send over one connection with asyncio's streams, pipelined, without a timeout or a look at what is said."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(b"EHLO benchmark.example\r\n")
    while (await reader.readline())[3:4] == b"-":
        pass
    for _ in range(mails):
        writer.write(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (SENDER.encode(), TO.encode()))
        for _ in range(3):
            await reader.readline()
        writer.write(octets.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert (await reader.readline()).startswith(b"250")
    writer.close()


def main() -> None:
    """Print a line for each size and number of connections."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--mails", type=int, default=4_000, help="mails a round")
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    install()
    with sink() as port:
        for size, connections, share in ((4096, 1, 1.0), (4096, 4, 1.0), (102_400, 1, 0.1)):
            compare(port, size, connections, max(10, int(options.mails * share)), options.rounds)


def compare(port: int, size: int, connections: int, mails: int, rounds: int) -> None:
    """Let the clients take turns, and print what each did."""
    clients: dict[str, Client] = {"ours": ours, "aiosmtplib": theirs, "bare streams": streams}
    rates: dict[str, list[float]] = {name: [] for name in clients}
    costs: dict[str, list[float]] = {name: [] for name in clients}
    for _ in range(rounds):
        for name, client in clients.items():
            seconds, cpu = timed(client, port, mails, connections, mail(size))
            rates[name].append(mails / seconds)
            costs[name].append(cpu / mails * 1e6)
    print(f"{size} octets, {connections} connection(s)")
    for name in clients:
        print(f"  {name:13} {median(rates[name]):7.0f} mails/s {median(costs[name]):7.0f} µs of CPU each")
    faster, cheaper = ratio(rates["ours"], rates["aiosmtplib"]), ratio(costs["aiosmtplib"], costs["ours"])
    print(f"  against aiosmtplib: {faster:.2f} x the mails/s, CPU time {cheaper:.2f} x less")


def timed(client: Client, port: int, mails: int, connections: int, octets: bytes) -> tuple[float, float]:
    """Return the seconds on the wall and of CPU."""

    async def all_of_them() -> None:
        await asyncio.gather(*[client(port, mails // connections, octets) for _ in range(connections)])

    wall, cpu = time.perf_counter(), time.process_time()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(all_of_them())
    return time.perf_counter() - wall, time.process_time() - cpu


@contextlib.contextmanager
def sink() -> Iterator[int]:
    """Run smtp-sink, which throws away what it hears."""
    port = free_port()
    process = subprocess.Popen(["smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "100"], stdout=subprocess.DEVNULL)
    try:
        await_port(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)


if __name__ == "__main__":
    main()
