"""Which answers pages of other origins may read, and what a browser is told that asks before it calls (CORS)."""

import pytest

from .conftest import Edge, bearer

PAGE = {"Origin": "https://app.example.com"}
OPEN = ["/openapi.json", "/llms.txt", "/llms-full.txt", "/skill.md", "/healthz"]
CLOSED = ["/docs", "/upgrade/x", "/invitations/x", "/verify-email/x", "/recover/x", "/readyz", "/nothing", "/v1"]


def asking(method: str, headers: str = "authorization,content-type,idempotency-key") -> dict[str, str]:
    """Return the headers by which a browser asks whether a page may call."""
    return PAGE | {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}


@pytest.mark.parametrize(
    "path", ["/v1/inboxes", "/v1/inboxes/inbox_1/messages/msg_1", "/v1/nothing", "/v1/events/stream"]
)
async def test_a_browser_may_call_for_a_page(edge: Edge, path: str) -> None:
    """By every method, with a key, whatever else a program sends; a path that is not there is the call's to say."""
    told = await edge.http.options(path, headers=asking("PATCH"))
    assert (told.status_code, told.content) == (204, b"")
    assert told.headers.get_list("access-control-allow-origin") == ["*"]
    assert set(told.headers["access-control-allow-methods"].split(", ")) == {
        *("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
    }
    allowed = told.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "idempotency-key", "last-event-id", "*"} == set(allowed)
    assert int(told.headers["access-control-max-age"]) > 600


async def test_a_page_reads_answers_and_errors(edge: Edge) -> None:
    """With the headers that a client reads, and never with credentials of the browser's own."""
    opened = await edge.open_account()
    good = await edge.http.get("/v1/inboxes", headers=PAGE | bearer(opened.account_api_key))
    wrong = await edge.http.get("/v1/inboxes", headers=PAGE | bearer("dm_free_x"))
    missing = await edge.http.get("/v1/nothing", headers=PAGE)
    lacking = await edge.http.put("/v1/inboxes", headers=PAGE)
    made = await edge.http.post("/v1/inboxes", headers={"Origin": "null"})
    statuses = [answer.status_code for answer in (good, wrong, missing, lacking, made)]
    assert statuses == [200, 401, 404, 405, 201]
    for answer in (good, wrong, missing, lacking, made):
        assert answer.headers.get_list("access-control-allow-origin") == ["*"]
        exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
        assert {"retry-after", "x-request-id", "ratelimit", "idempotency-replayed"} < set(exposed)
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", OPEN)
async def test_what_the_api_says_of_itself_is_open(edge: Edge, path: str) -> None:
    """It is the same for everybody."""
    assert (await edge.http.get(path, headers=PAGE)).headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", CLOSED)
async def test_what_people_open_is_closed_to_other_pages(edge: Edge, path: str) -> None:
    """Neither the question nor the call is answered for a page; a link to pay is nobody's to read by script."""
    for answer in (
        await edge.http.options(path, headers=asking("POST")),
        await edge.http.get(path, headers=PAGE),
        await edge.http.post(path, headers=PAGE),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_whoever_is_no_page_is_told_nothing_of_it(edge: Edge) -> None:
    """Programs have no use for it; OPTIONS alone names the methods, as ever."""
    opened = await edge.open_account()
    answers = [
        await edge.http.get("/v1/inboxes", headers=bearer(opened.account_api_key)),
        await edge.http.options("/v1/inboxes"),
        await edge.http.options("/v1/inboxes", headers={"Access-Control-Request-Method": "POST"}),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert answers[1].headers["allow"] == "GET, HEAD, OPTIONS, POST"
    options = await edge.http.options("/v1/inboxes", headers=PAGE)
    assert (options.headers["allow"], options.headers["access-control-allow-origin"]) == (
        "GET, HEAD, OPTIONS, POST",
        "*",
    )
