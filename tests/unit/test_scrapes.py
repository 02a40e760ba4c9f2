"""`GET /metrics` from the socket's side."""

import socket
from collections.abc import Iterator

import pytest

from daimon.supervisor import scrapes
from daimon.supervisor.metrics import Metrics, deaths


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def port(listener: socket.socket) -> int:
    scrapes.serve(listener, lambda: "daimon_x 1\n")
    return listener.getsockname()[1]


def ask(port: int, octets: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(octets)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /metrics HTTP/1.1", b"200", b"daimon_x 1\n"),
        (b"GET /metrics?x=1 HTTP/1.0", b"200", b"daimon_x 1\n"),
        (b"HEAD /metrics HTTP/1.1", b"200", b""),
        (b"POST /metrics HTTP/1.1", b"405", b"Only GET is answered.\n"),
        (b"GET / HTTP/1.1", b"404", b"The metrics are at /metrics.\n"),
        (b"\x00", b"404", b"The metrics are at /metrics.\n"),
    ],
)
def test_answers(port: int, request_line: bytes, status: bytes, body: bytes) -> None:
    """The one path by GET and HEAD."""
    head, _, found = ask(port, request_line + b"\r\nHost: x\r\n\r\n").partition(b"\r\n\r\n")
    assert head.split()[1] == status
    assert found == body


@pytest.mark.parametrize("octets", [b"", b"GET /metr", b"GET /metrics HTTP/1.1\r\n" + b"x" * 9000])
def test_half_a_request_is_not_waited_for(port: int, octets: bytes) -> None:
    """It gets nothing, and the next one its answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as silent:
        silent.sendall(octets)
        assert ask(port, b"GET /metrics HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_a_database_that_is_away_hides_nothing_else() -> None:
    """What waits in it is not a number then."""
    deaths.inc("api")
    shown = Metrics([], "postgresql://127.0.0.1:1/mail").text()
    assert "\ndaimon_inbound_queue_mails NaN\n" in shown
    assert "\ndaimon_inbound_parked_mails NaN\n" in shown
    assert '\ndaimon_process_deaths_total{role="api"} ' in shown


def test_a_bug_costs_one_scrape(listener: socket.socket, capfd: pytest.CaptureFixture[str]) -> None:
    """The next one is answered."""
    calls = iter(["", "daimon_x 1\n"])

    def text() -> str:
        answer = next(calls)
        assert answer, "not yet"
        return answer

    scrapes.serve(listener, text)
    port = listener.getsockname()[1]
    assert ask(port, b"GET /metrics HTTP/1.1\r\n\r\n") == b""
    assert ask(port, b"GET /metrics HTTP/1.1\r\n\r\n").endswith(b"daimon_x 1\n")
    assert "AssertionError: not yet" in capfd.readouterr().err
