"""The three trees of the product's first page, built as they stand there and read back with the keys they show."""

from typing import Any

from daimon.kit import ids

from .conftest import Edge, Opened, bearer
from .podding import create_pod, in_pod

PODS = {
    "Production Agents": ["agent-001@daimon.email", "agent-002@daimon.email"],
    "Development": ["dev-agent@daimon.email"],
    "Customer Support": ["support@daimon.email", "billing@daimon.email"],
}
CUSTOMERS = {
    "Customer A": ["agent-1", "agent-2", "support"],
    "Customer B": ["agent-1", "agent-2"],
    "Customer C": ["agent-1"],
}


async def _emails(edge: Edge, key: str, url: str = "/v1/inboxes") -> list[str]:
    answer = await edge.http.get(url, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return [inbox["email"] for inbox in answer.json()["result"]["inboxes"]]


async def test_the_tree_of_an_account(fresh_edge: Edge) -> None:
    """One account key over three inboxes, each with a key that reaches it alone."""
    account = await fresh_edge.open_account(username="platform-admin")
    keys = {account.email: account.inbox_api_key}
    for username in ("agent-001", "support"):
        inbox = await fresh_edge.create_inbox(account.account_api_key, username=username)
        keys[inbox["email"]] = inbox["inbox_api_key"]
    expected = ["platform-admin@daimon.email", "agent-001@daimon.email", "support@daimon.email"]
    assert list(keys) == expected
    assert await _emails(fresh_edge, account.account_api_key) == expected
    for email, key in keys.items():
        for other in expected:
            answer = await fresh_edge.http.get(f"/v1/inboxes/{other}", headers=bearer(key))
            assert answer.status_code == (200 if other == email else 404)


async def test_the_tree_of_pods(fresh_edge: Edge) -> None:
    """Three pods by name, their inboxes on the service domain, and a key of each that reaches all of its pod."""
    account, pods = await _build(fresh_edge, {name: _usernames(emails) for name, emails in PODS.items()})
    listed = (await fresh_edge.http.get("/v1/pods", headers=bearer(account.account_api_key))).json()["result"]
    assert {pod["name"]: pod["inbox_count"] for pod in listed["pods"]} == {n: len(e) for n, e in PODS.items()}
    for name, emails in PODS.items():
        assert await _emails(fresh_edge, pods[name]["pod_api_key"]) == emails
        assert await _emails(fresh_edge, pods[name]["pod_api_key"], f"/v1/pods/{pods[name]['id']}/inboxes") == emails
        for other in {email for each in PODS.values() for email in each} - set(emails):
            answer = await fresh_edge.http.get(f"/v1/inboxes/{other}", headers=bearer(pods[name]["pod_api_key"]))
            assert answer.status_code == 404


async def test_the_tree_of_a_platform_with_customers(fresh_edge: Edge) -> None:
    """Customers are pods with subdomains: each has its own `agent-1`, its own mail, its own usage; one account pays."""
    account, pods = await _build(fresh_edge, CUSTOMERS, with_subdomains=True)
    everywhere = []
    for name, usernames in CUSTOMERS.items():
        pod, domain = pods[name], f"{_label(name)}.daimon.email"
        expected = [f"{username}@{domain}" for username in usernames]
        assert await _emails(fresh_edge, pod["pod_api_key"]) == expected
        everywhere += expected
        agent = await fresh_edge.http.get(f"/v1/inboxes/agent-1@{domain}", headers=bearer(pod["pod_api_key"]))
        await fresh_edge.deliver(agent.json()["result"]["id"], f"For {name}")
    assert sorted(await _emails(fresh_edge, account.account_api_key)) == sorted([*everywhere, account.email])
    for name, pod in pods.items():
        headers = bearer(pod["pod_api_key"])
        threads = (await fresh_edge.http.get(f"/v1/pods/{pod['id']}/threads", headers=headers)).json()["result"]
        assert [thread["subject"] for thread in threads["threads"]] == [f"For {name}"]
        assert (await fresh_edge.http.get("/v1/threads", headers=headers)).json()["result"] == threads
        usage = (await fresh_edge.http.get(f"/v1/pods/{pod['id']}/usage", headers=headers)).json()["result"]
        assert usage["totals"]["received"] == 1
    whole = (await fresh_edge.http.get("/v1/usage", headers=bearer(account.account_api_key))).json()["result"]
    assert whole["totals"]["received"] == 3
    unified = (await fresh_edge.http.get("/v1/threads", headers=bearer(account.account_api_key))).json()["result"]
    assert [thread["subject"] for thread in unified["threads"]] == [f"For {name}" for name in reversed(CUSTOMERS)]


async def _build(
    edge: Edge, tree: dict[str, list[str]], *, with_subdomains: bool = False
) -> tuple[Opened, dict[str, dict[str, Any]]]:
    """Open an account and make its pods with their inboxes."""
    account, pods = await edge.open_account(), {}
    for name, usernames in tree.items():
        subdomain = {"subdomain": _label(name)} if with_subdomains else {}
        pods[name] = await create_pod(edge, account, name=name, **subdomain)
        assert ids.read(ids.Kind.POD, pods[name]["id"])
        for username in usernames:
            await in_pod(edge, account, pods[name], username=username)
    return account, pods


def _usernames(emails: list[str]) -> list[str]:
    return [email.partition("@")[0] for email in emails]


def _label(name: str) -> str:
    return name.lower().replace(" ", "-")
