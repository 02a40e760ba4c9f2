"""Working through an inbox: each message is one caller's at a time, and none is lost."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from daimon.api.services import Services
from daimon.kit import ids
from daimon.kit.clock import utc_now

from .conftest import Edge, Opened, bearer, serving

NEVER = "lease_" + "0" * 32


async def claim(edge: Edge, account: Opened, **body: object) -> dict[str, Any] | None:
    url = f"/v1/inboxes/{account.id}/messages/claim"
    answer = await edge.http.post(url, json=body, headers=bearer(account.inbox_api_key))
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] | None = answer.json()["result"]
    return result


async def end(edge: Edge, account: Opened, how: str, claimed: dict[str, Any]) -> tuple[int, str | None]:
    url = f"/v1/inboxes/{account.id}/messages/{claimed['message']['id']}/{how}"
    body = {"lease_id": claimed["claim"]["lease_id"]}
    answer = await edge.http.post(url, json=body, headers=bearer(account.inbox_api_key))
    return answer.status_code, answer.json().get("error")


async def ahead(edge: Edge, account: Opened, seconds: int) -> None:
    """Let so much time pass for the leases of an account."""
    async with edge.database.read() as db:
        for table in ("messages", "last_leases"):
            await db.execute(
                f"update {table} set leased_until = leased_until - make_interval(secs => $2) where account_id = $1",
                ids.read(ids.Kind.ACCOUNT, account.account_id), seconds,
            )  # fmt: skip


async def test_the_oldest_comes_first_and_an_ack_ends_it(edge: Edge) -> None:
    """Each message once, in order of arrival; then null."""
    account = await edge.open_account()
    for subject in ("One", "Two"):
        await edge.deliver(account.id, subject)
    one, two = await claim(edge, account), await claim(edge, account, lease_seconds=60)
    assert one
    assert two
    assert [each["message"]["subject"] for each in (one, two)] == ["One", "Two"]
    assert "123456" in one["message"]["body_text"]
    assert one["claim"]["claim_count"] == 1
    assert await claim(edge, account) is None
    assert await end(edge, account, "ack", one) == (200, None)
    assert await end(edge, account, "ack", one) == (200, None)
    await ahead(edge, account, 60)
    again = await claim(edge, account)
    assert again
    assert (again["message"]["subject"], again["claim"]["claim_count"]) == ("Two", 2)


async def test_a_released_message_comes_back_at_once_and_uncounted(edge: Edge) -> None:
    """Even the tenth time."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    for _ in range(10):
        claimed = await claim(edge, account)
        assert claimed
        assert claimed["claim"]["claim_count"] == 1
        assert await end(edge, account, "release", claimed) == (200, None)
    assert await end(edge, account, "release", claimed) == (409, "STATE_CONFLICT")
    assert await end(edge, account, "ack", claimed) == (409, "STATE_CONFLICT")


async def test_who_comes_too_late_ends_nobody_elses_lease(edge: Edge) -> None:
    """Late is fine while nobody else has the message."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    late = await claim(edge, account, lease_seconds=1)
    await ahead(edge, account, 1)
    other = await claim(edge, account)
    assert late
    assert other
    for how in ("ack", "release"):
        assert await end(edge, account, how, late) == (409, "STATE_CONFLICT")
    await ahead(edge, account, 300)
    assert await end(edge, account, "ack", other) == (200, None)
    assert await claim(edge, account) is None


async def test_what_nobody_gets_done_becomes_a_dead_letter(edge: Edge) -> None:
    """After the fifth lease that ran out; the next message is there for all that, and a person can put it back."""
    account = await edge.open_account()
    await edge.deliver(account.id, "Poison")
    for count in range(1, 6):
        claimed = await claim(edge, account, lease_seconds=1)
        assert claimed
        assert (claimed["message"]["subject"], claimed["claim"]["claim_count"]) == ("Poison", count)
        await ahead(edge, account, 1)
    await edge.deliver(account.id, "Healthy")
    healthy = await claim(edge, account)
    assert healthy
    assert healthy["message"]["subject"] == "Healthy"
    url, key = f"/v1/inboxes/{account.id}/messages", bearer(account.inbox_api_key)
    [dead] = (await edge.http.get(url, params={"label": "dead-letter"}, headers=key)).json()["result"]["messages"]
    assert dead["subject"] == "Poison"
    thread = await edge.http.get(f"/v1/inboxes/{account.id}/threads/{dead['thread_id']}", headers=key)
    assert "dead-letter" in thread.json()["result"]["labels"]
    assert await claim(edge, account) is None
    await edge.http.patch(f"{url}/{dead['id']}", json={"labels": []}, headers=key)
    back = await claim(edge, account)
    assert back
    assert (back["message"]["subject"], back["claim"]["claim_count"]) == ("Poison", 1)


async def test_a_claim_takes_what_it_asks_for(edge: Edge) -> None:
    """By label, sender, subject, thread and code; what does not match stays for others."""
    account = await edge.open_account()
    for subject in ("Apple", "Pear"):
        await edge.deliver(account.id, subject)
    wrong: list[dict[str, object]] = [
        {"label": "x"}, {"from": "nobody@example.com"}, {"subject": "Plum"}, {"has_code": False},
        {"thread_id": "thr_" + "0" * 32},
    ]  # fmt: skip
    for wanted in wrong:
        assert await claim(edge, account, filter=wanted) is None, wanted
    pear = await claim(edge, account, filter={"subject": "pear", "from": "LOGIN@example.com", "has_code": True})
    assert pear
    apple = await claim(edge, account)
    assert apple
    assert [each["message"]["subject"] for each in (pear, apple)] == ["Pear", "Apple"]


async def test_no_two_agents_hold_the_same_mail(services: Services) -> None:
    """Twelve agents at two servers, some of which die with a mail in hand: each mail is handled exactly once."""
    async with serving(services) as one:
        other = replace(services, stopping=asyncio.Event(), bells=type(services.bells)())
        async with serving(other) as two:
            account = await one.open_account()
            mails = 40
            for number in range(mails):
                await one.deliver(account.id, f"{number}")
            held: set[str] = set()
            handled: Counter[str] = Counter()

            async def work(edge: Edge, *, dies: bool) -> None:
                while claimed := await claim(edge, account, lease_seconds=3600):
                    message = claimed["message"]["id"]
                    assert message not in held
                    held.add(message)
                    if dies:
                        return
                    await asyncio.sleep(0)
                    held.discard(message)
                    assert await end(edge, account, "ack", claimed) == (200, None)
                    handled[message] += 1

            await asyncio.gather(*(work(edge, dies=n % 3 == 0) for n in range(6) for edge in (one, two)))
            assert len(handled) + len(held) == mails
            assert held
            held.clear()
            await ahead(one, account, 3600)
            await asyncio.gather(*(work(edge, dies=False) for edge in (one, two)))
            assert (len(handled), set(handled.values())) == (mails, {1})


async def test_leases_run_by_one_clock(services: Services) -> None:
    """A server whose clock is a day ahead gives nobody's message away, nor does one that is behind hold it longer."""
    async with serving(services) as right:
        account = await right.open_account()
        await right.deliver(account.id)
        for days in (1, -1):
            wrong = replace(
                services, clock=lambda days=days: utc_now() + timedelta(days=days), stopping=asyncio.Event(),
                bells=type(services.bells)(),
            )  # fmt: skip
            async with serving(wrong) as other:
                held = await claim(right, account, lease_seconds=60)
                assert held
                assert await claim(other, account) is None
                assert await end(right, account, "release", held) == (200, None)
                held = await claim(other, account, lease_seconds=60)
                assert held
                assert await claim(right, account) is None
                await ahead(right, account, 60)
                again = await claim(right, account)
                assert again
                assert await end(right, account, "release", again) == (200, None)


async def test_a_lease_of_a_clock_put_back_is_over(edge: Edge) -> None:
    """It would end later than any lease may."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    assert await claim(edge, account)
    await ahead(edge, account, -86_400)
    assert await claim(edge, account)


async def test_what_is_handled_costs_a_claim_nothing(edge: Edge) -> None:
    """The queue is an index of what waits: a claim does not walk past what is done."""
    account = await edge.open_account()
    await edge.deliver(account.id, "Handled")
    account_id = ids.read(ids.Kind.ACCOUNT, account.account_id)
    async with edge.database.transaction() as db:
        await db.execute(
            """
            insert into messages (account_id, id, inbox_id, thread_id, raw_id, mail_from, rcpt_to, labels, from_address,
                                  subject, preview, has_code, size, received_at, direction, status, handled_at)
            select account_id, gen_random_uuid(), inbox_id, thread_id, raw_id, mail_from, rcpt_to, labels, from_address,
                   subject, preview, has_code, size, received_at, direction, status, now()
            from messages, generate_series(1, 20000) where account_id = $1
            """,
            account_id,
        )
        await db.execute("update messages set handled_at = now() where account_id = $1", account_id)
    await edge.deliver(account.id, "Waits")
    async with edge.database.read() as db:
        await db.execute("analyze messages")
        plan = await db.fetchval(
            """
            explain (analyze, format json) select m.id from messages m where m.account_id = $1 and m.inbox_id = $2
                and m.handled_at is null and m.deleted_at is null and m.direction = 'inbound'
                and (m.leased_until is null or m.leased_until <= now()) and m.claim_count < 5
            order by m.account_id, m.inbox_id, m.id limit 1 for no key update skip locked
            """,
            account_id, ids.read(ids.Kind.INBOX, account.id),
        )  # fmt: skip
    assert "messages_unhandled" in plan
    claimed = await claim(edge, account)
    assert claimed
    assert claimed["message"]["subject"] == "Waits"


@pytest.mark.parametrize(
    "body",
    [
        {"lease_seconds": 0},
        {"lease_seconds": 43_201},
        {"lease_seconds": 1e308},
        {"lease_seconds": "60"},
        {"filter": {"what": 1}},
        {"filter": {"thread_id": "msg_1"}},
        {"filter": []},
        {"more": 1},
    ],
)
async def test_a_claim_that_makes_no_sense_is_refused(edge: Edge, body: dict[str, object]) -> None:
    """By name, and nothing is leased."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    url = f"/v1/inboxes/{account.id}/messages/claim"
    answer = await edge.http.post(url, json=body, headers=bearer(account.inbox_api_key))
    assert (answer.status_code, answer.json()["error"]) == (422, "VALIDATION_FAILED")
    assert await claim(edge, account)


@pytest.mark.parametrize(("lease", "status"), [(NEVER, 409), ("x", 422), ("lease_", 422), ("", 422), (None, 422)])
async def test_a_lease_that_never_was_ends_nothing(edge: Edge, lease: str | None, status: int) -> None:
    """409 for one that is not held, 422 for what is none."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    claimed = await claim(edge, account)
    assert claimed
    url = f"/v1/inboxes/{account.id}/messages/{claimed['message']['id']}"
    for how in ("ack", "release"):
        answer = await edge.http.post(f"{url}/{how}", json={"lease_id": lease}, headers=bearer(account.inbox_api_key))
        assert answer.status_code == status, answer.text
    assert await end(edge, account, "ack", claimed) == (200, None)
