"""The server around the application: sizes, times, stopping."""

import asyncio

import pytest

from .conftest import Edge


async def _send(edge: Edge, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(octets)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("octets", [b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_not_http_is_refused_in_the_shape_of_every_error(edge: Edge, octets: bytes) -> None:
    """400 INVALID_REQUEST as JSON, with a request id, and the connection ends."""
    answer = await _send(edge, octets)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"INVALID_REQUEST"' in answer


@pytest.mark.parametrize(
    "octets",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 400_000,
        b"GET /" + b"x" * 400_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 60_000,
    ],
)
async def test_a_head_without_end_is_cut_off(edge: Edge, octets: bytes) -> None:
    """Beyond 64 KiB nothing more is read: 431."""
    answer = await _send(edge, octets)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_declared_body_over_a_mebibyte_is_a_413(edge: Edge) -> None:
    """10 MiB: the answer arrives although the client sends all of it first."""
    answer = await edge.http.post(
        "/v1/inboxes", content=b" " * (10 << 20), headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_a_chunked_body_over_a_mebibyte_is_a_413(edge: Edge) -> None:
    """Without Content-Length, reading stops at the limit."""
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    head = (
        b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = await _send(edge, head + chunk * 20 + b"0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_body_in_pieces_is_put_together(edge: Edge) -> None:
    """A chunked body below the limit is a body like any other."""
    head = b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    answer = await _send(edge, head + b"Connection: close\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_a_client_that_leaves_within_its_body_leaves_nothing(fresh_edge: Edge) -> None:
    """Half a body is no request."""
    _, writer = await asyncio.open_connection("127.0.0.1", fresh_edge.port)
    writer.write(
        b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{"
    )
    writer.close()
    await writer.wait_closed()
    assert (await fresh_edge.http.get("/healthz")).status_code == 200
    async with fresh_edge.database.read() as db:
        assert await db.fetchval("select count(*) from inboxes") == 0


async def test_pipelined_requests_are_answered_in_order(edge: Edge) -> None:
    """One connection, three requests at once, three answers."""
    answer = await _send(edge, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" * 2 + b"GET /healthz HTTP/1.0\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 3


async def test_a_stop_lets_a_running_request_end(fresh_edge: Edge) -> None:
    """Stopping closes idle connections and answers what is being asked."""
    reader, writer = await asyncio.open_connection("127.0.0.1", fresh_edge.port)
    writer.write(
        b"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
    )
    await fresh_edge.http.get("/healthz")
    fresh_edge.services.stopping.set()
    writer.write(b"}")
    assert (await reader.read()).startswith(b"HTTP/1.1 201 ")
    writer.close()
