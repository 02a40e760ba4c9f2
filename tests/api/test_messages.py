"""Messages and their attachments over HTTP."""

import asyncio
from urllib.parse import urlsplit
from uuid import UUID

import pytest

from daimon.kit.clock import utc_now

from .conftest import Edge, bearer
from .podding import uuid_of


async def test_a_list_shows_the_newest_first_without_long_parts(edge: Edge) -> None:
    """Lists leave out HTML and headers unless `include=body`."""
    account = await edge.open_account()
    for subject in ("first", "second"):
        await edge.deliver(account.id, subject)
    url, key = f"/v1/inboxes/{account.email}/messages", bearer(account.inbox_api_key)
    page = (await edge.http.get(url, headers=key)).json()["result"]
    assert [message["subject"] for message in page["messages"]] == ["second", "first"]
    assert (page["has_more"], page["next_cursor"]) == (False, None)
    assert not {"headers", "body_html"} & set(page["messages"][0])
    whole = (await edge.http.get(url, params={"include": "body", "limit": 1}, headers=key)).json()["result"]
    assert "headers" in whole["messages"][0]
    assert whole["has_more"]


async def test_a_cursor_leads_through_all_messages_either_way(edge: Edge) -> None:
    """Pages join without gap or repetition."""
    account = await edge.open_account()
    subjects = [f"mail {number}" for number in range(5)]
    for subject in subjects:
        await edge.deliver(account.id, subject)
    for sort, expected in (("oldest", subjects), ("newest", subjects[::-1])):
        seen: list[str] = []
        query: dict[str, str] = {"limit": "2", "sort": sort}
        while True:
            answer = await edge.http.get(
                f"/v1/inboxes/{account.id}/messages", params=query, headers=bearer(account.inbox_api_key)
            )
            page = answer.json()["result"]
            seen += [message["subject"] for message in page["messages"]]
            if not page["has_more"]:
                break
            query["cursor"] = page["next_cursor"]
        assert seen == expected


async def test_a_message_is_read_marked_and_deleted(edge: Edge) -> None:
    """GET shows all of it, PATCH changes labels and read mark, DELETE makes it a 404."""
    account = await edge.open_account()
    await edge.deliver(account.id, "Hello")
    key = bearer(account.inbox_api_key)
    listed = (await edge.http.get(f"/v1/inboxes/{account.id}/messages", headers=key)).json()["result"]["messages"][0]
    url = f"/v1/inboxes/{account.id}/messages/{listed['id']}"
    whole = (await edge.http.get(url, headers=key)).json()["result"]
    assert whole["codes"][0]["code"] == "123456"
    assert whole["headers"]["subject"] == ["Hello"]
    assert whole["from_address"] == "login@example.com"
    patched = (await edge.http.patch(url, json={"read": True, "labels": ["done"]}, headers=key)).json()["result"]
    assert (patched["read"], patched["labels"]) == (True, ["done"])
    unread = await edge.http.get(f"/v1/inboxes/{account.id}/messages", params={"unread": "true"}, headers=key)
    assert unread.json()["result"]["messages"] == []
    assert (await edge.http.delete(url, headers=key)).json()["result"]["deleted"] is True
    assert (await edge.http.get(url, headers=key)).json()["error"] == "MESSAGE_NOT_FOUND"


async def test_raw_is_what_was_received_to_the_octet(edge: Edge) -> None:
    """`raw` answers message/rfc822 with the very octets."""
    account = await edge.open_account()
    octets = await edge.deliver(account.id)
    key = bearer(account.inbox_api_key)
    listed = (await edge.http.get(f"/v1/inboxes/{account.id}/messages", headers=key)).json()["result"]["messages"][0]
    raw = await edge.http.get(f"/v1/inboxes/{account.id}/messages/{listed['id']}/raw", headers=key)
    assert raw.content == octets
    assert raw.headers["content-type"] == "message/rfc822"
    head = await edge.http.head(f"/v1/inboxes/{account.id}/messages/{listed['id']}/raw", headers=key)
    assert (head.content, head.headers["content-length"]) == (b"", str(len(octets)))


async def test_an_attachment_link_needs_no_key_and_cannot_be_altered(edge: Edge) -> None:
    """The signed link answers the content, to be saved and never run; one changed character makes it a 403."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    key = bearer(account.inbox_api_key)
    message = (await edge.http.get(f"/v1/inboxes/{account.id}/messages", headers=key)).json()["result"]["messages"][0]
    attachment = message["attachments"][0]
    url = f"/v1/inboxes/{account.id}/messages/{message['id']}/attachments/{attachment['id']}"
    link = (await edge.http.get(url, headers=key)).json()["result"]
    assert set(link) == {"url", "expires_at", "filename", "content_type", "size"}
    path = urlsplit(link["url"]).path
    content = await edge.http.get(path)
    assert content.content.strip() == b"<script>alert(1)</script>"
    assert content.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in content.headers["content-security-policy"]
    altered = path[:-9] + ("A" if path[-9] != "A" else "B") + path[-8:]  # the last letter may hold bits of no meaning
    for wrong in (altered, path[:30], "/v1/downloads/x", "/v1/downloads/%00%ff"):
        assert (await edge.http.get(wrong)).status_code in (403, 404)
    await edge.http.delete(f"/v1/inboxes/{account.id}/messages/{message['id']}", headers=key)
    assert (await edge.http.get(path)).status_code == 404


async def test_wait_answers_at_once_with_an_unread_message(edge: Edge) -> None:
    """Without `after`, what is unread already is the answer."""
    account = await edge.open_account()
    await edge.deliver(account.id, "early")
    answer = await edge.http.get(f"/v1/inboxes/{account.id}/messages/wait", headers=bearer(account.inbox_api_key))
    assert answer.json()["result"]["subject"] == "early"


async def test_wait_is_answered_by_the_commit(fresh_edge: Edge) -> None:
    """A long poll that is waiting answers with the message whose commit it hears of, and skips what does not match."""
    account = await fresh_edge.open_account()
    url, key = f"/v1/inboxes/{account.email}/messages/wait", bearer(account.inbox_api_key)
    poll = asyncio.create_task(fresh_edge.http.get(url, params={"timeout": 20, "subject": "wanted"}, headers=key))
    await fresh_edge.bells.lent.wait()
    await fresh_edge.deliver(account.id, "another")
    await fresh_edge.deliver(account.id, "the wanted one")
    assert (await poll).json()["result"]["subject"] == "the wanted one"


async def test_wait_without_a_message_answers_null(edge: Edge) -> None:
    """After `timeout` the result is null, with status 200."""
    account = await edge.open_account()
    url, key = f"/v1/inboxes/{account.id}/messages/wait", bearer(account.inbox_api_key)
    for after in (None, utc_now().isoformat(), "msg_" + "f" * 32):
        query = {"timeout": "0"} | ({"after": after} if after else {})
        answer = await edge.http.get(url, params=query, headers=key)
        assert (answer.status_code, answer.json()["result"]) == (200, None)


async def test_a_stopping_server_ends_its_long_polls(fresh_edge: Edge) -> None:
    """Whoever waits is answered null when the server stops, and does not hold it up."""
    account = await fresh_edge.open_account()
    url, key = f"/v1/inboxes/{account.id}/messages/wait", bearer(account.inbox_api_key)
    poll = asyncio.create_task(fresh_edge.http.get(url, params={"timeout": 100}, headers=key))
    await fresh_edge.bells.lent.wait()
    fresh_edge.services.stopping.set()
    fresh_edge.services.bells.ring_all()
    assert (await poll).json()["result"] is None


async def test_a_client_that_leaves_stops_waiting(fresh_edge: Edge) -> None:
    """A long poll whose client is gone keeps nothing."""
    account = await fresh_edge.open_account()
    _, writer = await asyncio.open_connection("127.0.0.1", fresh_edge.port)
    head = f"GET /v1/inboxes/{account.id}/messages/wait?timeout=100 HTTP/1.1\r\nHost: x\r\n"
    writer.write(f"{head}Authorization: Bearer {account.inbox_api_key}\r\n\r\n".encode())
    await fresh_edge.bells.lent.wait()
    writer.close()
    await writer.wait_closed()
    await fresh_edge.bells.returned.wait()


async def test_wait_goes_on_from_a_place_in_the_sequence(edge: Edge) -> None:
    """By an event's number or id, and says the number of what it found; so nothing is missed and nothing twice."""
    account = await edge.open_account()
    other = await edge.create_inbox(account.account_api_key)
    for subject in ("One", "Two", "Three"):
        await edge.deliver(other["id"], "Elsewhere")
        await edge.deliver(account.id, subject)
    url, key = f"/v1/inboxes/{account.id}/messages/wait", bearer(account.account_api_key)
    events = (await edge.http.get("/v1/events", headers=key)).json()["result"]["events"]
    found, place = [], "0"
    for _ in range(3):
        answer = await edge.http.get(url, params={"after": place}, headers=key)
        place = answer.headers["x-daimon-sequence"]
        found.append((answer.json()["result"]["subject"], int(place)))
    assert found == [("One", 4), ("Two", 6), ("Three", 8)]
    by_id = await edge.http.get(url, params={"after": events[4]["event_id"]}, headers=key)  # what is told fifth
    assert by_id.json()["result"]["subject"] == "Two"
    assert (await edge.http.get(url, params={"after": place, "timeout": 0}, headers=key)).json()["result"] is None
    poll = asyncio.create_task(edge.http.get(url, params={"after": place}, headers=key))
    await edge.deliver(account.id, "Four")
    answer = await poll
    assert (answer.json()["result"]["subject"], answer.headers["x-daimon-sequence"]) == ("Four", "9")


@pytest.mark.parametrize(("place", "status"), [("99", 400), ("evt_" + "0" * 32, 400), ("9" * 40, 400), ("²", 422)])
async def test_wait_refuses_what_is_no_place(edge: Edge, place: str, status: int) -> None:
    """As a list of events does."""
    account = await edge.open_account()
    url = f"/v1/inboxes/{account.id}/messages/wait"
    answer = await edge.http.get(url, params={"after": place}, headers=bearer(account.inbox_api_key))
    assert answer.status_code == status, answer.text


async def test_wait_goes_on_where_events_are_not_kept(edge: Edge) -> None:
    """What was told before is passed over, though its events are gone; a place before what is kept is refused."""
    account = await edge.open_account()
    await edge.deliver(account.id, "Old")
    async with edge.database.read() as db:
        await db.execute("delete from events where account_id = $1", uuid_of(account))
    url, key = f"/v1/inboxes/{account.id}/messages/wait", bearer(account.inbox_api_key)
    assert (await edge.http.get(url, params={"after": "2", "timeout": 0}, headers=key)).json()["result"] is None
    await edge.deliver(account.id, "New")
    answer = await edge.http.get(url, params={"after": "2"}, headers=key)
    assert (answer.json()["result"]["subject"], answer.headers["x-daimon-sequence"]) == ("New", "3")
    expired = await edge.http.get(url, params={"after": "1"}, headers=key)
    assert (expired.status_code, expired.json()["error"]) == (410, "CURSOR_EXPIRED")


async def test_wait_goes_by_the_order_of_commits(edge: Edge) -> None:
    """A message whose id is smaller than that of one before it, by a clock that ran behind, is not missed."""
    account = await edge.open_account()
    for subject in ("One", "Two"):
        await edge.deliver(account.id, subject)
    url, key = f"/v1/inboxes/{account.id}/messages/wait", bearer(account.inbox_api_key)
    first = await edge.http.get(url, params={"after": "1"}, headers=key)
    early = UUID(int=uuid_of(account).int & ~0xFFFF)
    async with edge.database.transaction() as db:
        late = await db.fetchval("select id from messages where account_id = $1 and subject = 'Two'", uuid_of(account))
        await db.execute("update messages set id = $3 where account_id = $1 and id = $2", uuid_of(account), late, early)
        await db.execute(
            "update events set data = replace(data::text, $2, $3)::json where account_id = $1",
            uuid_of(account), late.hex, early.hex,
        )  # fmt: skip
    assert early < late
    answer = await edge.http.get(url, params={"after": first.headers["x-daimon-sequence"]}, headers=key)
    assert (answer.json()["result"]["subject"], answer.headers["x-daimon-sequence"]) == ("Two", "3")
