"""The export of an account: one archive, made while it is sent, that holds everything and breaks off audibly."""

import asyncio
import io
import json
import mailbox
import re
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import cast
from uuid import UUID

import httpx
import pytest

from daimon.db.engine import Connection
from daimon.db.walls import TenantDatabase
from daimon.lifecycle import export
from daimon.lifecycle.export import archive

from .conftest import Edge, Opened, bearer
from .test_account import account_uuid
from .test_deletion import tables_with_account

_QUOTED = re.compile(rb"^>(>*From )", re.MULTILINE)


async def exported(edge: Edge, account: Opened) -> zipfile.ZipFile:
    """Return the archive of an account."""
    answer = await edge.http.get("/v1/account/export", headers=bearer(account.account_api_key))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="{account.account_id}-')
    found = zipfile.ZipFile(io.BytesIO(answer.content))
    assert found.testzip() is None
    return found


def mails_in(found: zipfile.ZipFile, name: str, folder: Path) -> list[bytes]:
    """Return the mails of an mbox in an archive, as any mail program reads them, unquoted."""
    (folder / "box").write_bytes(found.read(name))
    with closing(mailbox.mbox(folder / "box", create=False)) as box:
        return [_QUOTED.sub(rb"\1", box.get_bytes(key)) for key in box.keys()]  # noqa: SIM118 - a mailbox is no dict


async def test_three_hundred_mails_come_back_as_they_were(edge: Edge, tmp_path: Path) -> None:
    """Each octet of each mail, through several batches, with lines that an mbox has to quote."""
    account = await edge.open_account()
    second = await edge.create_inbox(account.account_api_key)
    empty = await edge.create_inbox(account.account_api_key)
    sent = []
    for number in range(300):
        tricky = b"From the start\r\n>From here\r\n>>From there\r\n\r\nFrom: not a header\r\n"
        body = b"x" * (400_000 if number % 50 == 0 else 10) + b"\r\n"
        mail = b"From: a@example.com\r\nSubject: number %d\r\nMessage-ID: <%d@x>\r\n\r\n" % (number, number)
        sent.append(await edge.deliver(account.id, octets=mail + tricky + body))
    await edge.deliver(second["id"], "elsewhere")

    found = await exported(edge, account)
    assert mails_in(found, f"{account.email}.mbox", tmp_path) == sent
    assert len(mails_in(found, f"{second['email']}.mbox", tmp_path)) == 1
    assert f"{empty['email']}.mbox" not in found.namelist()


async def test_the_archive_holds_every_part_and_no_secret(edge: Edge) -> None:
    """JSON is JSON, ids are those that clients know, and no key can be made from it."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    inbox = await edge.create_inbox(
        account.account_api_key, display_name="Ünïcode", metadata={"deep": [1, {"a": None}]}
    )
    await edge.deliver(inbox["id"])
    await edge.http.patch("/v1/account", json={"operator_email": "export@example.com"}, headers=key)
    found = await exported(edge, account)
    assert found.namelist()[:18] == [
        "account.json", "pods.json", "members.json", "teams.json", "keys.json", "inboxes.json", "domains.json",
        "rules.json", "suppressions.json", "drafts.json", "deliveries.jsonl", "usage.json", "charges.json",
        "splits.json", "split_reports.json", "split_report_lines.jsonl", "audit.jsonl", "events.jsonl",
    ]  # fmt: skip
    shown = json.loads(found.read("account.json"))
    assert (shown["account_id"], shown["operator_email"]) == (account.account_id, "export@example.com")
    assert json.loads(found.read("pods.json")) == []
    inboxes = {each["id"]: each for each in json.loads(found.read("inboxes.json"))}
    assert set(inboxes) == {account.id, inbox["id"]}
    assert inboxes[inbox["id"]]["display_name"] == "Ünïcode"
    assert inboxes[inbox["id"]]["metadata"] == {"deep": [1, {"a": None}]}
    keys = json.loads(found.read("keys.json"))
    assert {each["scope"] for each in keys} == {"account", "inbox"}
    assert [each["received"] for each in json.loads(found.read("usage.json"))] == [1]
    events = [json.loads(line) for line in found.read("events.jsonl").splitlines()]
    assert [each["sequence"] for each in events] == list(range(1, len(events) + 1))
    trail = [json.loads(line) for line in found.read("audit.jsonl").splitlines()]
    assert "update_account" in [each["action"] for each in trail]
    everything = b"".join(found.read(name) for name in found.namelist())
    for secret in (account.account_api_key, account.inbox_api_key, inbox["inbox_api_key"]):
        assert secret.encode() not in everything


async def test_an_export_is_in_the_audit_trail(edge: Edge) -> None:
    """It shows all mail to a key that is wider than any inbox's."""
    account = await edge.open_account()
    await exported(edge, account)
    async with edge.database.read() as db:
        rows = await db.fetch("select after::text from audit where account_id = $1", account_uuid(account))
    assert '{"exported":"the whole account"}' in [row["after"] for row in rows]


async def test_another_accounts_mail_is_not_in_it(edge: Edge) -> None:
    """Only what is the account's own is read."""
    mine, other = await edge.open_account(), await edge.open_account()
    await edge.deliver(other.id, "theirs")
    found = await exported(edge, mine)
    assert not [name for name in found.namelist() if name.endswith(".mbox")]
    assert other.account_id.encode() not in b"".join(found.read(name) for name in found.namelist())


async def test_a_deleted_account_can_still_be_exported(edge: Edge) -> None:
    """That is what the 30 days are for."""
    account = await edge.open_account()
    await edge.http.delete("/v1/account", headers=bearer(account.account_api_key))
    assert json.loads((await exported(edge, account)).read("account.json"))["deleted_at"]
    await edge.http.post("/v1/account/restore", headers=bearer(account.account_api_key))


async def test_one_export_of_an_account_at_a_time(edge: Edge) -> None:
    """A second one waits for its turn; when the first ends, or its client goes away, there is room again."""
    account = await edge.open_account()
    await edge.deliver(account.id, octets=b"Subject: large\r\n\r\n" + b"".join(b"%d\r\n" % n for n in range(3_000_000)))
    key = bearer(account.account_api_key)
    async with edge.http.stream("GET", "/v1/account/export", headers=key) as first:
        assert first.status_code == 200
        second = await edge.http.get("/v1/account/export", headers=key)
        assert (second.status_code, second.json()["code"]) == (429, "CONCURRENCY_LIMIT")
        assert second.headers["retry-after"] == "60"
    for _ in range(100):
        if account_uuid(account) not in export._running:
            break
        await asyncio.sleep(0.05)
    await exported(edge, account)


async def test_head_tells_what_a_get_would_answer(edge: Edge) -> None:
    """It makes no archive, and leaves nothing running."""
    account = await edge.open_account()
    answer = await edge.http.head("/v1/account/export", headers=bearer(account.account_api_key))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    await exported(edge, account)


async def test_a_failure_in_the_middle_is_seen_by_the_client(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection ends before the transfer does: no short archive passes for a whole one."""
    account = await edge.open_account()
    await edge.deliver(account.id)

    async def broken(*_: object) -> AsyncGenerator[bytes, None]:
        yield b"the beginning"
        raise RuntimeError("the disk is gone")

    monkeypatch.setattr(export.Export, "mails", broken)
    with pytest.raises(httpx.RemoteProtocolError):
        await edge.http.get("/v1/account/export", headers=bearer(account.account_api_key))
    monkeypatch.undo()
    await exported(edge, account)


async def test_no_connection_is_held_while_the_client_waits(edge: Edge) -> None:
    """An archive that is taken slowly costs the database nothing in between."""
    account = await edge.open_account()
    await edge.deliver(account.id)
    lent = 0

    class Counting:
        @asynccontextmanager
        async def read(self, account_id: UUID) -> AsyncIterator[Connection]:
            nonlocal lent
            lent += 1
            async with edge.services.db.read(account_id) as db:
                yield db
            lent -= 1

    principal = await edge.services.keys.principal(account.account_api_key)
    async for _ in archive(cast(TenantDatabase, Counting()), principal.scope, now=edge.services.clock()):
        assert lent == 0


# Tables that are no part of an archive, and why.
LEFT_OUT = {
    "accounts": "account.json", "operator_emails": "account.json",
    "grants": "members.json and teams.json", "team_members": "teams.json",
    "addresses": "inboxes.json", "subdomains": "pods.json", "verified_domains": "domains.json",
    "raw_mails": "the mboxes", "mail_contents": "read from the mail", "thread_refs": "read from the mail",
    "inbound_queue": "mail on its way in", "inbound_parked": "mail that could not be read yet: for the operator",
    "outbound_queue": "mail on its way out", "send_health": "counts of the abuse guard", "send_bodies": "the same",
    "last_leases": "passes by itself",
    "usage_lines": "what makes up usage.json", "inbox_placements": "passes with its reports",
    "former_pods": "the same", "split_books": "which of split_reports.json there are",
    "split_costs": "in split_reports.json",
    "usage_pod_days": "sums of usage.json", "usage_account_days": "sums of usage.json",
    "audit_chains": "the end of audit.jsonl", "event_sequences": "the end of events.jsonl",
    "client_ids": "each object has its own", "quotas": "counts of what is there",
    "rates": "passes by itself", "leases": "passes by itself", "idempotency": "passes by itself, sealed",
    "webhook_deliveries": "a log of 30 days", "webhook_replays": "a log of 30 days",
    "invoice_lines": "on the PDF of each in invoices.json", "billing_accounts": "kept by Stripe",
    "stripe_customers": "kept by Stripe", "stripe_events": "kept by Stripe", "upgrade_links": "secret",
    "meter_events": "sums of usage.json",
    "key_secrets": "secret", "links": "secret", "notices": "secret", "dkim_keys": "secret",
}  # fmt: skip


async def test_every_table_is_in_the_archive_or_left_out_on_purpose(edge: Edge) -> None:
    """A table that is added later is one or the other."""
    async with edge.database.read() as db:
        tables = await tables_with_account(db)
    assert sorted([*LEFT_OUT, *(table.table for table in export._TABLES)]) == tables


async def test_what_no_mbox_holds_of_mail_is_in_the_archive(edge: Edge) -> None:
    """Thread, labels and read mark of each message, in the order of the mbox; no deleted mail, no deleted inbox."""
    account = await edge.open_account()
    key = bearer(account.account_api_key)
    gone = await edge.create_inbox(account.account_api_key)
    for inbox_id in (account.id, account.id, account.id, gone["id"]):
        await edge.deliver(inbox_id)
    messages = f"/v1/inboxes/{account.id}/messages"
    third, second, first = (await edge.http.get(messages, headers=key)).json()["result"]["messages"]
    await edge.http.patch(f"{messages}/{first['id']}", json={"labels": ["done"], "read": True}, headers=key)
    await edge.http.delete(f"{messages}/{second['id']}", headers=key)
    await edge.http.delete(f"/v1/inboxes/{gone['id']}", headers=key)
    body = {"url": "http://127.0.0.1:4999/hook", "description": "all of it"}
    hook = (await edge.http.post("/v1/webhooks", json=body, headers=key)).json()["result"]

    found = await exported(edge, account)
    kept = [json.loads(line) for line in found.read("messages.jsonl").splitlines()]
    assert [(each["id"], each["inbox_id"], each["thread_id"], each["labels"], each["read"]) for each in kept] == [
        (first["id"], account.id, first["thread_id"], ["done"], True),
        (third["id"], account.id, third["thread_id"], [], False),
    ]
    threads = [json.loads(line) for line in found.read("threads.jsonl").splitlines()]
    assert {each["id"] for each in threads} == {first["thread_id"], third["thread_id"]}
    (webhook,) = json.loads(found.read("webhooks.json"))
    assert (webhook["id"], webhook["url"], webhook["status"]) == (hook["id"], body["url"], "active")
    assert hook["secret"].encode() not in b"".join(found.read(name) for name in found.namelist())
