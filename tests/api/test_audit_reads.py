"""Mail that is read by a wider key than the inbox's own leaves a row, before it is shown."""

import asyncio
from dataclasses import replace

from daimon.api.services import Services
from daimon.audit.reads import ReadLog
from daimon.db.engine import Database

from .conftest import Edge, bearer, serving
from .trails import message_in, trail_of, uuid_of, verdict_on
from .worlds import READS, call, make_world


async def test_reads_by_a_wider_key_are_recorded(edge: Edge) -> None:
    """One message, its octets, a link to an attachment, a list, a wait: one entry each, before the answer leaves."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    message = await message_in(edge, account)
    inbox, one = f"/v1/inboxes/{account.email}/messages", message["id"]
    attachment = message["attachments"][0]["id"]
    reads = [
        (f"{inbox}/{one}", one, {"operation": "get_message"}),
        (f"{inbox}/{one}/raw", one, {"operation": "get_raw_message"}),
        (f"{inbox}/{one}/attachments/{attachment}", one, {"operation": "get_attachment", "attachment_id": attachment}),
        (f"{inbox}/wait?timeout=0", one, {"operation": "wait_for_message"}),
        (inbox, account.id, {"operation": "list_messages", "count": 1, "first": one, "last": one}),
        (f"{inbox}?include=body", account.id, {"operation": "list_messages", "count": 1, "first": one, "last": one}),
    ]
    for number, (url, target, after) in enumerate(reads, start=2):
        answer = await edge.http.get(url, headers=key)
        assert answer.status_code == 200, answer.text
        entry = (await trail_of(edge, account, limit=1))[0]
        assert (entry["number"], entry["action"], entry["target"]) == (number, "read_message", target)
        assert (entry["before"], entry["after"], entry["inbox_id"]) == (None, after, account.id)
        assert (entry["actor"]["kind"], entry["actor"]["ip"]) == ("key", "127.0.0.1")
        assert entry["request_id"] == answer.headers["x-request-id"]
    assert await verdict_on(edge, account) == (1 + len(reads), None)


async def test_whatever_shows_what_a_mail_says_leaves_an_entry(edge: Edge) -> None:
    """Of every operation that reads, called with an account key: one that is added later cannot escape the trail."""
    world, said = await make_world(edge), "a-word-beyond-the-preview"
    text = b"From: a@example.com\r\nSubject: long\r\n\r\n" + b"some words first\r\n" * 40
    await edge.deliver(world.inboxes["a"], octets=text + said.encode() + b"\r\n")
    messages = await edge.http.get(f"/v1/inboxes/{world.inboxes['a']}/messages", headers=bearer(world.account_key))
    newest = messages.json()["result"]["messages"][0]
    world.ids.update(message_id=newest["id"], thread_id=newest["thread_id"])
    last = "select number from audit_chains where account_id = $1"
    showed = set()
    for each in READS:
        async with edge.database.read() as db:
            before = await db.fetchval(last, world.account)
        answer = await call(edge, each, world, world.account_key)
        async with edge.database.read() as db:
            after = await db.fetchval(last, world.account)
        if said in answer.text:
            assert after == before + 1, each.name
            showed.add(each.name)
    assert showed >= {"get_message", "get_raw_message", "list_messages"}


async def test_other_reads_are_not(edge: Edge) -> None:
    """The inbox's own key, a list or a wait without a result, what does not exist, the link itself."""
    account = await edge.open_account()
    own, wide = bearer(account.inbox_api_key), bearer(account.account_api_key)
    empty = await edge.create_inbox(account.account_api_key)
    message = await message_in(edge, account)
    one = f"/v1/inboxes/{account.id}/messages/{message['id']}"
    before = len(await trail_of(edge, account))
    for url in ("", "/raw", f"/attachments/{message['attachments'][0]['id']}"):
        answer = await edge.http.get(one + url, headers=own)
        assert answer.status_code == 200
    link = answer.json()["result"]["url"].removeprefix(edge.services.public_url)
    assert (await edge.http.get(link)).status_code == 200
    for url in ("/messages?include=body", "/messages/wait?timeout=0"):
        assert (await edge.http.get(f"/v1/inboxes/{account.id}{url}", headers=own)).status_code == 200
        assert (await edge.http.get(f"/v1/inboxes/{empty['id']}{url}", headers=wide)).status_code == 200
    for url in ("", "/raw"):
        missing = f"/v1/inboxes/{account.id}/messages/msg_{'0' * 32}{url}"
        assert (await edge.http.get(missing, headers=wide)).status_code == 404
    assert len(await trail_of(edge, account)) == before


async def test_what_cannot_be_recorded_is_not_shown(services: Services) -> None:
    """503 and no mail while the trail cannot be written; the inbox's own key reads on."""
    away = await Database.open(services.db.url, connections=1)
    async with serving(replace(services, reads=ReadLog(away, services.trail))) as edge:
        account = await edge.open_account()
        message = await message_in(edge, account)
        url, key = f"/v1/inboxes/{account.id}/messages/{message['id']}", bearer(account.account_api_key)
        assert (await edge.http.get(url, headers=key)).status_code == 200
        await away.close()
        for path in ("", "/raw", "/attachments/" + message["attachments"][0]["id"]):
            refused = await edge.http.get(url + path, headers=key)
            assert (refused.status_code, refused.json()["error"]) == (503, "UNAVAILABLE")
            assert refused.headers["retry-after"] == "1"
            assert "123456" not in refused.text
        assert (await edge.http.get(url, headers=bearer(account.inbox_api_key))).status_code == 200
        assert len(await trail_of(edge, account)) == 2


async def test_reads_at_once_share_commits_and_starve_nobody(edge: Edge) -> None:
    """Far more reads than there are connections are all answered, in fewer commits than reads."""
    accounts = [await edge.open_account() for _ in range(4)]
    messages = [await message_in(edge, account) for account in accounts]
    count = "select count(distinct xmin::text) from audit where action = 'read_message' and account_id = any($1)"
    answers = await asyncio.gather(*(
        edge.http.get(f"/v1/inboxes/{account.id}/messages/{message['id']}", headers=bearer(account.account_api_key))
        for account, message in zip(accounts, messages, strict=True) for _ in range(25)
    ))  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    async with edge.database.read() as db:
        commits = await db.fetchval(count, [uuid_of(account.account_id) for account in accounts])
    assert commits < 100
    for account in accounts:
        assert await verdict_on(edge, account) == (26, None)
