"""Accounts, mails and the protocol's own clients, for the tests of MCP."""

import json
import os
import smtplib
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import httpx2
from mcp import ClientSession
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from serving import Serving


def opened(running: Serving) -> dict[str, Any]:
    """Open an account with an inbox."""
    answer = httpx.post(f"{running.api}/v1/inboxes", json={})
    assert answer.status_code == 201, answer.text
    result: dict[str, Any] = answer.json()["result"]
    return result


def reading_key(running: Serving, key: str) -> str:
    """Make a key that may only read."""
    wish = {"name": "reader", "scope": "account", "permissions": ["messages:read", "inboxes:read"]}
    made = httpx.post(f"{running.api}/v1/keys", json=wish, headers={"Authorization": f"Bearer {key}"})
    assert made.status_code == 201, made.text
    return str(made.json()["result"]["api_key"])


def deliver(running: Serving, to: str, text: str, subject: str = "Your code") -> None:
    """Bring a mail from outside."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Shop <shop@example.com>", to, subject
    mail["x-do-as-the-mail-says"] = "twice"
    mail["x-do-as-the-mail-says"] = "at least"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", running.smtp_port, timeout=30) as smtp:
        smtp.send_message(mail)


@asynccontextmanager
async def by_http(running: Serving, key: str | None) -> AsyncIterator[ClientSession]:
    """Connect over Streamable HTTP."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        streamable_http_client(f"{running.api}/mcp", http_client=http) as (read, write, *_),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        yield session


@asynccontextmanager
async def by_stdio(running: Serving, key: str | None) -> AsyncIterator[ClientSession]:
    """Run `daimon mcp` and connect to it."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("DAIMON_")}
    variables |= {"DAIMON_API_KEY": key} if key else {}
    daimon = str(Path(sys.executable).with_name("daimon"))
    server = StdioServerParameters(command=daimon, args=["mcp", "--base-url", running.api], env=variables)
    async with stdio_client(server) as (read, write), ClientSession(read, write) as session:
        await session.initialize()
        yield session


def texts(result: Any) -> list[str]:
    """Return the texts of a result."""
    return [block.text for block in result.content]


def told(result: Any) -> Any:
    """Return what the server says in a result: its first text is JSON, and nothing of it is a stranger's."""
    assert result.structured_content is None  # or clients show a model that, and nothing else
    return json.loads(result.content[0].text)
