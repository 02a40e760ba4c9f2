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
from mcp.shared.exceptions import MCPError
from mcp_clients import by_http, by_stdio, opened, texts
from mcp_types import INVALID_PARAMS, PaginatedRequestParams, ResourceTemplateReference

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


@pytest.mark.parametrize("connect", [by_http, by_stdio])
async def test_hostile_names_of_resources(generous: Serving, connect: Any) -> None:
    """Each is refused with a word on why, in the protocol's own number, and never with what broke within."""
    account = opened(generous)
    metadata = {"preview": 1, "direction": "as in a mail"}
    key = {"Authorization": f"Bearer {account['account_api_key']}"}
    async with httpx.AsyncClient(base_url=generous.api, headers=key, timeout=60) as http:
        noted = await http.patch(f"/v1/inboxes/{account['id']}", json={"metadata": metadata})
        assert noted.status_code == 200, noted.text
    of_inbox = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}")
    of_thread = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}/threads/{thread_id}")
    async with connect(generous, account["account_api_key"]) as session:
        for asked in (
            lambda: session.read_resource("daimon://inboxes/.."),
            lambda: session.read_resource("daimon://inboxes/%2e%2e"),
            lambda: session.read_resource("daimon://inboxes/%00"),
            lambda: session.read_resource(f"daimon://inboxes/{'a' * 321}"),
            lambda: session.complete(of_inbox, {"name": "inbox_id", "value": "a" * 5_000}),
            lambda: session.complete(of_thread, {"name": "thread_id", "value": ""}, {"inbox_id": ".."}),
            lambda: session.list_resources(params=PaginatedRequestParams(cursor="x" * 5_000)),
        ):
            with pytest.raises(MCPError) as refused:
                await asked()
            assert refused.value.error.code == INVALID_PARAMS
        with pytest.raises(MCPError, match=r"list_inboxes \{\}"):  # as a model would go on
            await session.read_resource("daimon://inboxes/of-nobody")
        [shown] = (await session.read_resource(f"daimon://inboxes/{account['id']}")).contents
        assert "as in a mail" in shown.text


@pytest.mark.parametrize("connect", [by_http, by_stdio])
async def test_arguments_that_are_nearly_right(generous: Serving, connect: Any) -> None:
    """What is meant is done; what cannot be is refused, by what is wrong with it."""
    account = opened(generous)
    inbox = {"inbox_id": account["id"]}
    async with connect(generous, account["account_api_key"]) as session:

        async def told(name: str, **arguments: Any) -> Any:
            return json.loads(texts(await session.call_tool(name, arguments))[0])

        as_text = await told("call_operation", operation="get_inbox", arguments=json.dumps(inbox))
        assert as_text["result"]["email"] == account["email"]
        wrong = await told("call_operation", operation="get_inbox", arguments="x")
        assert wrong["message"] == "arguments must be an object"
        assert "needs words" in (await told("find_operation", query="webhook"))["message"]
        assert "longer than" in (await told("find_operation", words="webhook " * 100_000))["message"]
        assert (await told("list_emails", **inbox, label='["\\ud800"]'))["result"]["messages"] == []
        assert (await told("list_emails", **inbox, limit="NaN"))["error"] == "VALIDATION_FAILED"
        for deep in (60, 900, 994, 100_000):
            assert (await told("send_email", **inbox, to="[" * deep + "]" * deep))["error"] == "VALIDATION_FAILED"
        unread = {**inbox, "message_id": "msg_" + "0" * 32}
        assert (await told("read_email", **unread, text_from=None))["error"] == "MESSAGE_NOT_FOUND"
        for start in (-1, 1.5, True, [1], 10**12, "x"):
            assert "text_from" in (await told("read_email", **unread, text_from=start))["message"]


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
