"""What is wrong with the input of a key is named, and what is right is kept as it is meant."""

import json
from typing import Any

from .conftest import Edge, bearer
from .teamwork import Team

_BAD: list[tuple[dict[str, Any], str]] = [
    ({}, ""),
    ({"scope": "world"}, "scope"),
    ({"scope": "pod"}, "pod_id"),
    ({"scope": "inbox"}, "inbox_id"),
    ({"scope": "account", "pod_id": "pod_" + "0" * 32}, "pod_id"),
    ({"scope": "account", "inbox_id": "inbox_" + "0" * 32}, "inbox_id"),
    ({"scope": "pod", "pod_id": "nonsense"}, "pod_id"),
    ({"scope": "inbox", "inbox_id": "a@b.c"}, "inbox_id"),
    ({"scope": "account", "permissions": []}, "permissions"),
    ({"scope": "account", "permissions": ["all"]}, "permissions[0]"),
    ({"scope": "account", "name": "a\nb"}, "name"),
    ({"scope": "account", "name": "a\x00b"}, "name"),
    ({"scope": "account", "name": "\ud800"}, "name"),
    ({"scope": "account", "name": "x" * 201}, "name"),
    ({"scope": "account", "client_id": ""}, "client_id"),
    ({"scope": "account", "expires_at": "tomorrow"}, "expires_at"),
    ({"scope": "account", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"scope": "account", "expires_at": "2100-01-01T00:00:00"}, "expires_at"),
    ({"scope": "account", "expires_at": "9999-12-31T23:59:59-23:59"}, "expires_at"),
    ({"scope": "account", "allowed_networks": []}, "allowed_networks"),
    ({"scope": "account", "allowed_networks": ["192.0.2.0/24"] * 51}, "allowed_networks"),
    ({"scope": "account", "allowed_networks": ["192.0.2.1/24"]}, "allowed_networks[0]"),
    ({"scope": "account", "allowed_networks": ["192.0.2.0/33"]}, "allowed_networks[0]"),
    ({"scope": "account", "allowed_networks": ["10.0.0.1", "fe80::1%eth0"]}, "allowed_networks[1]"),
    ({"scope": "account", "allowed_networks": ["localhost"]}, "allowed_networks[0]"),
    ({"scope": "account", "allowed_networks": ["١٢٧.0.0.1"]}, "allowed_networks[0]"),
    ({"scope": "account", "api_key": "dm_live_x"}, "api_key"),
]


async def test_bad_input_is_named(edge: Edge) -> None:
    """422 with the field, and no key is made."""
    team = await Team.opened(edge)
    for body, field in _BAD:
        raw = _ascii_json(body)
        headers = bearer(team.account.account_api_key) | {"content-type": "application/json"}
        answer = await edge.http.post("/v1/keys", content=raw, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED"), (body, answer.text)
        assert not field or answer.json()["details"][0]["field"] == field, answer.text
    assert (await team.result("GET", "/v1/keys"))["total"] == 2


async def test_bad_queries_and_ids_are_named(edge: Edge) -> None:
    """422 for a parameter, 400 for a cursor, 404 for what was never an id; what a scope cannot have is named."""
    team = await Team.opened(edge)
    for query in ("scope=all", "status=all", "pod_id=x", "inbox_id=x", "q=", "limit=0", "offset=-1", "who=me"):
        assert (await team.refused("GET", f"/v1/keys?{query}"))[:2] == (422, "VALIDATION_FAILED")
    for cursor in ("x", "WzFd", "W10"):
        assert (await team.refused("GET", f"/v1/keys?cursor={cursor}"))[:2] == (400, "INVALID_CURSOR")
    for key_id in ("x", "key_", "inbox_" + "0" * 32, "%00", "%ff"):
        assert (await team.refused("GET", f"/v1/keys/{key_id}"))[:2] == (404, "KEY_NOT_FOUND")
    pod = await team.result("POST", "/v1/pods", {"name": "Customer"})
    body = {"scope": "pod", "pod_id": pod["id"], "permissions": ["billing:read"]}
    status, error, message = await team.refused("POST", "/v1/keys", body)
    assert (status, error) == (422, "VALIDATION_FAILED")
    assert "billing:read" in message


async def test_networks_are_kept_as_networks(edge: Edge) -> None:
    """An address alone is a network of one; one mapped into IPv6 is the IPv4 one; twice is once."""
    team = await Team.opened(edge)
    given = ["192.0.2.7", "2001:DB8::/32", "::ffff:10.0.0.0/104", "192.0.2.7/32"]
    made = await team.result("POST", "/v1/keys", {"scope": "account", "allowed_networks": given})
    assert made["allowed_networks"] == ["192.0.2.7/32", "2001:db8::/32", "10.0.0.0/8"]
    shown = await team.result("GET", f"/v1/keys/{made['id']}")
    assert shown["allowed_networks"] == made["allowed_networks"]


def _ascii_json(body: object) -> bytes:
    """Return JSON with escapes alone: only this encoder writes half a surrogate pair."""
    return json.dumps(body).encode()
