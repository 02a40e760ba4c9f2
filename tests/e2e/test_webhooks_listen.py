"""`daimon webhooks listen` as a developer runs it: a server, the command, a program that receives."""

import json
import queue
import re
import socketserver
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Verifier

from serving import FREE_PORTS, Serving, daimon, environment

Heard = tuple[dict[str, str], str]


class Program:
    """What a developer is writing: it answers 200 and keeps what it heard."""

    def __init__(self) -> None:
        heard: queue.SimpleQueue[Heard] = queue.SimpleQueue()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"])).decode()
                self.send_response(200 if self.path == "/hook" else 404)
                self.end_headers()
                heard.put(({name.lower(): value for name, value in self.headers.items()}, body))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.heard = heard
        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next(self) -> Heard:
        return self.heard.get(timeout=60)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def program() -> Iterator[Program]:
    running = Program()
    yield running
    running.close()


@contextmanager
def listening(*arguments: str, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "daimon", "webhooks", "listen", *arguments]
    process = subprocess.Popen(command, env=environment(**variables), stdout=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: "subprocess.Popen[str]", pattern: str) -> "re.Match[str]":
    """Return the next line that matches."""
    assert process.stdout is not None
    for line in process.stdout:
        if found := re.search(pattern, line):
            return found
    raise AssertionError(f"it ended without {pattern!r}")


def post(server: str, path: str, key: str | None = None) -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(server + path, b"{}", headers, method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["result"]


def api_of(server: Serving) -> str:
    found = re.search(r"API +(http://\S+)", server.welcome or server.output)
    assert found
    return found[1]


def test_events_come_signed_and_a_restart_loses_none(data_dir: Path, program: Program) -> None:
    """Each once and in order, verified by the published library; the server goes and comes back meanwhile."""
    server = Serving(data_dir, *FREE_PORTS).ready()
    api = api_of(server)
    port = api.rpartition(":")[2]
    account = post(api, "/v1/inboxes")
    key = account["account_api_key"]
    with listening(f"--forward={program.url}", f"--base-url={api}", DAIMON_API_KEY=key) as process:
        secret = line_of(process, r"whsec_\S+")[0]
        line_of(process, "Listening from")
        for _ in range(3):
            post(api, "/v1/inboxes", key)
        seen = [program.next() for _ in range(3)]
        assert server.end() == 0
        server = Serving(data_dir, f"--http-port={port}", *FREE_PORTS[1:]).ready()
        for _ in range(2):
            post(api, "/v1/inboxes", key)
        seen += [program.next() for _ in range(2)]
        events = [Verifier(secret).verify(body, headers) for headers, body in seen]
        numbers = [event["sequence"] for event in events]
        assert numbers == list(range(numbers[0], numbers[0] + 5))
        assert [headers["webhook-id"] for headers, _ in seen] == [event["event_id"] for event in events]
        assert {event["webhook_id"][:3] for event in events} == {"wh_"}
        line_of(process, rf"inbox.created {numbers[-1]} evt_\w+ -> 200 \(\d+ ms\)")
    program.close()
    only = ["--event=inbox.created", f"--inbox={events[-1]['inbox_id']}", f"--after={numbers[-2]}"]
    mine = {"DAIMON_API_KEY": key, "DAIMON_BASE_URL": api, "DAIMON_WEBHOOK_SECRET": secret}
    with listening(f"--forward={program.url}", *only, **mine) as process:
        line_of(process, rf"inbox.created {numbers[-1]} evt_\w+ -> failed: .*refused")
    assert server.end() == 0


def test_a_kept_key_is_used(running: Serving, program: Program, tmp_path: Path) -> None:
    """As by every command that calls the API."""
    kept = {"XDG_CONFIG_HOME": str(tmp_path), "DAIMON_BASE_URL": api_of(running)}
    assert daimon("inboxes", "create", **kept).returncode == 0
    with listening(f"--forward={program.url}", "--after=0", XDG_CONFIG_HOME=str(tmp_path)):
        _, body = program.next()
    assert json.loads(body)["event"] == "inbox.created"
    with listening(f"--forward={program.url}", "--after=0", "--json", XDG_CONFIG_HOME=str(tmp_path)) as process:
        line = json.loads(line_of(process, ".+")[0])  # nothing else stands on standard output
    assert (line["event"], line["status"], line["failure"]) == ("inbox.created", 200, None)


def test_what_is_wrong_is_said_in_a_line(running: Serving, program: Program, tmp_path: Path) -> None:
    """A key that is none, a filter that is none, no key, no URL."""
    api = api_of(running)
    key = post(api, "/v1/inboxes")["account_api_key"]
    for arguments, variables, code, said in (
        ((), {"DAIMON_API_KEY": key[:-3] + "abc"}, 3, "key"),
        (("--event", "no.such"), {"DAIMON_API_KEY": key}, 6, "no.such"),
        (("--inbox", "no"), {"DAIMON_API_KEY": key}, 6, "inbox_"),
        (("--after", "999999"), {"DAIMON_API_KEY": key}, 6, "number"),
        ((), {}, 2, "DAIMON_API_KEY"),
        ((), {"DAIMON_API_KEY": "dm_\nx"}, 2, "characters in it that no key has"),
        ((), {"DAIMON_API_KEY": key, "DAIMON_WEBHOOK_SECRET": "x"}, 2, "DAIMON_WEBHOOK_SECRET"),
    ):
        done = daimon(
            "webhooks", "listen", f"--forward={program.url}", f"--base-url={api}", *arguments,
            XDG_CONFIG_HOME=str(tmp_path), **variables,
        )  # fmt: skip
        assert (done.returncode, said in done.stderr) == (code, True), done
        assert len(done.stderr.splitlines()) == 1
    for url in ("localhost:3000", "ftp://x/", "http://", "http://x y/", "http://a..b/"):
        assert daimon("webhooks", "listen", f"--forward={url}").returncode == 2


class Greeter(socketserver.BaseRequestHandler):
    """Something that does not speak HTTP."""

    def handle(self) -> None:
        """Say what it is, and hang up."""
        self.request.sendall(b"220 mail.example ESMTP\r\n")


def test_what_is_no_api_is_tried_again(program: Program) -> None:
    """Told once, with the reason; the command goes on."""
    with socketserver.TCPServer(("127.0.0.1", 0), Greeter) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        wrong = f"--base-url=http://127.0.0.1:{server.server_address[1]}"
        with listening(f"--forward={program.url}", wrong, DAIMON_API_KEY="dm_x") as process:
            line_of(process, r"No connection to http://127\.0\.0\.1:\d+ \(.+\); trying again until there is one$")
            assert process.poll() is None
        server.shutdown()
