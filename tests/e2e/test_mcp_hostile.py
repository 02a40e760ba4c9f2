"""What a hostile client of `/mcp`, or a broken one of `daimon mcp`, gets: an answer, and nobody else has to wait."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp_clients import by_http, by_stdio, opened, texts

from serving import Serving, environment

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
MODERN = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/call", "Mcp-Name": "get_inbox"}
PING = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'
CALL = b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_inbox","arguments":%s}}'
BODIES = {
    "deep": CALL % (b"[" * 200_000 + b"]" * 200_000),
    "batch": b"[" + b",".join([CALL % b"{}"] * 10_000) + b"]",
    "wide": CALL % (b'{"a":[' + b"{}," * 2_000_000 + b"1]}"),
    "long": CALL % (b'{"inbox_id":"' + b"A" * (10 << 20) + b'"}'),
    "digits": CALL % (b'{"inbox_id":' + b"9" * 100_000 + b"}"),
    "infinite": CALL % b'{"inbox_id":1e999999}',
    "surrogate": CALL % b'{"inbox_id":"\\ud800"}',
    "nul": CALL % b'{"inbox_id":"\\u0000"}',
    "latin": CALL % b'{"inbox_id":"\xff"}',
    "twice": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","method":"nothing"}',
    "unknown method": b'{"jsonrpc":"2.0","id":1,"method":"canary/canary"}',
    "long name": b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"' + b"n" * 1_000_000 + b'"}}',
    "arguments of a list": CALL % b"[1]",
    "arguments of a text": CALL % b'"x"',
    "an id of a list": CALL % b'{"inbox_id":["a"]}',
    "an id of an object": CALL % b'{"inbox_id":{"a":1}}',
    "no id": CALL % b'{"inbox_id":null}',
    "empty": b"",
}


@pytest.mark.parametrize("more", [{}, MODERN], ids=["with an opening", "by itself"])
async def test_hostile_bodies(generous: Serving, more: dict[str, str]) -> None:
    """None gets a 5xx, each gets a word on what is wrong, and the next request is answered as ever."""
    account = opened(generous)
    key = {"Authorization": f"Bearer {account['account_api_key']}"}
    async with httpx.AsyncClient(base_url=generous.api, headers=ACCEPT | key, timeout=60) as http:
        for name, body in BODIES.items():
            answer = await http.post("/mcp", content=body, headers=more)
            assert answer.status_code < 500, name
            told = answer.json()
            assert "error" in told or told["result"]["isError"], name
            assert len(answer.content) < 3_000, name
        assert (await http.post("/mcp", content=PING)).json() == {"jsonrpc": "2.0", "id": 7, "result": {}}
        assert (await http.post("/mcp", content=b"[" * 200_000)).status_code == 400


async def test_a_body_is_larger_only_with_a_key(generous: Serving) -> None:
    """A mail with attachments needs 36 MiB; who has no key sends none."""
    account = opened(generous)
    key = {"Authorization": f"Bearer {account['account_api_key']}"}
    body = CALL % (b'{"inbox_id":"' + b"A" * (2 << 20) + b'"}')
    async with httpx.AsyncClient(base_url=generous.api, headers=ACCEPT, timeout=60) as http:
        refused = await http.post("/mcp", content=body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (413, -32600)
        assert (await http.post("/mcp", content=body, headers=key)).status_code == 200
        assert (await http.post("/mcp", content=b"a" * (41 << 20), headers=key)).status_code == 413


async def test_other_methods_and_headers(generous: Serving) -> None:
    """Only POST, only JSON, only a version that is spoken."""
    async with httpx.AsyncClient(base_url=generous.api, timeout=60) as http:
        for method in ("GET", "DELETE", "PUT", "OPTIONS", "HEAD"):
            answer = await http.request(method, "/mcp", headers=ACCEPT)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        for headers, status in (
            ({"Content-Type": "text/plain"}, 400),
            ({"Accept": "text/html"}, 406),
            ({"MCP-Protocol-Version": "1999-01-01"}, 400),
            ({"Mcp-Session-Id": "of-another-server"}, 200),
        ):
            assert (await http.post("/mcp", content=PING, headers=ACCEPT | headers)).status_code == status


async def test_only_pages_from_here(generous: Serving) -> None:
    """A page of another site may not call, by whatever name it reaches this machine."""
    async with httpx.AsyncClient(base_url=generous.api, headers=ACCEPT, timeout=60) as http:

        async def status(*origins: str) -> int:
            headers = [*ACCEPT.items(), *(("Origin", each) for each in origins)]
            return (await http.post("/mcp", content=PING, headers=headers)).status_code

        for foreign in ("http://evil.example", "null", "", "http://rebound.example:8080", "file://", "http://[::1]:1"):
            assert await status(foreign) == 403
        own = generous.api
        assert await status() == 200
        assert await status(own, "http://evil.example") == 403
        assert await status("http://evil.example", own) == 403


async def test_a_flood_of_wrong_keys(data_dir: Path, serve: Callable[..., Serving]) -> None:
    """A hundred connections: each gets the API's own refusal, and others are answered meanwhile."""
    api = serve(data_dir).ready().api
    answered = asyncio.Event()

    async def wrong(connection: int) -> set[int]:
        statuses, tried = set[int](), 0
        async with httpx.AsyncClient(base_url=api, headers=ACCEPT, timeout=120) as http:
            while tried < 20 or not answered.is_set():
                key = {"Authorization": f"Bearer dm_live_{connection}_{tried}"}
                statuses.add((await http.post("/mcp", content=PING, headers=key)).status_code)
                tried += 1
        return statuses

    flood = asyncio.gather(*(wrong(connection) for connection in range(100)))
    async with httpx.AsyncClient(base_url=api, headers=ACCEPT, timeout=120) as other:
        assert (await other.get("/healthz")).status_code == 200
        assert (await other.post("/mcp", content=PING)).status_code == 200
    answered.set()
    assert set().union(*await flood) <= {401, 429}


@pytest.mark.parametrize("connect", [by_http, by_stdio])
async def test_an_argument_stays_within_its_place(generous: Serving, connect: Any) -> None:
    """Dots do not climb out of a path: to delete the mail `..` would be to delete the inbox."""
    account = opened(generous)
    async with connect(generous, account["account_api_key"]) as session:
        inbox = account["id"]
        for wrong in (
            "..",
            ".",
            "",
            "../..",
            "%2e%2e",
            "..%2f..",
            "a/../../..",
            "?",
            "#",
            "a" * 100_000,
            {"a": 1},
            ["a"],
            None,
        ):
            got = await session.call_tool("delete_email", {"inbox_id": inbox, "message_id": wrong})
            assert got.is_error, wrong
            assert len(texts(got)[0]) < 1_000
        assert not (await session.call_tool("get_inbox", {"inbox_id": inbox})).is_error
        many = {"inbox_id": inbox} | {f"{n}{'x' * 1_000}": 1 for n in range(100)}
        [refused] = texts(await session.call_tool("get_inbox", many))
        assert len(refused) < 2_000


def test_a_broken_line_does_not_end_the_process(generous: Serving) -> None:
    """Nor does what is no message, too deep or too long; the line after it is answered."""
    account = opened(generous)
    lines = [b"", b"{", b"\xff\xfe", b"null", b"[]", b"[" * 200_000, CALL % b"[1]", CALL % (b"[" * 1000 + b"]" * 1000),
             CALL % b'{"inbox_id":"\\ud800"}', CALL % (b'{"inbox_id":"' + b"A" * (5 << 20) + b'"}'),
             b'{"jsonrpc":"2.0","id":1,"method":"nothing"}']  # fmt: skip
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("daimon")), "mcp", "--base-url", generous.api],
        env=environment(DAIMON_API_KEY=account["account_api_key"]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stderr
        process.stdin.write(b"\n".join([*lines, PING, b""]))
        process.stdin.flush()
        answers = iter(process.stdout.readline, b"")
        assert any(json.loads(line) == {"jsonrpc": "2.0", "id": 7, "result": {}} for line in answers)
        process.stdin.close()
        assert process.wait() == 0
        assert b"Traceback" not in process.stderr.read()
