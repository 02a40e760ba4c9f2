"""`daimon serve` takes mail to be sent by SMTP, on both ports, and delivers it."""

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import httpx

from serving import FREE_PORTS, Serving

TIERS = '{"free": {"max_sends_per_day": 10, "concurrent_sends": 1}}'


def _send(client: smtplib.SMTP, user: str, key: str, subject: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Agent <agent@daimon.email>", "friend@daimon.email", subject
    mail.set_content("Hi.")
    client.login(user, key)
    client.send_message(mail)


async def test_submission(data_dir: Path, serve: Callable[..., Serving]) -> None:
    """By the settings that the API tells, to an inbox of the same server."""
    server = serve(data_dir, *FREE_PORTS, "--submission-tls-port=0", f"--tiers={TIERS}").ready()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with httpx.AsyncClient(base_url=server.api, timeout=60) as http:
        agent = (await http.post("/v1/inboxes", json={"username": "agent"})).json()["result"]
        http.headers["Authorization"] = f"Bearer {agent['account_api_key']}"
        friend = (await http.post("/v1/inboxes", json={"username": "friend"})).json()["result"]
        told = (await http.get("/v1/account/smtp")).json()["result"]
        assert told["port"] == server.submission_port

        def submit() -> None:
            key = agent["inbox_api_key"]
            with smtplib.SMTP(told["host"], told["port"], timeout=30) as client:
                client.starttls(context=context)
                _send(client, "agent@daimon.email", key, "by STARTTLS")
            with smtplib.SMTP_SSL(told["host"], told["tls_port"], timeout=30, context=context) as client:
                _send(client, told["username"], key, "by TLS")

        await asyncio.to_thread(submit)
        subjects = set()
        async with asyncio.timeout(30):
            while len(subjects) < 2:
                found = await http.get(f"/v1/inboxes/{friend['id']}/messages/wait?timeout=5")
                page = await http.get(f"/v1/inboxes/{friend['id']}/messages")
                assert found.status_code == 200
                subjects = {each["subject"] for each in page.json()["result"]["messages"]}
    assert subjects == {"by STARTTLS", "by TLS"}
