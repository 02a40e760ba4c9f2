"""What was used, over HTTP: by account, pod and inbox, metered where the inbox was at that moment."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from daimon.db.scope import Scope
from daimon.kit import ids
from daimon.quotas import ledger, usage
from daimon.quotas.usage import Used

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod, make_paid, patch_inbox, uuid_of

NOTHING = {"received": 0, "sent": 0, "bounced": 0, "stored_bytes": 0}


async def _meter(edge: Edge, account: Opened, day: date, pod: dict[str, Any] | None, inbox_id: str, mails: int) -> None:
    """Meter mails of a day, as the pipeline does."""
    inbox, pod_id = ids.read(ids.Kind.INBOX, inbox_id), pod and ids.read(ids.Kind.POD, pod["id"])
    assert inbox is not None
    async with edge.database.transaction() as db:
        await usage.meter(db, [Used(uuid_of(account), pod_id, inbox, day, received=1, stored_bytes=100)] * mails)


async def _report(edge: Edge, key: str, url: str = "/v1/usage", **query: str) -> dict[str, Any]:
    answer = await edge.http.get(url, params=query, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()["result"]
    return report


def _today() -> date:
    return datetime.now(UTC).date()


async def test_a_new_account_used_nothing(edge: Edge) -> None:
    """No lines, sums of zero, and the last thirty days."""
    account = await edge.open_account()
    report = await _report(edge, account.account_api_key)
    assert (report["usage"], report["totals"], report["by"]) == ([], NOTHING, "account")
    first, last = date.fromisoformat(report["first_day"]), date.fromisoformat(report["last_day"])
    assert (last - first).days == 29


async def test_old_days_stay_with_the_old_pod(edge: Edge) -> None:
    """Mail before a move counts for the pod that held the inbox then, mail after it for the new one."""
    account = await edge.open_account()
    old, new = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, old)
    sizes = [len(await edge.deliver(inbox["id"], "one")), len(await edge.deliver(inbox["id"], "two"))]
    headers = bearer(account.account_api_key)
    await edge.http.patch(f"/v1/inboxes/{inbox['id']}", json={"pod_id": new["id"]}, headers=headers)
    sizes.append(len(await edge.deliver(inbox["id"], "three")))
    await edge.http.patch(f"/v1/inboxes/{inbox['id']}", json={"pod_id": None}, headers=headers)
    sizes.append(len(await edge.deliver(inbox["id"], "four")))
    await edge.http.delete(f"/v1/pods/{old['id']}", headers=headers)
    by_pod = await _report(edge, account.account_api_key, by="pod")
    lines = {line["pod_id"]: (line["received"], line["stored_bytes"]) for line in by_pod["usage"]}
    assert lines == {old["id"]: (2, sum(sizes[:2])), new["id"]: (1, sizes[2]), None: (1, sizes[3])}
    assert by_pod["totals"] == NOTHING | {"received": 4, "stored_bytes": sum(sizes)}
    of_new = await _report(edge, new["pod_api_key"], f"/v1/pods/{new['id']}/usage")
    assert of_new["totals"] == NOTHING | {"received": 1, "stored_bytes": sizes[2]}
    assert [line["pod_id"] for line in of_new["usage"]] == [new["id"]]
    of_inbox = await _report(edge, account.account_api_key, inbox_id=inbox["id"])
    assert (of_inbox["by"], of_inbox["totals"]["received"]) == ("inbox", 4)
    assert {(line["pod_id"], line["inbox_id"]) for line in of_inbox["usage"]} == {
        (pod_id, inbox["id"]) for pod_id in (old["id"], new["id"], None)
    }
    within = await _report(edge, new["pod_api_key"], f"/v1/pods/{new['id']}/usage", inbox_id=inbox["id"])
    assert within["totals"]["received"] == 1


async def test_days_are_those_asked_for(edge: Edge) -> None:
    """Both ends belong to it; the sums are of all pages, and the pages hold every line once."""
    account = await edge.open_account()
    pods = [await create_pod(edge, account) for _ in range(2)]
    inboxes = [await in_pod(edge, account, pods[n % 2]) for n in range(3)]
    start = _today() - timedelta(days=5)
    for day in range(5):
        for n, inbox in enumerate(inboxes):
            await _meter(edge, account, start + timedelta(days=day), pods[n % 2], inbox["id"], day + 1)
    window = {"from": str(start + timedelta(days=1)), "to": str(start + timedelta(days=3))}
    expected = {"account": [6, 9, 12], "pod": [2, 4, 3, 6, 4, 8], "inbox": [2] * 3 + [3] * 3 + [4] * 3}
    for by, received in expected.items():
        seen: list[dict[str, Any]] = []
        query = window | {"by": by, "limit": "2"}
        while True:
            report = await _report(edge, account.account_api_key, **query)
            assert report["totals"] == NOTHING | {"received": 27, "stored_bytes": 2700}
            seen += report["usage"]
            if not report["has_more"]:
                break
            query["cursor"] = report["next_cursor"]
        assert sorted(line["received"] for line in seen) == sorted(received)
        assert [line["day"] for line in seen] == sorted(line["day"] for line in seen)
        assert len({(line["day"], line["pod_id"], line["inbox_id"]) for line in seen}) == len(received)


async def test_who_may_see_usage(edge: Edge) -> None:
    """The account's is the account's; a pod key sees its pod's, and no inbox of another pod."""
    account, other = await edge.open_account(), await edge.open_account()
    pod, sibling = await create_pod(edge, account), await create_pod(edge, account)
    inbox = await in_pod(edge, account, sibling)
    await edge.deliver(inbox["id"])
    own = bearer(pod["pod_api_key"])
    assert (await edge.http.get("/v1/usage", headers=own)).status_code == 403
    url = f"/v1/pods/{pod['id']}/usage"
    for inbox_id, headers, path in (
        (inbox["id"], own, url),
        ("inbox_" + "0" * 32, own, url),
        (inbox["id"], bearer(other.account_api_key), "/v1/usage"),
    ):
        answer = await edge.http.get(path, params={"inbox_id": inbox_id}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (404, "INBOX_NOT_FOUND")
    assert (await edge.http.get(f"/v1/pods/{sibling['id']}/usage", headers=own)).json()["error"] == "POD_NOT_FOUND"
    assert (await _report(edge, other.account_api_key))["totals"] == NOTHING


async def test_a_deleted_inbox_is_still_reported(edge: Edge) -> None:
    """What was used was used."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    await edge.http.delete(f"/v1/inboxes/{account.id}", headers=bearer(account.account_api_key))
    report = await _report(edge, account.account_api_key, inbox_id=account.id)
    assert report["totals"]["received"] == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"to": "2026-02-30"}, "to"),
        ({"from": "2026-02-02", "to": "2026-02-01"}, "from"),
        ({"from": "2025-01-01", "to": "2026-01-02"}, "from"),
        ({"to": "0001-01-01"}, "to"),
        ({"from": "9999-12-31"}, "from"),
        ({"by": "team"}, "by"),
        ({"by": "pod", "inbox_id": "inbox_" + "0" * 32}, "by"),
        ({"inbox_id": "x"}, "inbox_id"),
        ({"limit": "0"}, "limit"),
        ({"pod_id": "x"}, "pod_id"),
    ],
)
async def test_bad_queries_are_refused_by_field(edge: Edge, query: dict[str, str], field: str) -> None:
    """422, never a server error."""
    account = await edge.open_account()
    answer = await edge.http.get("/v1/usage", params=query, headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, field), answer.text


async def test_a_year_is_shown_at_most_and_bad_cursors_are_refused(edge: Edge) -> None:
    """366 days are a leap year."""
    account = await edge.open_account()
    report = await _report(edge, account.account_api_key, **{"from": "2024-01-01", "to": "2024-12-31"})
    assert report["usage"] == []
    for cursor in ("x", "WyJ4Il0", "WyIyMDI2LTAxLTAxIl0"):
        answer = await edge.http.get("/v1/usage", params={"cursor": cursor}, headers=bearer(account.account_api_key))
        assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_CURSOR")


async def test_mail_is_in_the_ledger_and_inboxes_in_their_places(edge: Edge) -> None:
    """What is delivered, sent, moved and deleted through the server's own doors: lines and sums agree throughout."""
    account = await edge.open_account()
    await make_paid(edge, account)
    pod, headers = await create_pod(edge, account), bearer(account.account_api_key)
    inbox = await in_pod(edge, account, pod)
    size = len(await edge.deliver(inbox["id"]))
    mail = {"to": ["a@example.com", "b@example.com"], "subject": "Hello", "body": "Hello"}
    sent = await edge.http.post(f"/v1/inboxes/{inbox['id']}/send", json=mail, headers=headers)
    assert sent.status_code == 202, sent.text
    await patch_inbox(edge, account, inbox, pod_id=None)
    await edge.deliver(inbox["id"], "again")
    await edge.http.delete(f"/v1/pods/{pod['id']}", headers=headers)
    await edge.http.delete(f"/v1/inboxes/{inbox['id']}", headers=headers)
    account_id, pod_id = uuid_of(account), ids.read(ids.Kind.POD, pod["id"])
    async with edge.database.read() as db:
        assert await ledger.verify(db, Scope(account_id), _today()) == []
        lines = await db.fetch("select pod_id, kind, quantity from usage_lines where account_id = $1", account_id)
        places = await db.fetch(
            "select pod_id, last from inbox_placements where account_id = $1 and inbox_id = $2",
            account_id, ids.read(ids.Kind.INBOX, inbox["id"]),
        )  # fmt: skip
        former = await db.fetchval("select name from former_pods where account_id = $1 and id = $2", account_id, pod_id)
    of_pod = {(row["kind"], row["quantity"]) for row in lines if row["pod_id"] == pod_id}
    assert {("received", 1), ("stored_bytes", size), ("sent", 2)} < of_pod
    assert [row["kind"] for row in lines if row["pod_id"] != pod_id].count("received") == 1
    assert [tuple(row) for row in places] == [(usage.NO_POD, _today())]  # one day, and the pod that it was in last
    assert former == "Pod"


async def test_inboxes_of_a_deleted_pod_are_in_their_places(edge: Edge) -> None:
    """Those that stay are in no pod from this day on; those that go with it were in it until today."""
    account = await edge.open_account()
    await make_paid(edge, account)
    headers, stay, go = (
        bearer(account.account_api_key),
        await create_pod(edge, account),
        await create_pod(edge, account),
    )
    kept, gone = await in_pod(edge, account, stay), await in_pod(edge, account, go)
    account_id = uuid_of(account)
    async with edge.database.read() as db:
        await db.execute("update inbox_placements set first = first - 9 where account_id = $1", account_id)
    for pod, fate in ((stay, "move"), (go, "delete")):
        answer = await edge.http.delete(f"/v1/pods/{pod['id']}", params={"inboxes": fate}, headers=headers)
        assert answer.status_code == 200
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select inbox_id, pod_id, last - first as days from inbox_placements where account_id = $1 and last <"
            " 'infinity' order by days",
            account_id,
        )
        opened = await db.fetch("select inbox_id, pod_id, first from inbox_placements where last = 'infinity'")
    ends = [(ids.show(ids.Kind.INBOX, row[0]), ids.show(ids.Kind.POD, row[1]), row[2]) for row in rows]
    assert ends == [(kept["id"], stay["id"], 8), (gone["id"], go["id"], 9)]
    assert (ids.read(ids.Kind.INBOX, kept["id"]), usage.NO_POD, _today()) in [tuple(row) for row in opened]
