"""What the tests of members, teams and roles share: people with roles, and pods for them."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from daimon.kit import ids

from .conftest import Edge, Opened, bearer

JSON = {"Accept": "application/json"}


@dataclass
class Team:
    """A running server and an account in it, whose key it speaks with unless another is given."""

    edge: Edge
    account: Opened

    @classmethod
    async def opened(cls, edge: Edge) -> "Team":
        """Open an account."""
        return cls(edge, await edge.open_account())

    async def send(self, method: str, path: str, body: object = None, *, key: str | None = None) -> httpx.Response:
        """Send a request; without `body` it has none."""
        headers = bearer(key or self.account.account_api_key)
        if body is None:
            return await self.edge.http.request(method, path, headers=headers)
        return await self.edge.http.request(method, path, json=body, headers=headers)

    async def result(self, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        """Send a request that succeeds, and return its result."""
        answer = await self.send(method, path, body, key=key)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()["result"]

    async def refused(
        self, method: str, path: str, body: object = None, *, key: str | None = None
    ) -> tuple[int, str, str]:
        """Send a request that fails, and return its status, error and message."""
        answer = await self.send(method, path, body, key=key)
        failure = answer.json()
        assert answer.status_code >= 400, answer.text
        return answer.status_code, failure["error"], failure["message"]

    async def invite(self, *grants: dict[str, Any], key: str | None = None, **more: object) -> dict[str, Any]:
        """Invite somebody new."""
        body = {"email": f"{ids.new().hex}@example.com", "grants": list(grants), **more}
        invited: dict[str, Any] = await self.result("POST", "/v1/members", body, key=key)
        return invited

    async def join(self, *grants: dict[str, Any], key: str | None = None) -> "Person":
        """Invite somebody new who accepts."""
        invited = await self.invite(*grants, key=key)
        return Person(invited["id"], await self.accept(invited["invitation_url"]))

    async def accept(self, link: str) -> str:
        """Press the button behind a link, and return the key."""
        answer = await self.edge.http.post(path_of(link), headers=JSON)
        assert answer.status_code == 200, answer.text
        api_key: str = answer.json()["result"]["api_key"]
        return api_key

    async def pod(self, name: str = "Customer") -> str:
        """Create a pod."""
        pod_id: str = (await self.result("POST", "/v1/pods", {"name": name}))["id"]
        return pod_id

    async def inbox_in(self, pod_id: str | None) -> str:
        """Create an inbox that holds a mail, in a pod or outside of all."""
        inbox = await self.edge.create_inbox(self.account.account_api_key, pod_id=pod_id)
        inbox_id: str = inbox["id"]
        await self.edge.deliver(inbox_id)
        return inbox_id

    async def team(self, *grants: dict[str, Any], members: tuple[str, ...] = ()) -> str:
        """Create a team with members."""
        team = await self.result("POST", "/v1/teams", {"name": "Team", "grants": list(grants)})
        team_id: str = team["id"]
        for member_id in members:
            await self.result("PUT", f"/v1/teams/{team_id}/members/{member_id}")
        return team_id

    @property
    def account_uuid(self) -> UUID:
        """The account's id as the database has it."""
        found = ids.read(ids.Kind.ACCOUNT, self.account.account_id)
        assert found
        return found


@dataclass
class Person:
    """A member who accepted, and the member's key."""

    id: str
    key: str


def grant(role: str, pod_id: str | None = None) -> dict[str, Any]:
    """Return a grant as it is written."""
    return {"role": role, "pod_id": pod_id}


def path_of(link: str) -> str:
    """Return a link's path; the server of the tests is not reached by the name in its links."""
    assert link.startswith("http://daimon.test/")
    return link.removeprefix("http://daimon.test")
