"""A domain of one's own on a whole server: the client, a real DNS, mail by SMTP; and the operator's commands."""

import asyncio
import json
import smtplib
from pathlib import Path

import pytest
from admin import Operator

from daimon_email import AsyncDaimonClient, DomainNotFound
from serving import FREE_PORTS, Serving
from zones import ZoneServer

ONE_FOR_ALL = json.dumps({"free": {"max_custom_domains": 1}})
MAIL = "From: a@example.com\r\nSubject: Hello\r\n\r\nHello\r\n"


def _send(port: int, to: str) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=30) as smtp:
        smtp.sendmail("a@example.com", [to], MAIL)


async def test_a_domain_from_its_claim_to_its_mail(tmp_path: Path) -> None:
    """Every call of the client; mail comes by SMTP to the inbox and to the catch-all, and stops with the domain."""
    async with ZoneServer() as zones:
        variables = {"DAIMON_DNS_RESOLVER": f"127.0.0.1:{zones.address[1]}", "DAIMON_TIERS": ONE_FOR_ALL}
        server = await asyncio.to_thread(lambda: Serving(tmp_path / "data", *FREE_PORTS, **variables).ready())
        try:
            async with AsyncDaimonClient(base_url=server.api) as nobody:
                first = await nobody.inboxes.create()
            async with AsyncDaimonClient(first.account_api_key, base_url=server.api) as client:
                await _walk(client, zones, server.smtp_port, first.id)
        finally:
            await asyncio.to_thread(server.end)


async def _walk(client: AsyncDaimonClient, zones: ZoneServer, port: int, catch_all: str) -> None:
    domain = await client.domains.create(domain="acme.example", client_id="acme")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        await asyncio.to_thread(_send, port, "early@acme.example")
    assert refused.value.recipients["early@acme.example"][0] == 550
    assert (await client.domains.zone_file(domain.id)).count("\tIN\t") == len(domain.records)
    for each in domain.records:
        zones.add(each.type, each.name, f"{each.priority} {each.value}." if each.type == "MX" else each.value)
    verified = await client.domains.verify(domain.id)
    assert (verified.status, {each.status for each in verified.records}) == ("verified", {"verified"})
    inbox = await client.inboxes.create(domain="acme.example", username="sales")
    updated = await client.domains.update(domain.id, catch_all_inbox_id=catch_all)
    assert updated.catch_all_inbox_id == catch_all
    for address, reached in (("sales+x@acme.example", inbox.id), ("any@acme.example", catch_all)):
        await asyncio.to_thread(_send, port, address)
        message = await client.messages.wait(reached, timeout=30)
        assert message
        assert message.subject == "Hello"
    assert [each.id for each in (await client.domains.list(status="verified")).result] == [domain.id]
    assert len((await client.domains.rotate_dkim(domain.id)).records) == len(domain.records) + 2
    assert (await client.domains.delete(domain.id)).id == domain.id
    with pytest.raises(DomainNotFound):
        await client.domains.get(domain.id)
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        await asyncio.to_thread(_send, port, "later@acme.example")


async def test_the_operator_lists_and_rotates_the_service_domains_keys(operator: Operator) -> None:
    """The first keys are made where there are none; a rotation that runs is not begun again."""
    listed = operator.gives("domain", "list")["records"]
    assert [each["stage"] for each in listed if each["stage"]] == ["current", "current"]
    assert {"MX", "TXT"} == {each["type"] for each in listed}
    assert operator.gives("domain", "list")["records"] == listed
    rotated = operator.gives("domain", "rotate-dkim")["records"]
    assert sorted(each["stage"] for each in rotated if each["stage"]) == ["current", "current", "next", "next"]
    assert "wait to be published" in operator.refuses("domain", "rotate-dkim")
    assert "_dmarc.daimon.email" in operator.says("domain", "list")
