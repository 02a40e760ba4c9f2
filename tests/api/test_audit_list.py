"""The audit trail as it is listed: filters, times, pages, and whose it is."""

from datetime import timedelta

import pytest

from daimon.audit import repository
from daimon.audit.models import SYSTEM, Change, Entry
from daimon.kit.clock import rfc3339, utc_now

from .conftest import Edge, bearer
from .trails import trail_of, uuid_of, whole_trail_of


async def test_each_filter_finds_what_it_names(edge: Edge) -> None:
    """Alone and together."""
    account = await edge.open_account()
    other = await edge.create_inbox(account.account_api_key)
    own, wide = bearer(account.inbox_api_key), bearer(account.account_api_key)
    for key, inbox in ((own, account.id), (wide, account.id), (wide, other["id"])):
        assert (await edge.http.patch(f"/v1/inboxes/{inbox}", json={}, headers=key)).status_code == 200
    own_id = (await edge.http.get("/v1/whoami", headers=own)).json()["result"]["key_id"]
    wide_id = (await edge.http.get("/v1/whoami", headers=wide)).json()["result"]["key_id"]
    nothing = "0" * 32
    for query, numbers in (
        ({}, [5, 4, 3, 2, 1]),
        ({"action": "update_inbox"}, [5, 4, 3]),
        ({"action": "delete_inbox"}, []),
        ({"target": account.id}, [4, 3, 1]),
        ({"target": account.id, "key_id": own_id}, [3]),
        ({"key_id": own_id}, [3]),
        ({"key_id": wide_id}, [5, 4, 2]),
        ({"key_id": wide_id, "action": "create_inbox"}, [2]),
        ({"actor": "anonymous"}, [1]),
        ({"actor": "operator"}, []),
        ({"inbox_id": other["id"]}, [5, 2]),
        ({"pod_id": "pod_" + nothing}, []),
        ({"member_id": "mem_" + nothing}, []),
        ({"limit": 2}, [5, 4]),
        ({"to": "0001-01-01T00:00:00Z"}, []),
        ({"from": "9999-12-31T23:59:59Z"}, []),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T23:59:59Z"}, [5, 4, 3, 2, 1]),
    ):
        assert [entry["number"] for entry in await trail_of(edge, account, **query)] == numbers, query


async def test_times_bound_a_list(edge: Edge) -> None:
    """`from` is included, `to` is not, and rows that are a little out of order are found all the same."""
    account = await edge.open_account()
    start = utc_now() - timedelta(days=100)
    minutes = [*range(0, 100, 2), 95, 99, 91, *range(101, 1000)]
    moments = [start + timedelta(minutes=minute) for minute in minutes]
    entries = [Entry(uuid_of(account.account_id), SYSTEM, "tick", Change(f"t{at}"), at) for at in moments]
    async with edge.database.transaction() as db:
        await db.execute("delete from audit where account_id = $1", entries[0].account_id)
        await db.execute("delete from audit_chains where account_id = $1", entries[0].account_id)
        await edge.services.trail.record(db, entries)
    for first, last in ((0, 1000), (0, 1), (90, 100), (94, 96), (300, 301), (300, 800), (999, 2000), (-5, 0), (50, 40)):
        since, until = start + timedelta(minutes=first), start + timedelta(minutes=last)
        found, _ = await whole_trail_of(edge, account, from_=rfc3339(since), to=rfc3339(until), limit=100)
        expected = [rfc3339(at) for at in reversed(moments) if since <= at < until]
        assert [entry["at"] for entry in found] == expected


async def test_pages_join(edge: Edge) -> None:
    """Without gap or repetition, while new entries come."""
    account = await edge.open_account()
    for _ in range(6):
        await edge.http.patch(f"/v1/inboxes/{account.id}", json={}, headers=bearer(account.account_api_key))
    found, pages = await whole_trail_of(edge, account, limit=3)
    assert [entry["number"] for entry in found] == [7, 6, 5, 4, 3, 2, 1]
    assert pages == 3


async def test_a_page_looks_at_a_bounded_number_of_entries(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """A filter that finds little gives short or empty pages that go on; a target or key is looked up."""
    account = await edge.open_account()
    other = await edge.create_inbox(account.account_api_key)
    for _ in range(20):
        await edge.http.patch(f"/v1/inboxes/{other['id']}", json={}, headers=bearer(account.account_api_key))
    monkeypatch.setattr(repository, "LOOKED_AT", 5)
    found, pages = await whole_trail_of(edge, account, action="create_inbox", limit=2)
    assert ([entry["number"] for entry in found], pages) == ([2, 1], 5)
    found, pages = await whole_trail_of(edge, account, target=account.id, limit=2)
    assert ([entry["number"] for entry in found], pages) == ([1], 1)
    found, pages = await whole_trail_of(edge, account, target=account.id, action="none", limit=2)
    assert (found, pages) == ([], 1)


async def test_a_trail_is_its_accounts_own(edge: Edge) -> None:
    """Another account's is never seen, whatever the filter or the cursor; narrower keys get 403."""
    mine, other = await edge.open_account(), await edge.open_account()
    assert await trail_of(edge, mine, target=other.id) == []
    assert await trail_of(edge, mine, inbox_id=other.id) == []
    answer = await edge.http.get("/v1/audit", headers=bearer(mine.inbox_api_key))
    assert (answer.status_code, answer.json()["error"]) == (403, "FORBIDDEN")
    assert (await edge.http.get("/v1/audit")).status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("cursor=x", 400, None),
        ("cursor=WzE4NDQ2NzQ0MDczNzA5NTUxNjE2XQ", 400, None),  # [18446744073709551616]
        ("cursor=Wy0xXQ", 400, None),  # [-1]
        ("cursor=WyIxIl0", 400, None),  # ["1"]
        ("limit=0", 422, "limit"),
        ("limit=101", 422, "limit"),
        ("actor=nobody", 422, "actor"),
        ("key_id=inbox_00000000000000000000000000000000", 422, "key_id"),
        ("member_id=x", 422, "member_id"),
        ("pod_id=", 422, "pod_id"),
        ("inbox_id=a@daimon.email", 422, "inbox_id"),
        ("from=yesterday", 422, "from"),
        ("from=2026-01-01", 422, "from"),
        ("to=0001-01-01T00:00:00%2B14:00", 422, "to"),
        ("to=9999-12-31T23:59:59-14:00", 422, "to"),
        ("action=" + "x" * 65, 422, "action"),
        ("target=" + "x" * 321, 422, "target"),
        ("target=%00", 422, "target"),
        ("target=a&target=b", 422, "target"),
        ("offset=1", 422, "offset"),
    ],
)
async def test_bad_queries_are_refused(edge: Edge, query: str, status: int, field: str | None) -> None:
    """By name, and never with a 5xx."""
    account = await edge.open_account()
    answer = await edge.http.get(f"/v1/audit?{query}", headers=bearer(account.account_api_key))
    assert answer.status_code == status, answer.text
    assert field is None or answer.json()["details"][0]["field"] == field
