"""Nothing that a stranger can write into a mail stands before a model as the server's own word."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from looking import Looking
from mcp_clients import by_http, by_stdio, opened
from mcp_types import ResourceTemplateReference
from stranger import CANARY, FORGED_ID, FORGED_MOMENT, IN_FORM, MAIL, deliver, peer, report

from daimon.api.catalog import OPERATIONS
from daimon.mcp.tools import CALL, FIND, LEFT_OUT, TOOLS
from serving import FREE_PORTS, Serving


@pytest.fixture
def start(prepared: Path, tmp_path: Path) -> Iterator[Callable[[int], Serving]]:
    """Start a server whose mail goes out over a relay, and whose free accounts send."""
    started: list[Serving] = []

    def run(relay: int) -> Serving:
        subprocess.run(["cp", "-a", prepared, tmp_path / "data"], check=True)
        tiers = '--tiers={"free": {"max_sends_per_day": 100, "concurrent_sends": 5}}'
        variables = {"DAIMON_SMTP_RELAY": f"127.0.0.1:{relay}", "DAIMON_FREE_CREATES_PER_HOUR": "1000"}
        started.append(Serving(tmp_path / "data", *FREE_PORTS, tiers, **variables).ready())
        return started[-1]

    yield run
    for each in started:
        assert each.end() == 0


async def until(look: Callable[[], Any], done: Callable[[Any], bool]) -> Any:
    """Look again and again until it is done."""
    async with asyncio.timeout(60):
        while not done(seen := await look()):
            pass
        return seen


@pytest.mark.parametrize("connect", [by_http, by_stdio])
async def test_no_word_of_a_stranger_is_told_as_the_servers(start: Callable[[int], Serving], connect: Any) -> None:
    """Not by any tool, any operation that reads, any resource, and not by an error."""
    async with peer() as (relay, return_paths):
        server = start(relay)
        account = opened(server)
        inbox = account["id"]
        key = {"Authorization": f"Bearer {account['account_api_key']}"}
        async with (
            httpx.AsyncClient(base_url=server.api, headers=key, timeout=60) as http,
            connect(server, account["account_api_key"]) as session,
        ):
            model = Looking(session)
            await asyncio.to_thread(deliver, server, account["email"], MAIL)
            got = (await model.call("wait_for_email", inbox_id=inbox))["result"]
            message, thread = got["id"], got["thread_id"]
            await asyncio.to_thread(deliver, server, account["email"], IN_FORM)
            await model.call("wait_for_email", inbox_id=inbox, after=message)

            sent = [
                (await model.call("send_email", inbox_id=inbox, to=f"{to}@canarypeer.example", subject="canarysent"))
                for to in ("taken", "refused")
            ]
            taken = sent[0]["result"]
            for each in sent:
                await until(
                    lambda each=each: model.call(
                        "get_delivery_status", inbox_id=inbox, message_id=each["result"]["id"]
                    ),
                    lambda seen: seen["result"]["deliveries"][0]["status"] in ("sent", "bounced"),
                )
            put_off = (
                await model.call("send_email", inbox_id=inbox, to="soft-bounce@simulator.daimon.email", subject="Hi")
            )["result"]
            await until(
                lambda: model.call("get_delivery_status", inbox_id=inbox, message_id=put_off["id"]),
                lambda seen: seen["result"]["deliveries"][0]["status"] == "deferred",
            )
            await model.call("cancel_email", inbox_id=inbox, message_id=put_off["id"])
            await asyncio.to_thread(report, server, return_paths[0], taken["message_id"])
            await until(
                lambda: model.call("get_delivery_status", inbox_id=inbox, message_id=taken["id"]),
                lambda seen: seen["result"]["deliveries"][0]["status"] == "bounced",
            )

            blocking = {"direction": "inbound", "action": "block", "value": "canarydomain.example"}
            assert (await http.post("/v1/rules", json=blocking)).status_code == 201
            await asyncio.to_thread(deliver, server, account["email"], IN_FORM)
            kept = (
                await until(
                    lambda: model.call("list_emails", inbox_id=inbox, label="blocked"),
                    lambda seen: seen["result"]["messages"],
                )
            )["result"]["messages"][0]["id"]
            await model.perform("unblock_message", inbox_id=inbox, message_id=kept)

            mail = {"inbox_id": inbox, "message_id": message}
            for attachment in got["attachments"]:
                await model.call("get_attachment", **mail, attachment_id=attachment["id"])
            await model.call("who_am_i")
            await model.call("create_inbox", display_name="canarytenant")
            await model.call("list_inboxes")
            await model.call("get_inbox", inbox_id=inbox)
            await model.call("search_emails", inbox_id=inbox, q="canarysubject")
            await model.call("read_email", **mail)
            await model.call("label_email", **mail, labels=["canarylabel", FORGED_ID])
            await model.call("list_threads", inbox_id=inbox)
            await model.call("read_thread", inbox_id=inbox, thread_id=thread)
            await model.call("reply_to_email", **mail, body="canaryanswer")
            await model.call("reply_all_to_email", **mail, body="canaryanswer", dry_run=True)
            await model.call("forward_email", **mail, to="canaryfriend@canarypeer.example")
            draft = await model.call("write_draft", inbox_id=inbox, to="taken@canarypeer.example", subject="canary")
            await model.call("list_drafts", inbox_id=inbox)
            chosen = {"inbox_id": inbox, "draft_id": draft["result"]["id"]}
            await model.call("change_draft", **chosen, body="canaryanswer", subject=FORGED_ID)
            await model.call("read_draft", **chosen)
            await model.call("send_draft", inbox_id=inbox, draft_id=draft["result"]["id"])
            await model.call("delete_draft", inbox_id=inbox, draft_id=draft["result"]["id"])
            lease = {"lease_id": (await model.call("claim_email", inbox_id=inbox))["result"]["claim"]["lease_id"]}
            for each in (await model.call("list_emails", inbox_id=inbox))["result"]["messages"]:
                where = {"inbox_id": inbox, "message_id": each["id"]}
                await model.call("release_email", **where, **lease)
                await model.call("ack_email", **where, **lease)

            await read_everything(model, {**mail, "thread_id": thread, "draft_id": draft["result"]["id"]})
            for uri in (f"daimon://inboxes/{inbox}", f"daimon://inboxes/{inbox}/threads/{thread}"):
                await model.read(uri)
            assert CANARY not in (await session.list_resources()).model_dump_json()
            for name in ("inbox_id", "thread_id"):
                completed = await session.complete(TEMPLATE, {"name": name, "value": ""}, {"inbox_id": inbox})
                assert completed.completion.values
                assert CANARY not in completed.model_dump_json()

            await refuse(model, http, mail)
            await model.call(FIND, words="canary")
            await model.call("delete_email", **mail)
            await model.call("delete_inbox", inbox_id=inbox)
            assert {*(tool.name for tool in TOOLS), FIND, CALL} <= model.called
            for word in LANDED:
                assert word in model.fenced, word


TEMPLATE = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}/threads/{thread_id}")

# To be sure that the mails came through with their words, in the fence.
LANDED = (
    "canarydisplay", "canarylocal", "canaryreplyname", "canarycc", "canarysubject", "canarymessageid",
    "canaryinreplyto", "canaryref2", "canaryheader", "canaryheadervalue", "canarylist", "canaryunsubscribe",
    "canaryboundary", "CANARY12", "canarybody", "canaryhtml", "canarylink.example", "canarylinktext",
    "canaryfile.exe", "x-canarytype", "canarycontentid", FORGED_ID, FORGED_MOMENT, "canarytextfile", "canarytag",
    "canarydiagnostic", "canaryrefusal",
)  # fmt: skip


async def read_everything(model: Looking, known: dict[str, str]) -> None:
    """Call each operation that reads and needs nothing that is not at hand, with what makes it tell most."""
    for each in OPERATIONS:
        needed = {name for name, _ in each.params}
        if each.method != "GET" or each.name in LEFT_OUT or not needed <= known.keys():
            continue
        arguments = {name: known[name] for name in needed}
        if each.name == "list_messages":
            arguments["include"] = "body"
        await model.perform(each.name, **arguments)
    assert {"get_raw_message", "list_events", "list_audit", "list_suppressions", "list_threads"} <= model.called


async def refuse(model: Looking, http: httpx.AsyncClient, mail: dict[str, str]) -> None:
    """Let the API refuse with the words of others: the address that a reply goes to, and what was asked for."""
    rule = {"direction": "outbound", "action": "block", "value": "canaryreply@example.com"}
    assert (await http.post("/v1/rules", json=rule)).status_code == 201
    refused = await model.call("reply_to_email", **mail, body="Hi.", client_id="anew")
    assert refused["error"] == "RECIPIENT_BLOCKED"
    assert "message" not in refused  # it names the address
    assert refused["next_steps"]
    wrong = await model.perform("create_rule", direction="canarydirection", action="block", value="canary canary")
    assert wrong["error"] == "VALIDATION_FAILED"
    unknown = await model.call("get_inbox", inbox_id=f"{mail['inbox_id'][:-4]}0000")
    assert unknown["message"]  # which is the server's own
