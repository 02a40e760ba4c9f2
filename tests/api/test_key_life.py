"""The life of a key: rotated, used, restricted to networks, and revoked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from ipaddress import ip_network
from time import monotonic
from typing import Any
from uuid import UUID

import pytest

from daimon.api.services import Services
from daimon.db.engine import Database
from daimon.keys import secret
from daimon.keys.permissions import ALL, Permission
from daimon.keys.use import KeyUses
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.errors import Unavailable

from .conftest import Edge, Opened, bearer, opened_services, serving
from .teamwork import Team, grant

WITHIN_SECONDS = 1.0  # so soon a revocation holds in every process (contract §2)


async def _own(team: Team, key: str | None = None) -> dict[str, Any]:
    me: dict[str, Any] = await team.result("GET", "/v1/whoami", key=key)
    return me


async def error_of(edge: Edge, key: str) -> str | None:
    error: str | None = (await edge.http.get("/v1/whoami", headers=bearer(key))).json().get("error")
    return error


async def test_rotation_keeps_the_key_and_ends_its_old_secret(edge: Edge) -> None:
    """Same id, name and permissions; without a grace the old secret is refused at once."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "account", "name": "CI", "permissions": ["audit:read"]})
    rotated = await team.result("POST", f"/v1/keys/{made['id']}/rotate")
    kept = ("id", "name", "permissions", "created_at", "created_by")
    assert [rotated[name] for name in kept] == [made[name] for name in kept]
    assert rotated["api_key"].startswith(rotated["prefix"])
    assert (await _own(team, rotated["api_key"]))["key_id"] == made["id"]
    assert await error_of(edge, made["api_key"]) == "API_KEY_REVOKED"


async def test_a_grace_ends_and_a_later_rotation_ends_it_earlier(edge: Edge) -> None:
    """The old secret works until its time; a rotation without a grace ends all secrets before."""
    team = await Team.opened(edge)
    first = await team.result("POST", "/v1/keys", {"scope": "account"})
    path = f"/v1/keys/{first['id']}/rotate"
    second = await team.result("POST", path, {"grace_seconds": 604_800})
    assert [await error_of(edge, key["api_key"]) for key in (first, second)] == [None, None]
    async with edge.database.read() as db:
        await db.execute(
            "update key_secrets set valid_until = now() - interval '1 s' where hash = $1",
            secret.digest(first["api_key"]),
        )
    edge.services.keys.forget()
    assert [await error_of(edge, key["api_key"]) for key in (first, second)] == ["API_KEY_REVOKED", None]
    third = await team.result("POST", path, {"grace_seconds": 600})
    fourth = await team.result("POST", path, {"grace_seconds": 0})
    assert await error_of(edge, second["api_key"]) == await error_of(edge, third["api_key"]) == "API_KEY_REVOKED"
    assert await error_of(edge, fourth["api_key"]) is None


@pytest.mark.parametrize("grace", [-1, 604_801, 1.5, "60", None])
async def test_a_grace_is_zero_to_seven_days(edge: Edge, grace: object) -> None:
    """422 names the field."""
    team = await Team.opened(edge)
    key_id = (await _own(team))["key_id"]
    answer = await team.send("POST", f"/v1/keys/{key_id}/rotate", {"grace_seconds": grace})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (422, "grace_seconds")


async def test_rotations_in_parallel_leave_one_secret(edge: Edge) -> None:
    """Of the secrets that ten rotations at once answer with, exactly one works."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "inbox", "inbox_id": team.account.id})
    paths = [f"/v1/keys/{made['id']}/rotate"] * 10
    answers = await asyncio.gather(*(team.result("POST", path) for path in paths))
    errors = [await error_of(edge, answer["api_key"]) for answer in answers]
    assert sorted(errors, key=str) == ["API_KEY_REVOKED"] * 9 + [None]
    assert await error_of(edge, made["api_key"]) == "API_KEY_REVOKED"


async def test_the_account_key_renews_itself_or_an_owner_does(edge: Edge) -> None:
    """A member who is an owner renews the oldest whole account key, or gets a first one."""
    team = await Team.opened(edge)
    owner = await team.join(grant("owner"))
    own = await _own(team)
    by_itself = await team.result("POST", "/v1/account/rotate-key", {"grace_seconds": 60})
    assert (by_itself["key_id"], by_itself["account_id"]) == (own["key_id"], team.account.account_id)
    assert await error_of(edge, team.account.account_api_key) is None
    by_owner = await team.result("POST", "/v1/account/rotate-key", key=owner.key)
    assert by_owner["key_id"] == own["key_id"]
    assert await error_of(edge, by_itself["account_api_key"]) == "API_KEY_REVOKED"
    await team.result("DELETE", f"/v1/keys/{own['key_id']}", key=owner.key)
    fresh = await team.result("POST", "/v1/account/rotate-key", key=owner.key)
    assert (await _own(team, fresh["account_api_key"]))["permissions"] == sorted(ALL)


async def test_the_last_whole_key_does_not_end_itself(edge: Edge) -> None:
    """409 with what to do instead; beside another one it may, and of two that try at once one stays."""
    team = await Team.opened(edge)
    key_id = (await _own(team))["key_id"]
    narrow = await team.result("POST", "/v1/keys", {"scope": "account", "permissions": sorted(ALL - {"billing:write"})})
    for method, body in (
        ("DELETE", None),
        ("PATCH", {"permissions": ["keys:write"]}),
        ("PATCH", {"expires_at": "2100-01-01T00:00:00Z"}),
    ):
        answer = await team.send(method, f"/v1/keys/{key_id}", body)
        assert (answer.status_code, answer.json()["error"]) == (409, "STATE_CONFLICT")
        assert f"/v1/keys/{key_id}/rotate" in answer.json()["next_steps"][0]
    assert (await team.result("PATCH", f"/v1/keys/{key_id}", {"name": "Root"}))["name"] == "Root"
    assert (await team.result("DELETE", f"/v1/keys/{narrow['id']}"))["deleted"]
    other = await team.result("POST", "/v1/keys", {"scope": "account"})
    answers = await asyncio.gather(
        team.send("DELETE", f"/v1/keys/{key_id}"),
        team.send("DELETE", f"/v1/keys/{other['id']}", key=other["api_key"]),
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_a_revoked_key_is_refused_and_stays_listed(edge: Edge) -> None:
    """Its second DELETE changes nothing, and PATCH and rotate answer 409."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "account"})
    path = f"/v1/keys/{made['id']}"
    for _ in range(2):
        assert await team.result("DELETE", path) == {"id": made["id"], "deleted": True}
    assert await error_of(edge, made["api_key"]) == "API_KEY_REVOKED"
    assert (await team.result("GET", path))["status"] == "revoked"
    assert (await team.refused("PATCH", path, {"name": "x"}))[:2] == (409, "STATE_CONFLICT")
    assert (await team.refused("POST", path + "/rotate"))[:2] == (409, "STATE_CONFLICT")
    assert await told_of(edge, team.account, "key.revoked") == [made["id"]]


async def test_events_and_the_audit_trail_name_the_key_and_no_secret(edge: Edge) -> None:
    """Create, change, rotate and revoke each leave a row; rotate and revoke are events too."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "account", "name": "old"})
    path = f"/v1/keys/{made['id']}"
    await team.result("PATCH", path, {"name": "new", "expires_at": "2100-01-01T00:00:00Z"})
    rotated = await team.result("POST", path + "/rotate")
    await team.result("DELETE", path)
    assert await told_of(edge, team.account, "key.rotated") == await told_of(edge, team.account, "key.revoked")
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select action, before, after from audit where account_id = $1 and target = $2 order by number",
            uuid_of(team.account), made["id"],
        )  # fmt: skip
        events = await db.fetch("select data from events where account_id = $1", uuid_of(team.account))
    assert [row["action"] for row in rows] == ["create_key", "update_key", "rotate_key", "delete_key"]
    everything = str([tuple(row) for row in (*rows, *events)])
    for text in (made["api_key"], rotated["api_key"], team.account.account_api_key):
        assert text not in everything
    assert ('"name":"old"' in rows[1]["before"], '"name":"new"' in rows[1]["after"]) == (True, True)


async def test_an_expired_key_says_so_until_its_end_is_moved(edge: Edge) -> None:
    """401 API_KEY_EXPIRED, `status=expired`; a rotation answers 409, and a PATCH brings it back."""
    team = await Team.opened(edge)
    made = await team.result("POST", "/v1/keys", {"scope": "account", "expires_at": "2100-01-01T01:00:00+01:00"})
    assert made["expires_at"] == (await _own(team, made["api_key"]))["expires_at"] == "2100-01-01T00:00:00.000Z"
    await execute(edge, "update keys set expires_at = now() where id = $1", made["id"])
    assert await error_of(edge, made["api_key"]) == "API_KEY_EXPIRED"
    expired = await team.result("GET", "/v1/keys?status=expired")
    assert [(key["id"], key["status"]) for key in expired["keys"]] == [(made["id"], "expired")]
    assert (await team.refused("POST", f"/v1/keys/{made['id']}/rotate"))[:2] == (409, "STATE_CONFLICT")
    assert (await team.result("PATCH", f"/v1/keys/{made['id']}", {"expires_at": None}))["status"] == "active"
    assert await error_of(edge, made["api_key"]) is None


async def test_a_key_works_from_its_networks_alone(services: Services) -> None:
    """403 without a word about which; the client is the one that a trusted proxy speaks for."""
    trusting = replace(services, trusted_proxies=[ip_network("127.0.0.0/8")])
    async with serving(trusting) as edge:
        team = await Team.opened(edge)
        networks = ["192.0.2.0/24", "2001:db8::/32"]
        made = await team.result("POST", "/v1/keys", {"scope": "account", "allowed_networks": networks})
        for client, status in (
            ("192.0.2.9", 200), ("2001:db8::1", 200), ("::ffff:192.0.2.9", 200),
            ("198.51.100.1", 403), ("2001:db9::1", 403), ("::ffff:198.51.100.1", 403),
        ):  # fmt: skip
            headers = bearer(made["api_key"]) | {"x-forwarded-for": client}
            answer = await edge.http.get("/v1/whoami", headers=headers)
            assert answer.status_code == status, client
            assert status == 200 or answer.json()["error"] == "FORBIDDEN"
            assert status == 200 or "192.0.2" not in answer.text


async def test_a_use_is_written_once_a_minute_and_never_by_a_request(services: Services) -> None:
    """The flush writes time and permission; within a minute it writes again only for a new permission."""
    seconds = [0.0]
    uses = KeyUses(clock=lambda: seconds[0])
    async with serving(replace(services, key_uses=uses)) as edge:
        team = await Team.opened(edge)
        path = f"/v1/keys/{(await _own(team))['key_id']}"
        assert (await team.result("GET", path))["last_used_at"] is None
        start = utc_now()
        assert await _flush(edge, start) == (start, ["keys:read"])
        await team.result("GET", path)
        later = start + timedelta(seconds=30)
        assert await _flush(edge, later) == (start, ["keys:read"])
        await team.result("GET", "/v1/inboxes")
        assert await _flush(edge, later) == (later, ["inboxes:read", "keys:read"])
        seconds[0], latest = 61.0, later + timedelta(seconds=61)
        await team.result("GET", path)
        assert await _flush(edge, latest) == (latest, ["inboxes:read", "keys:read"])
        refused = await team.send("DELETE", "/v1/inboxes/nobody@example.com", key=team.account.inbox_api_key)
        assert refused.status_code == 404


async def _flush(edge: Edge, now: datetime) -> tuple[datetime, list[str]]:
    await edge.services.key_uses.flush(edge.services.jobs, lambda: now)
    async with edge.database.read() as db:
        row = await db.fetchrow("select last_used_at, used_permissions from keys where scope = 'account'")
    assert row is not None
    return row["last_used_at"], row["used_permissions"]


async def test_uses_outlive_an_outage_and_stay_few(services: Services) -> None:
    """What could not be written is written the next time, and no more keys are remembered than allowed."""
    uses = KeyUses(max_keys=2)
    async with serving(replace(services, key_uses=uses)) as edge:
        team = await Team.opened(edge)
        who = await edge.services.keys.principal(team.account.account_api_key)
        uses.note(who, Permission.AUDIT_READ)
        away = await Database.open(services.db.url, connections=1)
        await away.close()
        with pytest.raises(Unavailable):
            await uses.flush(away, utc_now)
        for _ in range(5):
            uses.note(replace(who, key_id=ids.new()), None)
        assert len(uses._waiting) == len(uses._noted) == 2
        stopped = asyncio.Event()
        stopped.set()
        await uses.keep_writing(away, utc_now, stopped)  # says so in the log, and keeps them
        writing = asyncio.create_task(uses.keep_writing(services.jobs, utc_now, stop := asyncio.Event()))
        await asyncio.sleep(0)
        stop.set()
        await writing
        async with edge.database.read() as db:
            assert await db.fetchval("select used_permissions from keys where scope = 'account'") == ["audit:read"]


async def test_the_hint_names_what_a_key_never_used(edge: Edge) -> None:
    """Once a key is seven days old; the next step says how to take it away."""
    team = await Team.opened(edge)
    permissions = ["inboxes:read", "messages:read"]
    made = await team.result("POST", "/v1/keys", {"scope": "account", "permissions": permissions})
    path = f"/v1/keys/{made['id']}"
    await team.result("GET", "/v1/inboxes", key=made["api_key"])
    await edge.services.key_uses.flush(edge.services.jobs, utc_now)
    assert (await team.result("GET", path))["unused_permissions"] == []
    await execute(edge, "update keys set created_at = now() - interval '8 days' where id = $1", made["id"])
    answer = (await team.send("GET", path)).json()
    assert answer["result"]["unused_permissions"] == ["messages:read"]
    assert answer["result"]["last_used_at"] is not None
    assert answer["next_steps"][0].endswith(f'PATCH {path} {{"permissions": ["inboxes:read"]}}')


async def test_two_processes_see_an_end_within_a_second(services: Services) -> None:
    """Revoked, rotated, expired or disabled in one process, a key is refused by another one within a second."""
    async with serving(services) as here, _another(services) as there:
        team = await Team.opened(here)
        person = await team.join(grant("developer"))
        revoked, rotated, expiring = [await team.result("POST", "/v1/keys", {"scope": "account"}) for _ in range(3)]
        soon = (utc_now() + timedelta(seconds=1)).isoformat()
        keys = [key["api_key"] for key in (revoked, rotated, expiring)] + [person.key]
        assert [await error_of(there, key) for key in keys] == [None] * 4
        await team.result("DELETE", f"/v1/keys/{revoked['id']}")
        await team.result("POST", f"/v1/keys/{rotated['id']}/rotate")
        await team.result("PATCH", f"/v1/keys/{expiring['id']}", {"expires_at": soon})
        await team.result("PATCH", f"/v1/members/{person.id}", {"status": "disabled"})
        done = monotonic()
        assert [await error_of(here, key) for key in (keys[0], keys[1], keys[3])] == ["API_KEY_REVOKED"] * 3
        ends = dict(
            zip(keys, ["API_KEY_REVOKED", "API_KEY_REVOKED", "API_KEY_EXPIRED", "API_KEY_REVOKED"], strict=True)
        )
        while ends:
            asked = monotonic()
            for key, error in list(ends.items()):
                if await error_of(there, key) == error:
                    del ends[key]
            late = asked - done - WITHIN_SECONDS
            assert not ends or late < (WITHIN_SECONDS if set(ends.values()) == {"API_KEY_EXPIRED"} else 0), ends


@asynccontextmanager
async def _another(services: Services) -> AsyncIterator[Edge]:
    """Serve the same database once more, with a cache and connections of its own, as another process does."""
    async with opened_services(services.db.url) as other, serving(other) as running:
        yield running


async def told_of(edge: Edge, account: Opened, event: str) -> list[str]:
    async with edge.database.read() as db:
        rows = await db.fetch(
            "select data -> 'key' ->> 'id' as id from events where account_id = $1 and event = $2 order by sequence",
            uuid_of(account), event,
        )  # fmt: skip
    return [row["id"] for row in rows]


async def execute(edge: Edge, sql: str, shown_id: str) -> None:
    async with edge.database.read() as db:
        await db.execute(sql, UUID(hex=shown_id.rpartition("_")[2]))
    edge.services.keys.forget()


def uuid_of(account: Opened) -> UUID:
    return UUID(hex=account.account_id.rpartition("_")[2])
