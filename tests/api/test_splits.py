"""Billing splits over HTTP: how they are set and checked, the report in both forms, and the page for paper."""

import asyncio
import csv
import io
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from daimon.kit import ids
from daimon.quotas import usage
from daimon.quotas.usage import Used

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod, member_key, uuid_of

URL = "/v1/billing/splits"
DEFAULT = {
    "by": "pod", "method": "usage", "weights": {"sends": 1, "received": 1, "storage": 1, "inboxes": 1}, "fixed": {},
    "markup_percent": 0, "markups": {}, "updated_at": None,
}  # fmt: skip
SENDS = {"by": "pod", "method": "usage", "weights": {"sends": 1}}


def _today() -> date:
    return datetime.now(UTC).date()


async def _put(edge: Edge, account: Opened, **body: object) -> httpx.Response:
    return await edge.http.put(URL, json=body, headers=bearer(account.account_api_key))


async def _get(edge: Edge, account: Opened, path: str = "/report", **query: object) -> Any:
    answer = await edge.http.get(URL + path, params=query, headers=bearer(account.account_api_key))  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


async def _sent(edge: Edge, account: Opened, pod: dict[str, Any] | None, inbox_id: str, mails: int) -> None:
    inbox, pod_id = ids.read(ids.Kind.INBOX, inbox_id), pod and ids.read(ids.Kind.POD, pod["id"])
    assert inbox is not None
    async with edge.database.transaction() as db:
        await usage.meter(db, [Used(uuid_of(account), pod_id, inbox, _today(), sent=mails)])


async def _charge(edge: Edge, account: Opened, amount: int, currency: str = "usd") -> None:
    async with edge.database.transaction() as db:
        await db.execute(
            "insert into billing_charges values ($1, $2, $3, $4, $5, $5, 'by hand', now())",
            uuid_of(account), uuid4(), amount, currency, _today(),
        )  # fmt: skip


async def _with_two_pods(edge: Edge) -> tuple[Opened, dict[str, Any], dict[str, Any]]:
    account = await edge.open_account()
    pods = [await create_pod(edge, account, name=name) for name in ("Anna & Co", "=1+1")]
    for pod, mails in zip(pods, (3, 1), strict=True):
        inbox = await in_pod(edge, account, pod)
        await _sent(edge, account, pod, inbox["id"], mails)
    return account, pods[0], pods[1]


async def test_what_holds_until_somebody_sets_it(edge: Edge) -> None:
    """By pod and use, each kind alike."""
    account = await edge.open_account()
    assert await _get(edge, account, "") == DEFAULT
    report = await _get(edge, account)
    assert (report["status"], report["total_cents"], report["currency"]) == ("open", 0, "usd")
    [line] = report["lines"]
    assert (line["id"], line["share"], line["usage"]["inbox_days"]) == ("unallocated", None, 1)


async def test_what_is_set_is_shown(edge: Edge) -> None:
    """All of it is replaced; what is left out is as it was never set. It stands in the audit trail."""
    account = await edge.open_account()
    pod = await create_pod(edge, account)
    body = {
        "by": "pod", "method": "fixed", "fixed": {pod["id"]: 33.3333, "unallocated": 66.6667}, "markup_percent": 12.5,
        "markups": {pod["id"]: 0.0001},
    }  # fmt: skip
    answer = await _put(edge, account, **body)
    assert answer.status_code == 200
    shown = answer.json()["result"]
    assert {name: shown[name] for name in body} == body
    assert await _get(edge, account, "") == shown
    again = (await _put(edge, account, by="cost_center", method="even")).json()["result"]
    assert again | {"updated_at": None} == DEFAULT | {"by": "cost_center", "method": "even"}
    trail = await edge.http.get("/v1/audit", params={"limit": 1}, headers=bearer(account.account_api_key))
    [entry] = trail.json()["result"]["audit"]
    assert (entry["action"], entry["before"]["markup_percent"], entry["after"]["method"]) == (
        "put_splits",
        12.5,
        "even",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"method": "usage"}, "by"),
        ({"by": "pod"}, "method"),
        ({"by": "inbox", "method": "usage"}, "by"),
        ({"by": "pod", "method": "fixed"}, "fixed"),
        ({"by": "pod", "method": "fixed", "fixed": {"unallocated": 99.9999}}, "fixed"),
        ({"by": "pod", "method": "fixed", "fixed": {"unallocated": 100.1}}, "fixed"),
        ({"by": "pod", "method": "fixed", "fixed": {"unallocated": -1}}, "fixed"),
        ({"by": "pod", "method": "fixed", "fixed": {"acme": 100}}, "fixed"),
        ({"by": "team", "method": "fixed", "fixed": {"pod_" + "0" * 32: 100}}, "fixed"),
        ({"by": "cost_center", "method": "fixed", "fixed": {"nowhere": 100}}, "fixed"),
        ({"by": "pod", "method": "even", "fixed": {"unallocated": 100}}, "fixed"),
        ({"by": "pod", "method": "even", "weights": {"sends": 1}}, "weights"),
        ({"by": "pod", "method": "usage", "weights": {}}, "weights"),
        ({"by": "pod", "method": "usage", "weights": {"sends": -1}}, "weights.sends"),
        ({"by": "pod", "method": "usage", "weights": {"bytes": 1}}, "weights.bytes"),
        ({"by": "pod", "method": "even", "markup_percent": 0.00001}, "markup_percent"),
        ({"by": "pod", "method": "even", "markup_percent": 1001}, "markup_percent"),
        ({"by": "pod", "method": "even", "markups": {"acme": 5}}, "markups"),
        ({"by": "pod", "method": "even", "markups": {"": 5}}, "markups"),
    ],
)  # fmt: skip
async def test_what_cannot_be_set(edge: Edge, body: dict[str, Any], field: str) -> None:
    """A clear word about the field, and nothing is changed."""
    account = await edge.open_account()
    answer = await _put(edge, account, **body)
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED"), answer.text
    assert answer.json()["details"][0]["field"].startswith(field.partition(".")[0])
    assert await _get(edge, account, "") == DEFAULT


async def test_percentages_have_no_floating_error(edge: Edge) -> None:
    """Ten times 0.1 and 99, and three thirds that are not quite thirds."""
    account = await edge.open_account()
    async with edge.database.read() as db:
        await db.execute("update accounts set tier = 'developer' where account_id = $1", uuid_of(account))
    pods = [(await create_pod(edge, account))["id"] for _ in range(11)]
    fixed = {**dict.fromkeys(pods[:10], 0.1), pods[10]: 99}
    assert (await _put(edge, account, by="pod", method="fixed", fixed=fixed)).status_code == 200
    thirds = {pods[0]: 33.3333, pods[1]: 33.3333, pods[2]: 33.3334}
    assert (await _put(edge, account, by="pod", method="fixed", fixed=thirds)).status_code == 200
    assert (await _put(edge, account, by="pod", method="fixed", fixed=thirds | {pods[2]: 33.3333})).status_code == 422


async def test_others_pods_and_teams_do_not_exist(edge: Edge) -> None:
    """As for an id that never was."""
    account, other = await edge.open_account(), await edge.open_account()
    pod = await create_pod(edge, other)
    made = await edge.http.post("/v1/teams", json={"name": "T"}, headers=bearer(other.account_api_key))
    for by, foreign, never, error in (
        ("pod", pod["id"], "pod_" + "0" * 32, "POD_NOT_FOUND"),
        ("team", made.json()["result"]["id"], "team_" + "0" * 32, "TEAM_NOT_FOUND"),
    ):
        for unit in (foreign, never):
            for body in ({"method": "fixed", "fixed": {unit: 100}}, {"method": "even", "markups": {unit: 5}}):
                answer = await _put(edge, account, by=by, **body)
                assert (answer.status_code, answer.json()["error"]) == (404, error)
    answer = await edge.http.get(f"{URL}/statement", params={"id": pod["id"]}, headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["error"]) == (404, "SPLIT_LINE_NOT_FOUND")


async def test_every_cent_is_on_a_line(edge: Edge) -> None:
    """Three to one, with a mark-up on each but the unallocated line."""
    account, a, b = await _with_two_pods(edge)
    await _charge(edge, account, 1001)
    await _put(edge, account, **SENDS, markup_percent=10, markups={b["id"]: 50})
    report = await _get(edge, account)
    assert [(line["id"], line["name"], line["amount_cents"], line["markup_cents"]) for line in report["lines"]] == [
        (a["id"], "Anna & Co", 751, 75), (b["id"], "=1+1", 250, 125), ("unallocated", None, 0, 0),
    ]  # fmt: skip
    assert (report["total_cents"], report["markup_cents"], report["charge_cents"]) == (1001, 200, 1201)
    assert [line["share"] for line in report["lines"]] == [0.75025, 0.24975, 0]
    [cost] = report["costs"]
    assert (cost["amount_cents"], cost["invoice_id"], cost["first_day"]) == (1001, None, _today().isoformat())


async def test_a_cost_may_be_supposed(edge: Edge) -> None:
    """In place of the real one, in any currency, and a credit too."""
    account, *_ = await _with_two_pods(edge)
    await _charge(edge, account, 1001)
    await _put(edge, account, **SENDS)
    report = await _get(edge, account, total_cents=-7, currency="JPY")
    assert (report["total_cents"], report["currency"]) == (-7, "jpy")
    assert [line["amount_cents"] for line in report["lines"]] == [-5, -2, 0]


async def test_the_report_as_a_table(edge: Edge) -> None:
    """RFC 4180, a line each, sums as in the other form; no name is taken for a formula."""
    account, a, b = await _with_two_pods(edge)
    await _charge(edge, account, 1001)
    await _put(edge, account, **SENDS)
    answer = await edge.http.get(f"{URL}/report", params={"format": "csv"}, headers=bearer(account.account_api_key))
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert f"splits-{_today():%Y-%m}-usd.csv" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [(row["id"], row["name"], row["sent"], row["amount_cents"]) for row in rows] == [
        (a["id"], "Anna & Co", "3", "751"), (b["id"], "'=1+1", "1", "250"), ("unallocated", "", "0", "0"),
    ]  # fmt: skip
    assert answer.text.count("\r\n") == 4


async def test_pages_of_a_report(edge: Edge) -> None:
    """Each line once, and the totals of all of them on each page."""
    account, *_ = await _with_two_pods(edge)
    whole = await _get(edge, account, total_cents=1001)
    seen, query = [], {"limit": 2, "total_cents": 1001}
    while True:
        page = await _get(edge, account, **query)
        assert page["total_cents"] == 1001
        seen += page["lines"]
        if not page["has_more"]:
            break
        query["cursor"] = page["next_cursor"]
    assert (seen, len(seen)) == (whole["lines"], 3)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"period": "2026-13"}, 422), ({"period": "26-11"}, 422), ({"period": "1999-12"}, 422),
        ({"period": "0000-01"}, 422), ({"period": "9999-12"}, 422), ({"period": "2026-11-01"}, 422),
        ({"currency": "dollar"}, 422), ({"total_cents": "1.5"}, 422), ({"total_cents": 10**16}, 422),
        ({"format": "xml"}, 422), ({"cursor": "x"}, 400), ({"limit": 0}, 422), ({"of": "me"}, 422),
    ],
)  # fmt: skip
async def test_what_cannot_be_asked(edge: Edge, query: dict[str, Any], status: int) -> None:
    """A clear word in place of a report."""
    account = await edge.open_account()
    answer = await edge.http.get(f"{URL}/report", params=query, headers=bearer(account.account_api_key))
    assert answer.status_code == status, answer.text


async def test_a_page_for_paper(edge: Edge) -> None:
    """What one is charged, in words and numbers, escaped; not the cost, nor the mark-up, nor anybody else."""
    account, a, b = await _with_two_pods(edge)
    await _charge(edge, account, 100_100)
    await _put(edge, account, **SENDS, markup_percent=10)
    answer = await edge.http.get(
        f"{URL}/statement", params={"id": a["id"], "issuer": "<b>Plat</b>"}, headers=bearer(account.account_api_key)
    )
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    text = answer.text
    assert "Anna &amp; Co" in text
    assert "&lt;b&gt;Plat&lt;/b&gt;" in text
    assert text.count("USD 825.83") == 2  # 750.75 and a tenth more: on its line and below it
    assert "750.75" not in text
    assert b["id"] not in text
    assert "may still change" in text
    assert "<script" not in text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_the_page_of_what_is_unallocated(edge: Edge) -> None:
    """That is what is shown where nobody is named."""
    account, *_ = await _with_two_pods(edge)
    answer = await edge.http.get(f"{URL}/statement", headers=bearer(account.account_api_key))
    assert answer.status_code == 200
    assert "<small>unallocated</small>" in answer.text


async def test_by_team_and_by_cost_centre(edge: Edge) -> None:
    """A team bears the pods that it has a grant in; a cost centre those that name it."""
    account, a, b = await _with_two_pods(edge)
    key = bearer(account.account_api_key)
    grants = {"name": "Support", "grants": [{"role": "viewer", "pod_id": a["id"]}]}
    team = (await edge.http.post("/v1/teams", json=grants, headers=key)).json()["result"]["id"]
    await _put(edge, account, **SENDS | {"by": "team"})
    lines = (await _get(edge, account, total_cents=400))["lines"]
    assert [(line["id"], line["name"], line["amount_cents"]) for line in lines] == [
        (team, "Support", 300), ("unallocated", None, 100),
    ]  # fmt: skip
    await edge.http.patch(f"/v1/pods/{b['id']}", json={"cost_center": "R/D 1"}, headers=key)
    await _put(edge, account, **SENDS | {"by": "cost_center"}, markups={"R/D 1": 100})
    lines = (await _get(edge, account, total_cents=400))["lines"]
    assert [(line["id"], line["charge_cents"]) for line in lines] == [("R/D 1", 200), ("unallocated", 300)]
    steps = (await edge.http.get(f"{URL}/report", headers=key)).json()["next_steps"]
    assert any(step.endswith("&id={unit}") for step in steps)  # and not by the name that somebody gave it
    page = await edge.http.get(f"{URL}/statement", params={"id": "R/D 1"}, headers=key)
    assert page.status_code == 200


async def test_who_may(edge: Edge) -> None:
    """The account's key, an owner, an admin and the billing role; nobody's else, and no narrower key."""
    account, a, _ = await _with_two_pods(edge)
    for role, status in (("owner", 200), ("billing", 200), ("developer", 403), ("viewer", 403)):
        key = bearer(await member_key(edge, account, (role, None)))
        assert (await edge.http.get(f"{URL}/report", headers=key)).status_code == status
        assert (await edge.http.put(URL, json=SENDS, headers=key)).status_code == status
    for key in (a["pod_api_key"], account.inbox_api_key):
        for path in (URL, f"{URL}/report", f"{URL}/statement?id={a['id']}"):
            assert (await edge.http.get(path, headers=bearer(key))).status_code == 403


async def test_two_who_set_it_at_once(edge: Edge) -> None:
    """One of them is last; neither fails."""
    account = await edge.open_account()
    answers = await asyncio.gather(*(_put(edge, account, by="pod", method=each) for each in ("even", "inboxes") * 4))
    assert {answer.status_code for answer in answers} == {200}
    assert (await _get(edge, account, ""))["method"] in ("even", "inboxes")


async def test_the_forecast(edge: Edge) -> None:
    """Of a free account with a few inboxes: its place in the limit, and what it costs; whoever may not is refused."""
    account, a, _ = await _with_two_pods(edge)
    answer = await edge.http.get("/v1/billing/forecast", headers=bearer(account.account_api_key))
    found = answer.json()["result"]
    assert (found["period"], found["usage"]["sent"]["so_far"]) == (f"{_today():%Y-%m}", 4)
    assert found["costs"] == [{"currency": "usd", "so_far_cents": 0, "expected_cents": 0, "basis": "tier"}]
    [inboxes] = found["limits"]
    assert (inboxes["quota"], inboxes["used"], inboxes["limit"], inboxes["percent"]) == ("inboxes", 3, 10, 30)
    assert inboxes["reached_at"] > found["as_of"]
    refused = await edge.http.get("/v1/billing/forecast", headers=bearer(a["pod_api_key"]))
    assert refused.status_code == 403
