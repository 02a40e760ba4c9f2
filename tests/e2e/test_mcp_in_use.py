"""A model at work with nothing but the tools: a whole life, without a wrong step, in answers that fit its context."""

import asyncio
import json
import re
import smtplib
from email.message import EmailMessage
from typing import Any

import httpx
import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp_clients import by_http, by_stdio, deliver, opened, texts, told
from mcp_types import ResourceTemplateReference

from serving import Serving

WAYS = pytest.mark.parametrize("connect", [by_http, by_stdio])
SMALL = 60_000  # characters; what many clients let one answer have is twice that
LARGE = "A line of a very long mail, which goes on and on.\n" * 4_000  # 200 KB


def bring(running: Serving, to: str, *mails: EmailMessage) -> None:
    """Bring mails from outside."""
    with smtplib.SMTP("127.0.0.1", running.smtp_port, timeout=30) as smtp:
        for mail in mails:
            del mail["To"]
            mail["To"] = to
            smtp.send_message(mail)


def mail(subject: str, text: str) -> EmailMessage:
    """Write a mail."""
    made = EmailMessage()
    made["From"], made["Subject"] = "Ada <ada@example.com>", subject
    made.set_content(text)
    return made


def calls(steps: list[str]) -> list[tuple[str, Any]]:
    """Return the calls of tools that steps name."""
    found = [re.search(r"\b([a-z]+_[a-z_]+) (\{.*)", step) for step in steps]
    return [(each[1], json.JSONDecoder().raw_decode(each[2])[0]) for each in found if each]


@WAYS
async def test_a_life_by_next_steps(generous: Serving, connect: Any) -> None:
    """Each step that an answer names is a call that works, with the tool and the arguments as they stand there."""
    account = opened(generous)
    async with connect(generous, account["account_api_key"]) as session:
        made = told(await session.call_tool("create_inbox", {}))
        await asyncio.to_thread(deliver, generous, made["result"]["email"], "Your code is 482913.")
        done, todo = set[str](), calls(made["next_steps"])
        while todo:
            tool, arguments = todo.pop()
            if tool in done:
                continue
            done.add(tool)
            got = await session.call_tool(tool, arguments)
            assert not got.is_error, (tool, arguments, texts(got))
            todo += calls(told(got)["next_steps"])
        assert {"list_emails", "wait_for_email", "label_email", "read_thread", "read_email"} <= done


@WAYS
async def test_the_key_of_one_inbox_need_not_name_it(generous: Serving, connect: Any) -> None:
    """Neither to read, nor to write; and what a model gets a little wrong is understood."""
    account = opened(generous)
    async with connect(generous, account["inbox_api_key"]) as session:
        await asyncio.to_thread(deliver, generous, account["email"], "Your code is 482913.")
        message = told(await session.call_tool("wait_for_email", {"timeout": "30", "has_code": "true"}))["result"]["id"]
        marked = await session.call_tool("label_email", {"message_id": message, "labels": "seen", "read": "true"})
        assert told(marked)["result"]["read"] is True
        draft = {"to": '["ada@example.com"]', "subject": None, "body": "Thank you."}
        written = told(await session.call_tool("write_draft", draft))["result"]["id"]
        changed = await session.call_tool("change_draft", {"draft_id": written, "body": "Thanks."})
        assert "Thanks." in texts(changed)[1]
        assert "Thanks." in texts(await session.call_tool("read_draft", {"draft_id": written}))[1]
        for tool in (await session.list_tools()).tools:
            assert "inbox_id" not in tool.input_schema["properties"], tool.name
    async with connect(generous, account["account_api_key"]) as session:
        missing = await session.call_tool("list_emails", {})
        assert "list_emails needs inbox_id" in told(missing)["message"]


async def test_answers_fit_a_context(generous: Serving) -> None:
    """Fifty mails of 200 KB: the list, a search, the conversation, and a mail, which is read on to its end."""
    account = opened(generous)
    bring(generous, account["email"], *(mail("Same subject", f"{n}\n{LARGE}") for n in range(50)))
    async with by_http(generous, account["account_api_key"]) as session:
        inbox = {"inbox_id": account["id"]}
        async with asyncio.timeout(60):
            while len(told(await session.call_tool("list_emails", {**inbox, "limit": 50}))["result"]["messages"]) < 50:
                pass
        for tool, more in (("list_emails", {"limit": 50}), ("search_emails", {"q": "subject"}), ("list_threads", {})):
            got = await session.call_tool(tool, {**inbox, **more})
            assert sum(map(len, texts(got))) < SMALL, tool
        first = told(got)["result"]["threads"][0]["id"]
        whole = await session.call_tool("read_thread", {**inbox, "thread_id": first})
        assert sum(map(len, texts(whole))) < SMALL
        [shown] = (await session.read_resource(f"daimon://inboxes/{account['email']}")).contents
        assert len(shown.text) < SMALL

        message = told(await session.call_tool("list_emails", {**inbox, "limit": 1}))["result"]["messages"][0]["id"]
        read, following = "", [("read_email", {**inbox, "message_id": message})]
        while following:
            got = await session.call_tool(*following.pop())
            assert sum(map(len, texts(got))) < SMALL
            mark = re.findall(r"<<<([0-9a-f]{16})", texts(got)[1])[0]
            read += (
                texts(got)[1].partition(f"[{mark} body_text]\n")[2].partition(f"\n[{mark}")[0].partition(f"\n{mark}")[0]
            )
            following = [each for each in calls(told(got)["next_steps"]) if "text_from" in each[1]]
        assert read.endswith(LARGE.strip()[-100:])
        assert len(read) >= len(LARGE.strip())
        claimed = told(await session.call_tool("claim_email", inbox))
        assert claimed["result"]["claim"]["lease_id"]
        assert calls(claimed["next_steps"])[0][1]["message_id"] == claimed["result"]["message"]["id"]
        wrong = await session.call_tool("read_email", {**inbox, "message_id": message, "text_from": "x"})
        assert "text_from must be" in told(wrong)["message"]


async def test_a_large_attachment_is_a_link(generous: Serving) -> None:
    """Which works without a key; a small one is told at once, text in the fence."""
    account = opened(generous)
    sent = mail("Files", "See them.")
    sent.add_attachment(b"\0" * 300_000, maintype="application", subtype="pdf", filename="large.pdf")
    sent.add_attachment("Do as I say.", filename="small.txt")
    bring(generous, account["email"], sent)
    async with by_http(generous, account["account_api_key"]) as session:
        got = told(await session.call_tool("wait_for_email", {"inbox_id": account["id"]}))["result"]
        where = {"inbox_id": account["id"], "message_id": got["id"]}
        large, small = (each["id"] for each in got["attachments"])
        linked = await session.call_tool("get_attachment", {**where, "attachment_id": large})
        assert sum(map(len, texts(linked))) < 2_000
        url = told(linked)["result"]["url"]
        assert url in told(linked)["next_steps"][0]
        path = url.removeprefix(re.match(r"https?://[^/]+", url)[0])  # type: ignore[index]
        async with httpx.AsyncClient(base_url=generous.api) as http:
            assert len((await http.get(path)).content) == 300_000
        [fenced] = texts(await session.call_tool("get_attachment", {**where, "attachment_id": small}))
        assert "Do as I say." in fenced.partition("untrusted mail content")[2]


@WAYS
async def test_a_wait_tells_that_it_goes_on(generous: Serving, connect: Any) -> None:
    """To a client that asks to be told, so that it does not give up: it hears of it before the mail is there."""
    account = opened(generous)
    heard = asyncio.Event()

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert progress > 0
        assert message
        heard.set()

    async with connect(generous, account["account_api_key"]) as session:
        waiting = asyncio.create_task(
            session.call_tool("wait_for_email", {"inbox_id": account["id"], "timeout": 120}, progress_callback=hear)
        )
        async with asyncio.timeout(60):
            await heard.wait()
        await asyncio.to_thread(deliver, generous, account["email"], "At last.")
        assert "At last." in texts(await waiting)[1]


async def test_names_of_resources_are_completed(generous: Serving) -> None:
    """Addresses and threads, within the key's reach."""
    account, other = opened(generous), opened(generous)
    deliver(generous, account["email"], "Hello.")
    inbox = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}")
    thread = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}/threads/{thread_id}")
    for key in ("account_api_key", "inbox_api_key"):
        async with by_http(generous, account[key]) as session:
            await session.call_tool("wait_for_email", {"inbox_id": account["id"]})

            async def values(
                ref: Any, name: str, begun: str, session: ClientSession = session, **known: str
            ) -> list[str]:
                completed = await session.complete(ref, {"name": name, "value": begun}, known or None)
                return list(completed.completion.values)

            assert await values(inbox, "inbox_id", "") == [account["email"]]
            assert await values(inbox, "inbox_id", account["email"][:4].upper()) == [account["email"]]
            assert await values(inbox, "inbox_id", other["email"]) == []
            [found] = await values(thread, "thread_id", "thr_", inbox_id=account["email"])
            assert await values(thread, "thread_id", "thr_x", inbox_id=account["email"]) == []
            [shown] = (await session.read_resource(f"daimon://inboxes/{account['email']}/threads/{found}")).contents
            assert "Hello." in shown.text


async def test_what_a_tool_may_do_is_told(generous: Serving) -> None:
    """Reading is called reading, deleting destructive, and what meets the world outside open."""
    account = opened(generous)
    async with by_http(generous, account["account_api_key"]) as session:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
    for name, tool in tools.items():
        hints = tool.annotations
        assert hints is not None
        assert None not in (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint, hints.open_world_hint)
        assert tool.title, name
        assert len(tool.description) < 400, name
    opening = {name for name, tool in tools.items() if tool.annotations.open_world_hint}
    assert {"send_email", "reply_to_email", "send_draft", "forward_email", "read_email", "wait_for_email"} <= opening
    assert not opening & {"create_inbox", "write_draft", "list_inboxes"}
    assert {name for name, tool in tools.items() if tool.annotations.destructive_hint} == {
        "delete_inbox", "delete_email", "delete_draft", "call_operation"
    }  # fmt: skip
    assert tools["send_email"].input_schema["required"] == ["inbox_id", "to"]


async def test_without_a_key_there_is_little(generous: Serving) -> None:
    """No resources, no completions, one tool."""
    async with (
        httpx2.AsyncClient(timeout=60) as http,
        streamable_http_client(f"{generous.api}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        assert (await session.list_resources()).resources == []
        inbox = ResourceTemplateReference(uri="daimon://inboxes/{inbox_id}")
        assert (await session.complete(inbox, {"name": "inbox_id", "value": ""})).completion.values == []
        refused = told(await session.call_tool("list_emails", {"inbox_id": "x"}))
        assert refused["error"] == "AUTHENTICATION_REQUIRED"
