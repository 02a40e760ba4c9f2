"""Threads over HTTP."""

from .conftest import Edge, bearer


async def _thread(edge: Edge) -> tuple[str, dict[str, str], dict[str, object]]:
    account = await edge.open_account()
    await edge.deliver(account.id, "Plan")
    key = bearer(account.inbox_api_key)
    page = (await edge.http.get(f"/v1/inboxes/{account.id}/threads", headers=key)).json()["result"]
    return f"/v1/inboxes/{account.id}/threads/{page['threads'][0]['id']}", key, page["threads"][0]


async def test_a_thread_is_listed_and_shown_alike(edge: Edge) -> None:
    """The inbox's list, the account's list and the single get show the same thread."""
    account = await edge.open_account()
    await edge.deliver(account.id, "Plan")
    key = bearer(account.account_api_key)
    of_inbox = (await edge.http.get(f"/v1/inboxes/{account.id}/threads", headers=key)).json()["result"]["threads"]
    of_account = (await edge.http.get("/v1/threads", params={"inbox_id": account.id}, headers=key)).json()["result"]
    shown = await edge.http.get(f"/v1/inboxes/{account.id}/threads/{of_inbox[0]['id']}", headers=key)
    assert of_inbox == of_account["threads"] == [shown.json()["result"]]
    assert of_inbox[0]["subject"] == "Plan"


async def test_labels_come_and_go(edge: Edge) -> None:
    """POST adds labels; DELETE takes them off, named in the body or in the query."""
    url, key, _ = await _thread(edge)
    added = await edge.http.post(f"{url}/labels", json={"labels": ["a", "b", "c"]}, headers=key)
    assert added.json()["result"]["labels"] == ["a", "b", "c"]
    await edge.http.delete(f"{url}/labels", params={"label": ["a"]}, headers=key)
    left = await edge.http.request("DELETE", f"{url}/labels", json={"labels": ["b"]}, headers=key)
    assert left.json()["result"]["labels"] == ["c"]
    assert (await edge.http.delete(f"{url}/labels", headers=key)).status_code == 422


async def test_a_thread_is_marked_read_and_deleted(edge: Edge) -> None:
    """PATCH marks every message, DELETE takes the thread and its messages away."""
    url, key, thread = await _thread(edge)
    patched = (await edge.http.patch(url, json={"read": True, "labels": ["x"]}, headers=key)).json()["result"]
    assert (patched["unread_count"], patched["labels"]) == (0, ["x"])
    assert (await edge.http.delete(url, headers=key)).json()["result"] == {"id": thread["id"], "deleted": True}
    assert (await edge.http.get(url, headers=key)).json()["error"] == "THREAD_NOT_FOUND"
