"""A send over HTTP: what is taken, what is refused, and what is stored."""

import asyncio
import base64
from typing import Any

import pytest

from api.conftest import opened_services, serving

from .conftest import Post


async def test_a_send_is_stored_before_the_202(post: Post) -> None:
    """The message is there, outbound and queued, with its recipients, in a thread of its own."""
    sent = await post.sent(
        to=["Ada <ada@example.com>", "bob@example.com"], cc="eve@example.com", bcc="hidden@example.com",
        subject="Grüße", body="Hello\nthere", labels=["first"],
        attachments=[{"filename": "a.txt", "content": base64.b64encode(b"abc").decode(), "content_type": "text/plain"}],
    )  # fmt: skip
    message = await post.get(f"/v1/inboxes/{post.inbox}/messages/{sent['id']}")
    assert (message["direction"], message["status"], message["read"]) == ("outbound", "queued", True)
    assert [(each["address"], each["name"]) for each in message["to"]] == [
        ("ada@example.com", "Ada"), ("bob@example.com", None),
    ]  # fmt: skip
    assert message["bcc"] == [{"address": "hidden@example.com", "name": None}]
    assert (message["subject"], message["body_text"], message["labels"]) == ("Grüße", "Hello\nthere", ["first"])
    assert message["message_id"] == sent["message_id"]
    assert message["thread_id"] == sent["thread_id"]
    [attachment] = message["attachments"]
    link = await post.get(f"/v1/inboxes/{post.inbox}/messages/{sent['id']}/attachments/{attachment['id']}")
    path = link["url"].removeprefix("http://daimon.test")
    assert (await post.edge.http.get(path)).content == b"abc"
    raw = await post.edge.http.get(
        f"/v1/inboxes/{post.inbox}/messages/{sent['id']}/raw", headers={"Authorization": f"Bearer {post.key}"}
    )
    assert raw.content.startswith(b"DKIM-Signature:")
    assert b"hidden" not in raw.content
    states = {each["recipient"]: (each["kind"], each["status"]) for each in await post.deliveries(sent["id"])}
    assert states == {
        "ada@example.com": ("to", "queued"), "bob@example.com": ("to", "queued"), "eve@example.com": ("cc", "queued"),
        "hidden@example.com": ("bcc", "queued"),
    }  # fmt: skip
    inbox = await post.get(f"/v1/inboxes/{post.inbox}")
    assert (inbox["message_count"], inbox["unread_count"], inbox["thread_count"]) == (1, 0, 1)
    thread = await post.get(f"/v1/inboxes/{post.inbox}/threads/{sent['thread_id']}")
    assert (thread["message_count"], thread["unread_count"]) == (1, 0)


async def test_html_alone_gets_a_text(post: Post) -> None:
    """Who cannot read HTML reads the text made of it."""
    sent = await post.sent(to="ada@example.com", body_html="<h1>Hi</h1><p>there</p>")
    message = await post.get(f"/v1/inboxes/{post.inbox}/messages/{sent['id']}")
    assert "there" in message["body_text"]
    assert message["body_html"] == "<h1>Hi</h1><p>there</p>"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": []}, "to"),
        ({"to": "nobody"}, "to"),
        ({"to": ["a@example.com", "b@@example.com"]}, "to[1]"),
        ({"to": "a@example.com\r\nBcc: b@example.com"}, "to"),
        ({"to": "a@example.com", "subject": "x\r\nBcc: b@example.com"}, "subject"),
        ({"to": "a@example.com", "subject": "x\ny"}, "subject"),
        ({"to": "a@example.com", "headers": {"X-A": "1\r\nBcc: b@example.com"}}, "headers.X-A"),
        ({"to": "a@example.com", "headers": {"X-A\r\nBcc": "b"}}, "headers"),
        ({"to": "a@example.com", "headers": {"Bcc": "b@example.com"}}, "headers"),
        ({"to": "a@example.com", "headers": {"From": "b@example.com"}}, "headers"),
        ({"to": "a@example.com", "reply_to": ["x"]}, "reply_to[0]"),
        ({"to": "a@example.com", "in_reply_to": "no id"}, "in_reply_to"),
        ({"to": "a@example.com", "attachments": [{"filename": "a", "content": "%%%"}]}, "attachments[0].content"),
        ({"to": "a@example.com", "attachments": [{"filename": "a\r\nb", "content": ""}]}, "attachments[0].filename"),
        (
            {
                "to": "a@example.com",
                "attachments": [{"filename": "a", "content": "", "content_type": "text/plain; x=y"}],
            },
            "attachments[0].content_type",
        ),
        ({"to": [f"a{n}@example.com" for n in range(101)]}, "to"),
        ({"to": "a@example.com", "thread_id": "x"}, "thread_id"),
    ],
)
async def test_what_cannot_be_sent_is_a_422(post: Post, body: dict[str, object], field: str) -> None:
    """The answer names the field; nothing is counted or kept."""
    answer = await post.send(**body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["details"][0]["field"] == field, answer.text
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 0


async def test_the_same_client_id_sends_once(post: Post) -> None:
    """The same send again answers 200 with the first message, another one 409."""
    sent = await post.sent(to="ada@example.com", subject="Once", client_id="one")
    again = await post.send(to="ada@example.com", subject="Once", client_id="one")
    assert (again.status_code, again.json()["result"]["id"]) == (200, sent["id"])
    other = await post.send(to="ada@example.com", subject="Twice", client_id="one")
    assert (other.status_code, other.json()["error"]) == (409, "CLIENT_ID_CONFLICT")
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 1


async def test_a_dry_run_does_nothing(post: Post) -> None:
    """It tells the size, the recipients and what is left of the day."""
    answer = await post.send(to="ada@example.com", subject="x", body="y", dry_run=True)
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert result["dry_run"] is True
    assert result["size"] > 500
    assert result["sends_left_today"] == 10_000
    assert result["recipients"] == [{"address": "ada@example.com", "kind": "to", "status": "queued"}]
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 0


async def test_a_send_goes_on_a_thread(post: Post) -> None:
    """With thread_id, the mail refers to the newest one of the thread and stands in it."""
    first = await post.sent(to="ada@example.com", subject="One")
    second = await post.sent(to="ada@example.com", subject="Another", thread_id=first["thread_id"])
    assert second["thread_id"] == first["thread_id"]
    message = await post.get(f"/v1/inboxes/{post.inbox}/messages/{second['id']}")
    assert message["in_reply_to"] == first["message_id"]


async def test_the_free_tier_pays_first(post: Post) -> None:
    """402 with what to tell the operator."""
    opened = await post.edge.open_account()
    answer = await Post(post.edge, opened.account_api_key, opened.id, "").send(to="ada@example.com")
    assert (answer.status_code, answer.json()["error"]) == (402, "SEND_REQUIRES_PAID")
    assert answer.json()["upgrade_context"]["agent_script"]


async def test_a_crowd_with_one_client_id_sends_one_mail(post: Post) -> None:
    """Whoever comes first makes the mail, all others are told of it; refusals for haste are asked again."""
    await post.execute("update accounts set tier = 'enterprise'")

    async def once() -> str:
        while True:
            answer = await post.send(to="ada@example.com", subject="Once", client_id="one")
            if answer.status_code != 429:
                assert answer.status_code in (200, 202), answer.text
                return str(answer.json()["result"]["id"])
            await asyncio.sleep(0.05)

    assert len(set(await asyncio.gather(*(once() for _ in range(100))))) == 1
    async with post.edge.database.read() as db:
        assert await db.fetchval("select count(*) from outbound_queue") == 1
        assert await db.fetchval("select sum(sent) from usage_account_days") == 1


async def test_an_idempotency_key_sends_one_mail(post: Post) -> None:
    """The same answer, octet for octet."""
    answers = [await post.send(to="ada@example.com", once="key-1") for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 1


async def test_a_refused_send_costs_nothing(post: Post) -> None:
    """What the day does not allow is not stored, and the same client_id can be used for it later."""
    await post.execute("update accounts set tier = 'developer'")
    await asyncio.sleep(1)  # for so long a key's account is remembered
    await post.sent(to="ada@example.com")
    await post.execute("update quotas set used = 999 where quota = 'sends_per_day'")
    answer = await post.send(to=["a@example.com", "b@example.com"], client_id="later")
    assert (answer.status_code, answer.json()["error"]) == (429, "SEND_LIMIT_EXCEEDED")
    assert int(answer.headers["retry-after"]) > 0
    assert answer.json()["upgrade_context"]
    await post.execute("update quotas set used = 0 where quota = 'sends_per_day'")
    assert (await post.send(to=["a@example.com", "b@example.com"], client_id="later")).status_code == 202


async def test_who_must_not_send_is_told_why(post: Post) -> None:
    """A suspended inbox, a suspended pod, an account under review."""
    key = {"Authorization": f"Bearer {post.key}"}
    paused = await post.edge.create_inbox(post.key)
    await post.edge.http.patch(f"/v1/inboxes/{paused['id']}", json={"status": "suspended"}, headers=key)
    answer = await post.send(inbox=paused["id"], to="ada@example.com")
    assert (answer.status_code, answer.json()["error"]) == (403, "INBOX_SUSPENDED")
    made = await post.edge.http.post("/v1/pods", json={"name": "Customer"}, headers=key)
    pod_id = made.json()["result"]["id"]
    podded = await post.edge.create_inbox(post.key, pod_id=pod_id)
    await post.edge.http.patch(f"/v1/pods/{pod_id}", json={"status": "suspended"}, headers=key)
    answer = await post.send(inbox=podded["id"], to="ada@example.com")
    assert (answer.status_code, answer.json()["error"]) == (403, "POD_SUSPENDED")
    await post.execute("update accounts set status = 'under_review'")
    await asyncio.sleep(1)
    answer = await post.send(to="ada@example.com")
    assert (answer.status_code, answer.json()["error"]) == (403, "ACCOUNT_UNDER_REVIEW")


async def test_a_key_sends_from_its_own_inbox_alone(post: Post) -> None:
    """Another inbox does not exist for it, and neither does another account's."""
    other = await post.edge.create_inbox(post.key)
    narrow = Post(post.edge, other["inbox_api_key"], other["id"], other["email"])
    assert (await narrow.send(to="ada@example.com")).status_code == 202
    assert (await narrow.send(inbox=post.inbox, to="ada@example.com")).status_code == 404
    stranger = await post.edge.open_account()
    assert (await post.send(inbox=stranger.id, to="ada@example.com")).status_code == 404


async def test_large_attachments_fit_and_larger_ones_do_not(post: Post) -> None:
    """25 MiB in all; what is more is a 413 that says so."""
    content = base64.b64encode(b"x" * (13 << 20)).decode()
    one = {"filename": "a.bin", "content": content}
    answer = await post.send(to="ada@example.com", attachments=[one])
    assert answer.status_code == 202, answer.text
    for attachments in ([one, one], [one, one, one]):  # the second is refused unread, and heard of all the same
        answer = await post.send(to="ada@example.com", attachments=attachments)
        assert (answer.status_code, answer.json()["error"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_one_refused_among_many_leaves_the_others(post: Post) -> None:
    """Sends that come together share a commit; each is taken or refused as if it were alone."""
    stranger = "thr_019cf6480e1f7a25b7c8d9e0f1a2b3c4"
    bodies: list[dict[str, object]] = [
        {"to": f"{n}@example.com"} | ({"thread_id": stranger, "client_id": f"{n}"} if n % 3 == 0 else {})
        for n in range(18)
    ]
    answers = await asyncio.gather(*(post.send(**body) for body in bodies))
    codes = [answer.status_code for answer in answers]
    assert codes == [404 if n % 3 == 0 else 202 for n in range(18)]
    inbox = await post.get(f"/v1/inboxes/{post.inbox}")
    assert (inbox["message_count"], inbox["thread_count"]) == (12, 12)
    async with post.edge.database.read() as db:
        assert await db.fetchval("select count(*) from client_ids where kind = 'send'") == 0
        assert await db.fetchval("select used from quotas where quota = 'sends_per_day'") == 12
        assert await db.fetchval("select count(*) from audit where action = 'send_message'") == 12


async def test_crowds_at_two_processes_never_wait_for_each_other(post: Post) -> None:
    """The same client_ids in opposite order: whoever is in the other's way is done again, and nobody sees it."""
    await post.execute("update accounts set tier = 'enterprise'")
    async with opened_services(post.edge.services.db.url) as services, serving(services) as edge:
        other = Post(edge, post.key, post.inbox, post.email)

        async def sends(through: Post, names: list[int]) -> list[str]:
            answers = await asyncio.gather(*(through.send(to="a@example.com", client_id=f"c{n}") for n in names))
            assert {answer.status_code for answer in answers} <= {200, 202}, [answer.text for answer in answers]
            return sorted(answer.json()["result"]["id"] for answer in answers)

        names = list(range(12))
        one, two = await asyncio.gather(sends(post, names), sends(other, names[::-1]))
    assert one == two
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 12


async def test_one_idempotency_key_many_times_at_once_sends_one_mail(post: Post) -> None:
    """All get the first's answer, in one batch with others; another body under the key is refused."""
    answers = await asyncio.gather(
        *(post.send(once="same", to="a@example.com") for _ in range(8)),
        *(post.send(once=f"own-{n}", to="b@example.com") for n in range(8)),
    )
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["result"]["id"] for answer in answers[:8]}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 7
    assert (await post.send(once="same", to="c@example.com")).status_code == 422
    assert (await post.get(f"/v1/inboxes/{post.inbox}"))["message_count"] == 9


async def test_sends_of_several_inboxes_are_written_together(post: Post) -> None:
    """Each in its inbox, its pod and its thread; what is used is counted where it belongs."""
    pods = [await made(post, "/v1/pods", name=f"pod {n}") for n in range(2)]
    inboxes = [await made(post, "/v1/inboxes", pod_id=pod["id"]) for pod in pods]
    wanted = [inbox["id"] for inbox in inboxes for _ in range(5)]
    answers = await asyncio.gather(*(post.send(inbox=inbox, to=["a@example.com", "b@example.com"]) for inbox in wanted))
    assert [answer.json()["result"]["inbox_id"] for answer in answers] == wanted
    for pod, inbox in zip(pods, inboxes, strict=True):
        shown = await post.get(f"/v1/inboxes/{inbox['id']}")
        assert (shown["message_count"], shown["thread_count"]) == (5, 5)
        usage = await post.get(f"/v1/pods/{pod['id']}/usage")
        assert usage["totals"]["sent"] == 10
    async with post.edge.database.read() as db:
        used = await db.fetch("select used from quotas where quota = 'sends_per_day' order by used")
    assert [row["used"] for row in used] == [10, 10, 20]


async def made(post: Post, path: str, **body: object) -> Any:
    """Create something with the account's key."""
    answer = await post.edge.http.post(path, json=body, headers={"Authorization": f"Bearer {post.key}"})
    assert answer.status_code == 201, answer.text
    return answer.json()["result"]
