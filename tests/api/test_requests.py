"""What bad requests get: a clear error that names the fault, and nothing done."""

import asyncio
from typing import Any

import msgspec
import pytest

from daimon.api.answer import Answer
from daimon.api.operation import Lend, Operation, operation
from daimon.api.request import Request
from daimon.api.services import Services
from daimon.kit.errors import Unavailable

from .conftest import Edge, bearer, serving


async def test_every_response_names_its_request(edge: Edge) -> None:
    """`X-Request-Id` is on answers and errors, and is the error's `request_id`."""
    good, bad = await edge.http.get("/healthz"), await edge.http.get("/v1/whoami")
    assert good.headers["x-request-id"].startswith("req_")
    assert bad.headers["x-request-id"] == bad.json()["request_id"]
    assert good.headers["x-request-id"] != bad.headers["x-request-id"]


async def test_an_error_has_the_shape_of_the_contract(edge: Edge) -> None:
    """`error`, `message`, `next_steps`, `request_id` in this order, and what applies after them."""
    body = (await edge.http.post("/v1/inboxes", json={"username": 1})).json()
    assert list(body) == ["error", "message", "next_steps", "request_id", "details"]


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/inboxes/", "/v1/nothing", "/v1//inboxes", "/v1/inboxes/x/y", "/%ff"])
async def test_an_unknown_path_is_a_404(edge: Edge, path: str) -> None:
    """No endpoint has this path."""
    answer = await edge.http.get(path)
    assert (answer.status_code, answer.json()["error"]) == (404, "ENDPOINT_NOT_FOUND")


async def test_a_method_that_a_path_lacks_is_a_405(edge: Edge) -> None:
    """`Allow` names those it has, to OPTIONS too."""
    wrong, options = await edge.http.put("/v1/inboxes"), await edge.http.options("/v1/inboxes")
    assert (wrong.status_code, wrong.json()["error"]) == (405, "METHOD_NOT_ALLOWED")
    assert wrong.headers["allow"] == options.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert (options.status_code, options.content) == (204, b"")


async def test_head_is_get_without_the_body(edge: Edge) -> None:
    """HEAD answers GET's status and headers."""
    head, get = await edge.http.head("/openapi.json"), await edge.http.get("/openapi.json")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


_BODIES: list[tuple[bytes, int, str, str | None]] = [
    (b"{", 400, "INVALID_JSON", None),
    (b"nonsense", 400, "INVALID_JSON", None),
    (b"{} {}", 400, "INVALID_JSON", None),
    (b'{"username": NaN}', 400, "INVALID_JSON", None),
    (b'{"username": "a\xff"}', 400, "INVALID_JSON", None),
    (b'{"metadata": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}", 400, "INVALID_JSON", None),
    (b"[]", 422, "VALIDATION_FAILED", "body"),
    (b"null", 422, "VALIDATION_FAILED", "body"),
    (b'"text"', 422, "VALIDATION_FAILED", "body"),
    (b'{"user_name": "x"}', 422, "VALIDATION_FAILED", "user_name"),
    (b'{"username": 5}', 422, "VALIDATION_FAILED", "username"),
    (b'{"username": "a\\u0000b"}', 422, "VALIDATION_FAILED", "username"),
    (b'{"username": "a\\ud800"}', 422, "VALIDATION_FAILED", "username"),
    (b'{"metadata": {"a": ["x", "\\udc00y"]}}', 422, "VALIDATION_FAILED", "metadata.a[1]"),
    (b'{"metadata": {"\\u0000": 1}}', 422, "VALIDATION_FAILED", "metadata.?"),
    (b'{"metadata": {"a": 1e999}}', 422, "VALIDATION_FAILED", "metadata[...]"),
    (b'{"metadata": {"a": [[[[[[1]]]]]]}}', 422, "VALIDATION_FAILED", "metadata"),
    (b'{"metadata": {"a": "' + b"x" * 20_000 + b'"}}', 422, "VALIDATION_FAILED", "metadata"),
    (b'{"display_name": "a\\nb"}', 422, "VALIDATION_FAILED", "display_name"),
    (b'{"username": ".."}', 422, "VALIDATION_FAILED", "username"),
    (b'{"pod_id": "pod_1"}', 422, "VALIDATION_FAILED", "pod_id"),
]


@pytest.mark.parametrize(
    ("body", "status", "error", "field"), _BODIES, ids=[body[:24].decode("latin1") for body, *_ in _BODIES]
)
async def test_a_bad_body_is_named(edge: Edge, body: bytes, status: int, error: str, field: str | None) -> None:
    """Malformed is 400, wrong is 422 with the field."""
    answer = await edge.http.post("/v1/inboxes", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert [detail["field"] for detail in answer.json().get("details", [])] == ([field] if field else [])


async def test_an_escaped_backslash_before_u0000_is_no_nul(edge: Edge) -> None:
    """The text `\\u0000` spelled out is six harmless characters."""
    answer = await edge.http.post("/v1/inboxes", json={"metadata": {"a": "\\u0000"}})
    assert answer.json()["result"]["metadata"] == {"a": "\\u0000"}


async def test_metadata_comes_back_as_it_was(edge: Edge) -> None:
    """Large numbers, floats, nesting and Unicode survive."""
    metadata = {"n": 10**40, "f": 1.5e308, "deep": {"a": [{"b": [None, True]}]}, "ü": "🜁"}
    opened = await edge.open_account(metadata=metadata)
    shown = await edge.http.get(f"/v1/inboxes/{opened.id}", headers=bearer(opened.inbox_api_key))
    assert shown.json()["result"]["metadata"] == metadata


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""])
async def test_a_body_that_is_not_json_is_a_415(edge: Edge, content_type: str) -> None:
    """curl -d without its header is told so."""
    answer = await edge.http.post("/v1/inboxes", content=b"{}", headers={"content-type": content_type})
    assert (answer.status_code, answer.json()["error"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


async def test_a_content_type_may_have_parameters(edge: Edge) -> None:
    """`application/json; charset=utf-8` is JSON."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert (await edge.http.post("/v1/inboxes", content=b"{}", headers=headers)).status_code == 201


_QUERIES = [
    ("limit=0", "limit"),
    ("limit=101", "limit"),
    ("limit=1e308", "limit"),
    ("limit=" + "9" * 400, "limit"),
    ("limit=", "limit"),
    ("limit=5&limit=6", "limit"),
    ("offset=-1", "offset"),
    ("offset=99999999999999999999", "offset"),
    ("page=2", "page"),
    ("q=%00", "q"),
    ("status=deleted", "status"),
    ("pod_id=acc_1", "pod_id"),
]


@pytest.mark.parametrize(("query", "field"), _QUERIES, ids=[query[:24] for query, _ in _QUERIES])
async def test_a_bad_query_is_a_422_that_names_the_parameter(edge: Edge, query: str, field: str) -> None:
    """Wrong, repeated and unknown parameters are refused by name."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/inboxes?{query}", headers=bearer(account.account_api_key))
    assert answer.status_code == 422
    assert [detail["field"] for detail in answer.json()["details"]] == [field]


@pytest.mark.parametrize("cursor", ["x", "%C3%A4", "e30", "WyJhIl0", "W10", "WzFd", "A" * 400])
async def test_a_foreign_cursor_is_refused(edge: Edge, cursor: str) -> None:
    """A cursor that no list issued is a 400."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    for path in ("/v1/inboxes", "/v1/threads", f"/v1/inboxes/{account.id}/messages"):
        answer = await edge.http.get(f"{path}?cursor={cursor}", headers=key)
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_CURSOR")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("before=0001-01-01T00:00:00%2B10:00", 422),
        ("after=9999-12-31T23:59:59-10:00", 422),
        ("before=2026-01-01T00:00:00", 422),
        ("before=yesterday", 422),
        ("before=2026-01-01T00:00:00%2B10:00", 200),
    ],
)
async def test_a_time_must_be_one_that_utc_can_name(edge: Edge, query: str, status: int) -> None:
    """Times at the rims of the calendar are no server errors."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/inboxes/{account.id}/messages?{query}", headers=bearer(account.inbox_api_key))
    assert answer.status_code == status


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1", "121", "x"])
async def test_a_wait_is_bounded(edge: Edge, seconds: str) -> None:
    """`timeout` is 0 to 120 seconds."""
    account = await edge.open_account()
    url = f"/v1/inboxes/{account.id}/messages/wait?timeout={seconds}"
    assert (await edge.http.get(url, headers=bearer(account.inbox_api_key))).status_code == 422


@pytest.mark.parametrize(
    "name", ["x", "inbox_1", "acc_" + "0" * 32, "INBOX_" + "0" * 32, "%00@x", "%ff", "a%2Fb@x", "'@"]
)
async def test_an_id_that_never_was_is_the_404_of_its_kind(edge: Edge, name: str) -> None:
    """The same answer as for an id never issued, whatever the text."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/inboxes/{name}", headers=bearer(account.account_api_key))
    never = await edge.http.get(f"/v1/inboxes/inbox_{'0' * 32}", headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["error"]) == (404, "INBOX_NOT_FOUND")
    assert {**answer.json(), "request_id": ""} == {**never.json(), "request_id": ""}


class _Nothing(msgspec.Struct):
    pass


def _broken() -> list[Operation]:
    """Operations that fail in ways that no real one may."""
    registry: list[Operation] = []

    @operation("GET", "/bug", tag="t", reach=None, lend=Lend.NOTHING, registry=registry)
    async def bug(request: Request) -> Answer[_Nothing]:
        """Meet a bug."""
        raise ZeroDivisionError("dm_free_secret")

    @operation("GET", "/away", tag="t", reach=None, lend=Lend.NOTHING, registry=registry)
    async def away(request: Request) -> Answer[_Nothing]:
        """Find the database away."""
        raise Unavailable(retry_after=7)

    return registry


async def test_a_bug_is_a_500_that_tells_nothing(services: Services, capsys: Any) -> None:
    """The client sees a request_id, the log line has the same one."""
    async with serving(services, _broken()) as edge:
        answer = await edge.http.get("/bug", headers=bearer("dm_free_key"))
    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL")
    assert "ZeroDivision" not in answer.text
    logged = capsys.readouterr().err
    assert logged.count(answer.json()["request_id"]) == 1
    assert "dm_free_key" not in logged


async def test_unavailable_says_when_to_come_back(services: Services) -> None:
    """503 carries Retry-After and `retry_after`."""
    async with serving(services, _broken()) as edge:
        answer = await edge.http.get("/away")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["retry_after"]) == (503, "7", 7)


async def test_readyz_tells_whether_the_database_answers(fresh_edge: Edge) -> None:
    """Up and ready are two things."""
    assert (await fresh_edge.http.get("/readyz")).json()["result"] == {"status": "ok"}
    await fresh_edge.services.db.close()
    assert (await fresh_edge.http.get("/readyz")).status_code == 503
    assert (await fresh_edge.http.get("/healthz")).status_code == 200


async def test_the_log_has_a_line_for_each_request_and_no_secrets(fresh_edge: Edge) -> None:
    """Route, status and account are kept; key, address, query and body are not."""
    account = await fresh_edge.open_account(username="private-name")
    await fresh_edge.http.get(f"/v1/inboxes/{account.email}?q=1", headers=bearer(account.account_api_key))
    assert fresh_edge.services.access_log is not None
    fresh_edge.services.access_log.flush()
    lines = [msgspec.json.decode(line) for line in fresh_edge.log.getvalue().splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("POST", "/v1/inboxes", 201),
        ("GET", "/v1/inboxes/{inbox_id}", 422),
    ]
    assert f"acc_{lines[1]['account_id']}" == account.account_id
    for secret in (account.account_api_key, account.inbox_api_key, "private-name", "q=1"):
        assert secret.encode() not in fresh_edge.log.getvalue()


async def test_a_write_is_finished_though_its_client_left(edge: Edge) -> None:
    """What was asked for whole is done, and nothing is logged as an error."""
    _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    body = b'{"username": "left-early"}'
    head = (
        f"POST /v1/inboxes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    writer.close()
    await writer.wait_closed()
    taken = await edge.http.post("/v1/inboxes", json={"username": "left-early"})
    assert taken.status_code in (201, 409)
