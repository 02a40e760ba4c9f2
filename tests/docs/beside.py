"""What the pages suppose beside the server: DNS to write into, a program that takes webhooks, Stripe, a certificate."""

import asyncio
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dns.rdatatype
import dns.zone

import peer_tools
from billing.happenings import WEBHOOK_SECRET
from billing.stand_in import SECRET_KEY, StandIn
from billing.whole import running as stripe_running
from e2e.serving import FREE_PORTS, Serving
from outbound.authority import Issued
from zones import ZoneServer


@dataclass(frozen=True)
class World:
    """A server, and the URL of a program: it takes webhooks at `/hook`, and at `/dns` a zone file for the DNS."""

    served: Serving
    program: str
    settings: dict[str, str]
    certificate: Path


@contextmanager
def nginx(server: str, api: str, certificate: Path, directory: Path) -> Iterator[str]:
    """Run nginx with a `server` block, on a free port and before the API at this URL; return its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    placed = re.sub(r"listen \d+", f"listen 127.0.0.1:{port}", server.replace("http://127.0.0.1:8080", api))
    placed = re.sub(r"/etc/letsencrypt/\S+\.pem", str(certificate), placed)
    temporary = "".join(
        f"{kind}_temp_path {directory}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    head = f"daemon off; master_process off; pid {directory}/nginx.pid; error_log stderr; events {{}}\n"
    configuration = directory / "nginx.conf"
    configuration.write_text(f"{head}http {{ access_log off;\n{temporary}{placed}\n}}", "utf-8")
    command = [str(peer_tools.nginx()), "-p", str(directory), "-c", str(configuration)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=peer_tools.plain(), text=True) as process:
        try:
            while not _listens(port):
                assert process.poll() is None, process.stderr.read() if process.stderr else ""
            yield f"localhost:{port}"
        finally:
            process.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as trying:
        return trying.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def world(directory: Path, localstripe: str) -> Iterator[World]:
    """Start all of it, and stop it in the end."""
    certificate = Issued.root("localhost").issue("localhost", "localhost")
    certificate.save(directory / "server.pem")
    with stripe_running(StandIn(localstripe)) as stripe, _resolver() as (zones, resolver), _program(zones) as program:
        settings = {
            "DAIMON_DNS_RESOLVER": resolver,
            "DAIMON_STRIPE_SECRET_KEY": SECRET_KEY,
            "DAIMON_STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "DAIMON_STRIPE_API_BASE": stripe.url,
        }
        served = Serving(
            directory / "data",
            *FREE_PORTS,
            **settings,
            DAIMON_FREE_CREATES_PER_HOUR="0",
            DAIMON_ALLOW_INSECURE_WEBHOOKS="1",
            DAIMON_TLS_CERT=str(directory / "server.pem"),
            DAIMON_TLS_KEY=str(directory / "server.pem"),
        )
        try:
            yield World(served.ready(), program, settings, directory / "server.pem")
        finally:
            served.process.terminate()
            served.finish()


@contextmanager
def _resolver() -> Iterator[tuple[ZoneServer, str]]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    zones = ZoneServer()
    asyncio.run_coroutine_threadsafe(zones.__aenter__(), loop).result(30)
    try:
        yield zones, "{}:{}".format(*zones.address)
    finally:
        asyncio.run_coroutine_threadsafe(zones.__aexit__(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)
        loop.close()


@contextmanager
def _program(zones: ZoneServer) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path == "/dns":
                publish(body.decode(), zones)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    program = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=program.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{program.server_port}"
    finally:
        program.shutdown()
        thread.join(30)
        program.server_close()


def publish(zone_file: str, zones: ZoneServer) -> None:
    """Put what a zone file holds into the DNS, as a provider does with one that is handed in."""
    zone = dns.zone.from_text(zone_file, check_origin=False, relativize=False)
    for name, _, data in zone.iterate_rdatas():
        kind = dns.rdatatype.to_text(data.rdtype)
        text = b"".join(data.strings).decode() if kind == "TXT" else data.to_text()
        zones.add(kind, name.to_text(omit_final_dot=True), text)
