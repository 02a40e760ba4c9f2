"""The threads of pods: every way of finding them shows the same."""

from typing import Any

import pytest

from daimon.threads import repository

from .conftest import Edge, bearer
from .podding import create_pod, in_pod, member_key


async def _walk(edge: Edge, key: str, **query: str) -> list[str]:
    """Return the ids of all threads of a list, page by page."""
    seen: list[str] = []
    query["limit"] = "2"
    while True:
        page = (await edge.http.get("/v1/threads", params=query, headers=bearer(key))).json()["result"]
        seen += [thread["id"] for thread in page["threads"]]
        if not page["has_more"]:
            return seen
        query["cursor"] = page["next_cursor"]


@pytest.mark.parametrize(("few", "near_by"), [(1000, 4000), (0, 4000), (0, 1), (0, 4)])
async def test_threads_of_pods_are_those_of_the_account(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, few: int, near_by: int
) -> None:
    """However many inboxes a pod has, its list is the account's without the others, in either order, with filters."""
    account = await edge.open_account()
    pods = [await create_pod(edge, account) for _ in range(3)]
    inboxes = [await in_pod(edge, account, pods[n % 3]) for n in range(6)]
    for n in range(15):
        await edge.deliver(inboxes[n * 5 % 6]["id"], f"subject {n % 4} of {n}")
    everything = (await edge.http.get("/v1/threads", headers=bearer(account.account_api_key))).json()["result"]
    monkeypatch.setattr(repository, "FEW_INBOXES", few)
    monkeypatch.setattr(repository, "NEAR_BY", near_by)

    def shown(*of: dict[str, Any], q: str = "") -> list[str]:
        ids = {pod["id"] for pod in of}
        return [t["id"] for t in everything["threads"] if t["pod_id"] in ids and q in t["subject"]]

    for pod in pods:
        assert await _walk(edge, pod["pod_api_key"]) == shown(pod)
        assert await _walk(edge, account.account_api_key, pod_id=pod["id"]) == shown(pod)
        assert await _walk(edge, pod["pod_api_key"], order="asc") == shown(pod)[::-1]
        assert await _walk(edge, pod["pod_api_key"], q="subject 1") == shown(pod, q="subject 1")
    member = await member_key(edge, account, ("viewer", pods[0]["id"]), ("viewer", pods[2]["id"]))
    assert await _walk(edge, member) == shown(pods[0], pods[2])
