"""Drafts: written, changed, scheduled, taken back, and sent once."""

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from httpx import Response

from daimon.drafts.repository import take_due
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.quotas.drafts import MOST_OCTETS
from daimon.worker import drafts as worker_drafts

from .conftest import Post


async def call(post: Post, method: str, path: str, body: object = None) -> Response:
    """Send a request about the inbox's drafts."""
    headers = {"Authorization": f"Bearer {post.key}"}
    return await post.edge.http.request(method, f"/v1/inboxes/{post.inbox}/drafts{path}", json=body, headers=headers)


async def draft(post: Post, **body: Any) -> dict[str, Any]:
    """Write a draft."""
    answer = await call(post, "POST", "", body)
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


def soon(seconds: float) -> str:
    """Return a moment as the API takes it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


async def come(post: Post) -> None:
    """Let the moment of all scheduled drafts have come."""
    await post.execute("update drafts set send_at = now(), next_at = now() where status = 'scheduled'")


class Scheduling:
    """The worker's part that sends drafts, until the block ends."""

    def __init__(self, post: Post) -> None:
        self._post = post

    async def __aenter__(self) -> None:
        self._stop = asyncio.Event()
        road = self._post.edge.services.road
        self._task = asyncio.create_task(
            worker_drafts.run(self._post.edge.database, road=road, clock=utc_now, stop=self._stop)
        )

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        await self._task


async def sent_of(post: Post, draft_id: str, *statuses: str) -> dict[str, Any]:
    """Return a draft once it is in one of the states."""
    async with asyncio.timeout(20):
        while True:
            found: dict[str, Any] = (await call(post, "GET", f"/{draft_id}")).json()["result"]
            if found["status"] in statuses:
                return found
            await asyncio.sleep(0.05)


async def test_a_draft_is_written_changed_and_sent(post: Post) -> None:
    """Its files are kept; what is left out of a change stays; it is sent once."""
    content = base64.b64encode(b"abc").decode()
    made = await draft(
        post, to="ada@example.com", subject="One", attachments=[{"filename": "a.txt", "content": content}]
    )
    assert made["status"] == "draft"
    assert made["attachments"] == [
        {"filename": "a.txt", "content_type": "application/octet-stream", "size": 3, "content_id": None}
    ]
    changed = (await call(post, "PATCH", f"/{made['id']}", {"subject": "Two", "body": "Hello"})).json()["result"]
    assert (changed["subject"], changed["body"], changed["to"][0]["address"]) == ("Two", "Hello", "ada@example.com")
    [listed] = (await call(post, "GET", "")).json()["result"]["drafts"]
    assert (listed["subject"], listed["preview"], "body" in listed) == ("Two", "Hello", False)
    answers = await asyncio.gather(*(call(post, "POST", f"/{made['id']}/send") for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409, 409, 409]
    whole = await sent_of(post, made["id"], "sent")
    message = await post.get(f"/v1/inboxes/{post.inbox}/messages/{whole['sent_message_id']}")
    assert (message["subject"], message["attachments"][0]["filename"]) == ("Two", "a.txt")
    assert (await call(post, "PATCH", f"/{made['id']}", {"subject": "x"})).status_code == 409
    assert (await call(post, "DELETE", f"/{made['id']}")).status_code == 409
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 1


async def test_a_scheduled_draft_is_sent_at_its_moment(post: Post) -> None:
    """Not before, also by a worker that starts later than that; one that is taken back is not."""
    async with Scheduling(post):
        answer = await post.send(to="ada@example.com", subject="Later", send_at=soon(3), client_id="later")
        assert (answer.status_code, answer.json()["result"]["status"]) == (202, "scheduled")
        made = answer.json()["result"]["draft_id"]
        again = await post.send(to="ada@example.com", subject="Later", client_id="other", draft_id="dft_x")
        assert again.status_code == 422
        back = await draft(post, to="ada@example.com", send_at=soon(30))
        await call(post, "PATCH", f"/{back['id']}", {"send_at": None})
        gone = await draft(post, to="ada@example.com", send_at=soon(30))
        assert (await call(post, "DELETE", f"/{gone['id']}")).status_code == 200
        sent = await sent_of(post, made, "sent")
    message = await post.get(f"/v1/inboxes/{post.inbox}/messages/{sent['sent_message_id']}")
    assert message["sent_at"] >= sent["send_at"]
    missed = await draft(post, to="ada@example.com", send_at=soon(60))
    await come(post)
    async with Scheduling(post):
        await sent_of(post, missed["id"], "sent")
    assert (await call(post, "GET", f"/{back['id']}")).json()["result"]["status"] == "draft"
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 2


async def test_two_workers_send_a_draft_once(post: Post) -> None:
    """Whichever of them takes it."""
    made = [await draft(post, to="ada@example.com", send_at=soon(60)) for _ in range(10)]
    await come(post)
    async with Scheduling(post), Scheduling(post):
        for each in made:
            await sent_of(post, each["id"], "sent")
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 10


async def test_what_passes_is_waited_for_and_what_does_not_fails(post: Post) -> None:
    """A day that is used up, and a pod that was suspended meanwhile."""
    used_up = await draft(post, to="ada@example.com", send_at=soon(60))
    await come(post)
    await post.sent(to="ada@example.com")
    await post.execute("update quotas set used = 10000 where quota = 'sends_per_day'")
    async with Scheduling(post):
        async with asyncio.timeout(20):
            found = await sent_of(post, used_up["id"], "scheduled")
            while not found["error"]:
                await asyncio.sleep(0.05)
                found = await sent_of(post, used_up["id"], "scheduled")
        assert (found["status"], found["error"]["error"]) == ("scheduled", "SEND_LIMIT_EXCEEDED")
        await post.execute("update quotas set used = 0 where quota = 'sends_per_day'")
        await post.execute("update drafts set next_at = now()")
        await sent_of(post, used_up["id"], "sent")
        lost = await draft(post, to="ada@example.com", send_at=soon(30))
        await post.execute("update inboxes set status = 'suspended'")
        await post.execute("update drafts set next_at = now() where status = 'scheduled'")
        failed = await sent_of(post, lost["id"], "failed")
        await post.execute("update inboxes set status = 'active'")
        edited = (await call(post, "PATCH", f"/{lost['id']}", {"subject": "Again"})).json()["result"]
        assert (edited["status"], edited["send_at"]) == ("draft", None)  # it waits for a new moment
    assert failed["error"]["error"] == "INBOX_SUSPENDED"
    [event] = await post.events("message.rejected")
    assert event["draft"]["id"] == lost["id"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"send_at": "2020-01-01T00:00:00Z", "to": "a@example.com"}, "send_at"),
        ({"send_at": "2099-01-01T00:00:00Z", "to": "a@example.com"}, "send_at"),
        ({"to": "a@example.com\n"}, "to"),
        ({"headers": {"Bcc": "x"}}, "headers"),
    ],
)
async def test_bad_drafts_are_a_422(post: Post, body: dict[str, object], field: str) -> None:
    """A draft may be unfinished, and not wrong."""
    answer = await call(post, "POST", "", body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == field


async def test_a_scheduled_draft_needs_somebody(post: Post) -> None:
    """One that is not scheduled may be empty."""
    assert (await call(post, "POST", "", {})).status_code == 201
    assert (await call(post, "POST", "", {"send_at": soon(60)})).status_code == 422


async def test_drafts_are_within_an_inbox(post: Post) -> None:
    """Another inbox's, and another account's, do not exist."""
    made = await draft(post, subject="Mine")
    other = await post.edge.create_inbox(post.key)
    narrow = Post(post.edge, other["inbox_api_key"], other["id"], other["email"])
    assert (await call(narrow, "GET", f"/{made['id']}")).status_code == 404
    assert (await call(narrow, "GET", "")).json()["result"]["drafts"] == []
    foreign = Post(post.edge, other["inbox_api_key"], post.inbox, "")
    assert (await call(foreign, "GET", "")).status_code == 404


async def test_a_closed_account_sends_no_draft(post: Post) -> None:
    """A suspended one's fails, one under review waits until it was looked at."""
    first = await draft(post, to="ada@example.com", send_at=soon(60))
    await come(post)
    await post.execute("update accounts set status = 'under_review'")
    async with Scheduling(post):
        found = await sent_of(post, first["id"], "scheduled")
        while not found["error"]:
            await asyncio.sleep(0.05)
            found = await sent_of(post, first["id"], "scheduled")
        assert found["error"]["error"] == "ACCOUNT_UNDER_REVIEW"
        await post.execute("update accounts set status = 'suspended'")
        await post.execute("update drafts set next_at = now()")
        failed = await sent_of(post, first["id"], "failed")
    assert failed["error"]["error"] == "ACCOUNT_SUSPENDED"
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 0


async def test_a_draft_that_breaks_stops_no_other(post: Post) -> None:
    """Its fault is noted, and the next one is sent."""
    broken = await draft(post, to="ada@example.com", send_at=soon(60))
    good = await draft(post, to="ada@example.com", send_at=soon(61))
    await come(post)
    named = ids.read(ids.Kind.DRAFT, broken["id"])
    await post.execute("update drafts set content = '\\xc1' where id = $1", named)
    async with Scheduling(post):
        await sent_of(post, good["id"], "sent")
    async with post.edge.database.read() as db:
        row = await db.fetchrow("select status, error from drafts where id = $1", named)
    assert (row["status"], "INTERNAL" in row["error"]) == ("scheduled", True)


async def test_many_drafts_of_one_moment_are_sent_together(post: Post) -> None:
    """Those that cannot be sent are in nobody's way."""
    made = [await draft(post, to=f"{n}@example.com", send_at=soon(60)) for n in range(40)]
    refused = made[7]["id"]
    blocked = await post.edge.http.post(
        "/v1/rules",
        json={"direction": "outbound", "action": "block", "value": "7@example.com"},
        headers={"Authorization": f"Bearer {post.key}"},
    )
    assert blocked.status_code == 201, blocked.text
    await post.execute("update drafts set next_at = now()")
    async with Scheduling(post):
        for each in made:
            await sent_of(post, each["id"], "failed" if each["id"] == refused else "sent")
    assert (await call(post, "GET", f"/{refused}")).json()["result"]["error"]["error"] == "RECIPIENT_BLOCKED"
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 39


async def test_accounts_have_their_turns(post: Post) -> None:
    """However many drafts one of them has, and had before the other."""
    made = await draft(post, to="ada@example.com", send_at=soon(60))
    many, few = ids.new(), ids.new()
    for account, count in ((many, 40), (few, 1)):
        await post.execute(
            "insert into drafts select $1, gen_random_uuid(), inbox_id, status, send_at, now() - interval '1 minute',"
            " content, summary, message_id, error, client_id, created_at, updated_at from drafts,"
            " generate_series(1, $3) where id = $2",
            account, ids.read(ids.Kind.DRAFT, made["id"]), count,
        )  # fmt: skip
    taken, after = [], UUID(int=0)
    async with post.edge.database.transaction() as db:
        for _ in range(3):
            due = await take_due(db, after=after, now=utc_now())
            await db.execute("update drafts set next_at = null where id = any($1)", [each.id for each in due])
            after = due[0].account_id
            taken.append((after, len(due)))
    assert sorted(taken[:2]) == sorted([(many, 32), (few, 1)])
    assert taken[2] == (many, 8)


async def octets(post: Post) -> int:
    """Return what the account's drafts are counted with."""
    async with post.edge.database.read() as db:
        used: int = await db.fetchval("select used from quotas where quota = 'draft_octets'")
    return used


async def test_drafts_are_counted_until_they_are_sent(post: Post) -> None:
    """Those that were deleted, sent now or at their moment hold nothing any more; a change counts its difference."""
    now, later, gone = [await draft(post, to="ada@example.com", body="x" * 5000) for _ in range(3)]
    whole = await octets(post)
    assert 3 * 6024 < whole < 3 * 7000
    await call(post, "PATCH", f"/{later['id']}", {"body": "x" * 4000, "send_at": soon(60)})
    assert await octets(post) == whole - 1000
    assert (await call(post, "DELETE", f"/{gone['id']}")).status_code == 200
    assert (await call(post, "POST", f"/{now['id']}/send")).status_code == 202
    await come(post)
    async with Scheduling(post):
        await sent_of(post, later["id"], "sent")
    assert await octets(post) == 0
    left = await draft(post, to="ada@example.com")
    async with post.edge.database.transaction() as db:
        await db.execute("delete from drafts")  # as with an inbox that is erased
    assert (await octets(post), left["status"]) == (0, "draft")


async def test_drafts_hold_so_much_and_no_more(post: Post) -> None:
    """What is refused is not kept, and a mail that is sent at once is none."""
    made = await draft(post, to="ada@example.com", body="x")
    await post.execute("update quotas set used = $1 where quota = 'draft_octets'", MOST_OCTETS - 1500)
    full = await octets(post)
    for method, path, body in (
        ("POST", "", {"body": "x" * 1000}),
        ("PATCH", f"/{made['id']}", {"body": "x" * 2000}),
    ):
        answer = await call(post, method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "TOO_MANY_DRAFTS"), answer.text
    put_off = await post.send(to="ada@example.com", send_at=soon(60), body="x" * 1000)
    assert (put_off.status_code, put_off.json()["code"]) == (409, "TOO_MANY_DRAFTS")
    assert (await octets(post), len((await call(post, "GET", "")).json()["result"]["drafts"])) == (full, 1)
    assert (await call(post, "PATCH", f"/{made['id']}", {"body": "x" * 1000})).status_code == 200
    await post.sent(to="ada@example.com", body="x" * 5000)
    assert (await call(post, "POST", f"/{made['id']}/send")).status_code == 202
    assert (await call(post, "POST", "", {"body": "x" * 1000})).status_code == 201


async def test_drafts_changed_sent_and_due_at_once(post: Post) -> None:
    """Whoever writes and then sends one, and the worker, lock the counter in one order: nobody is a victim."""
    made = [await draft(post, to="ada@example.com", send_at=soon(600)) for _ in range(40)]
    await post.execute("update drafts set next_at = now() where id = any($1)", [
        ids.read(ids.Kind.DRAFT, each["id"]) for each in made[::2]
    ])  # fmt: skip
    async with Scheduling(post), Scheduling(post):
        answers = await asyncio.gather(
            *(post.send(draft_id=each["id"], subject="Now", body="x" * 500) for each in made[1::2])
        )
        for each in made:
            await sent_of(post, each["id"], "sent")
    assert {answer.status_code for answer in answers} == {202}
    assert await octets(post) == 0
