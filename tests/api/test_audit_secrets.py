"""No secret is kept in clear: all that makes or takes one is called, then trail, database and log are searched."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from daimon.api.catalog import OPERATIONS
from daimon.kit.clock import utc_now
from daimon.lifecycle import recovery
from daimon.notices import sealing

from .conftest import Edge, bearer

_KEY = re.compile(r"dm_(?:free|live)_[0-9A-Za-z]{40,}|whsec_[0-9A-Za-z+/]{40,}")
_LINK = re.compile(r"/(?:invitations|recover|verify-email|downloads|upgrade)/([0-9A-Za-z_-]{20,})")
# Writes that neither make nor take a secret: what they record is what they answer with.
_WITHOUT_SECRETS = {
    "update_inbox", "update_message", "delete_message", "update_thread", "delete_thread", "add_thread_labels",
    "remove_thread_labels", "claim_message", "ack_message", "release_message",
    "update_webhook", "delete_webhook", "test_webhook", "retry_delivery", "replay_events",
    "update_pod", "delete_pod", "create_team", "update_team", "delete_team",
    "add_team_member", "remove_team_member", "set_team_grants", "restore_account", "update_member",
    "create_domain", "update_domain", "verify_domain", "delete_domain", "rotate_domain_dkim",  # keys are made sealed
    "send_message", "reply_to_message", "reply_all_to_message", "forward_message", "cancel_message",
    "create_draft", "update_draft", "delete_draft", "send_draft",
    "create_rule", "delete_rule", "add_suppression", "delete_suppression", "unblock_message",
    "put_splits",
    "open_billing_portal", "start_upgrade", "hear_stripe",  # with Stripe: see tests/billing
}  # fmt: skip


@dataclass
class Caller:
    """Sends requests and remembers every secret that it was told or that it sent."""

    edge: Edge
    key: str = ""
    called: set[str] = field(default_factory=set)
    secrets: set[str] = field(default_factory=set)

    async def __call__(self, name: str, method: str, path: str, body: object = None, *, key: str | None = None) -> Any:
        """Send a request that succeeds, and return its result; `name` is the operation's."""
        chosen = self.key if key is None else key
        headers = {"Accept": "application/json"} | (bearer(chosen) if chosen else {})
        answer = await self.edge.http.request(method, path, json=body, headers=headers)
        assert answer.status_code in (200, 201, 202), f"{name}: {answer.text}"
        self.called.add(name)
        self.remember(answer.text)
        self.remember(path)
        return answer.json()["result"]

    def remember(self, text: str) -> None:
        """Keep the keys and links that stand in a text."""
        self.secrets.update(_KEY.findall(text))
        self.secrets.update(_LINK.findall(text))

    async def mailed(self, page: str) -> str:
        """Return the path of the last link of a kind that was mailed."""
        async with self.edge.database.read() as db:
            boxes = [row["body"] for row in await db.fetch("select body from notices order by id")]
        bodies = [sealing.open_body(box) or "" for box in boxes]
        for body in bodies:
            self.remember(body)
        links: list[str] = [urlsplit(url).path for body in bodies for url in re.findall(r"https?://\S+", body)]
        return [link for link in links if link.startswith(f"/{page}/")][-1]


async def test_no_secret_is_in_the_trail(fresh_edge: Edge) -> None:
    """Of keys, links and invitations neither the text nor its hash is in any row."""
    call = Caller(fresh_edge)
    opened = await call("create_inbox", "POST", "/v1/inboxes", {})
    call.key = opened["account_api_key"]
    inbox = f"/v1/inboxes/{opened['id']}"
    await call("rotate_inbox_key", "POST", f"{inbox}/rotate-key", {"grace_seconds": 60})
    pod = await call("create_pod", "POST", "/v1/pods", {"name": "Customer"})
    await call("create_inbox", "POST", "/v1/inboxes", {"pod_id": pod["id"]})
    await call("rotate_pod_key", "POST", f"/v1/pods/{pod['id']}/rotate-key", {})
    made = await call("create_key", "POST", "/v1/keys", {"scope": "account", "name": "second"})
    await call("update_key", "PATCH", f"/v1/keys/{made['id']}", {"name": "renamed"})
    rotated = await call("rotate_key", "POST", f"/v1/keys/{made['id']}/rotate", {})
    await call("report_leaked_key", "POST", "/v1/keys/leaked", {"key": rotated["api_key"]}, key="")
    spare = await call("create_key", "POST", "/v1/keys", {"scope": "inbox", "inbox_id": opened["id"]})
    await call("delete_key", "DELETE", f"/v1/keys/{spare['id']}")
    call.key = (await call("rotate_account_key", "POST", "/v1/account/rotate-key", {}))["account_api_key"]
    hook = await call("create_webhook", "POST", "/v1/webhooks", {"url": "http://127.0.0.1:4999/hook"})
    await call("rotate_webhook_secret", "POST", f"/v1/webhooks/{hook['id']}/rotate-secret")
    await _members(call)
    await call("create_upgrade_link", "POST", "/v1/upgrade-link", {"target_tier": "growth", "reason": "to send"})
    await _ownership(call)
    assert {each.name for each in OPERATIONS if each.method != "GET"} == call.called | _WITHOUT_SECRETS
    await _search(call, more_than=15)
    await _search_everything(call)


async def _members(call: Caller) -> None:
    grants = [{"role": "admin"}]
    invited = await call("create_member", "POST", "/v1/members", {"email": "a@example.com", "grants": grants})
    again = await call("invite_member", "POST", f"/v1/members/{invited['id']}/invite")
    link = urlsplit(again["invitation_url"]).path
    accepted = await call("accept_invitation", "POST", link, key="")
    await call("create_key", "POST", "/v1/keys", {"scope": "member"}, key=accepted["api_key"])
    await call("delete_member", "DELETE", f"/v1/members/{invited['id']}")


async def _ownership(call: Caller) -> None:
    await call("update_account", "PATCH", "/v1/account", {"operator_email": "boss@example.com"})
    await call("verify_email", "POST", await call.mailed("verify-email"), key="")
    await call("request_recovery", "POST", "/v1/account/recovery", {"email": "boss@example.com"}, key="")
    async with call.edge.database.transaction() as db:  # as the worker does
        assert await recovery.answer(db, public_url=call.edge.services.public_url, now=utc_now(), limit=10) == 1
    recovered = await call("recover_account", "POST", await call.mailed("recover"), key="")
    call.key = recovered["account_api_key"]
    inbox = await call("create_inbox", "POST", "/v1/inboxes", {})
    await call("delete_inbox", "DELETE", f"/v1/inboxes/{inbox['id']}")
    await call("delete_account", "DELETE", "/v1/account")


async def _search_everything(call: Caller) -> None:
    """No row of any table holds a secret, in letters or as octets, nor does a line of the log."""
    async with call.edge.database.read() as db:
        tables = [
            row[0]
            for row in await db.fetch(
                "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace"
            )
        ]
        rows = [f"{table}: {row[0]}" for table in tables for row in await db.fetch(f"select t::text from {table} t")]
    assert len(rows) > 50
    log = call.edge.log.getvalue().decode()
    assert log.count("\n") > 10
    for secret in call.secrets:
        for shape in (secret, secret.encode().hex()):
            assert not [row for row in rows if shape in row]
            assert shape not in log


async def _search(call: Caller, *, more_than: int) -> None:
    assert len(call.secrets) > more_than
    async with call.edge.database.read() as db:
        rows = [str(row["row"]) for row in await db.fetch("select a::text as row from audit a")]
    assert len(rows) > more_than
    for secret in call.secrets:
        digest = hashlib.sha256(secret.encode()).digest()
        for shape in (secret, digest.hex(), base64.b64encode(digest).decode()):
            assert not [row for row in rows if shape in row]
    assert not [row for row in rows if _KEY.search(row) or _LINK.search(row)]
