"""Domains as their owners handle them: paid accounts, records in a real DNS, and a clock that can be put forward."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from daimon.api.services import Services
from daimon.db.ringer import Ringer
from daimon.events import rings
from daimon.inbound.directory import Directory
from daimon.kit import ids
from daimon.kit.clock import utc_now
from daimon.kit.dns import Dns
from daimon.mail.address import parse_address
from daimon.worker import domains as worker
from zones import ZoneServer

from .conftest import Edge, Opened, bearer, serving


@dataclass
class Clock:
    """The time of a test's server."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


@dataclass
class Registrar:
    """A server that asks the test's DNS."""

    edge: Edge
    zones: ZoneServer
    clock: Clock

    async def account(self, tier: str = "growth") -> Opened:
        """Open an account of a tier."""
        opened = await self.edge.open_account()
        account_id = ids.read(ids.Kind.ACCOUNT, opened.account_id)
        async with self.edge.database.read() as db:
            await db.execute("update accounts set tier = $2 where account_id = $1", account_id, tier)
        self.edge.services.keys.forget()
        return opened

    async def call(self, account: Opened | str, method: str, path: str, **body: object) -> httpx.Response:
        key = account if isinstance(account, str) else account.account_api_key
        return await self.edge.http.request(
            method, path, json=body if method not in ("GET", "DELETE") else None, headers=bearer(key)
        )

    async def ok(self, account: Opened | str, method: str, path: str, **body: object) -> Any:
        answer = await self.call(account, method, path, **body)
        assert answer.is_success, answer.text
        return answer.json()["result"]

    async def claim(self, account: Opened | str, domain: str, **more: object) -> dict[str, Any]:
        result: dict[str, Any] = await self.ok(account, "POST", "/v1/domains", domain=domain, **more)
        return result

    def publish(self, domain: dict[str, Any], *purposes: str) -> None:
        """Put the records of a domain into the DNS; of these purposes, or all."""
        for each in domain["records"]:
            if not purposes or each["purpose"] in purposes:
                mx = each["type"] == "MX"
                value = f"{each['priority']} {each['value']}." if mx else each["value"]
                self.zones.add(each["type"], each["name"], value)

    async def verify(self, account: Opened | str, domain: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = await self.ok(account, "POST", f"/v1/domains/{domain['id']}/verify")
        return result

    async def verified(self, account: Opened | str, name: str, **more: object) -> dict[str, Any]:
        """Claim a domain, publish all it needs, and verify it."""
        domain = await self.claim(account, name, **more)
        self.publish(domain)
        shown = await self.verify(account, domain)
        assert shown["status"] == "verified", shown
        return shown

    async def recheck(self, **ahead: float) -> int:
        """Put the clock forward and let the worker check what is due; return how many domains it was."""
        self.clock.ahead += timedelta(**ahead)
        services = self.edge.services
        ringer = Ringer(services.jobs, rings.CHANNEL)
        return await worker.step(self.edge.database, services.dns, ringer, self.clock)

    async def events(self, account: Opened) -> list[tuple[str, str]]:
        """Return what happened to an account's domains."""
        events = (await self.ok(account, "GET", "/v1/events?limit=100"))["events"]
        return [(each["event"], each["data"]["domain"]["domain"]) for each in events if "domain" in each["data"]]

    async def reached(self, address: str) -> str:
        """Return the inbox that SMTP finds at an address. Raises RecipientRefused."""
        found = Directory(self.edge.database, domain="daimon.email").find(parse_address(address))
        recipient = await found if isinstance(found, asyncio.Future) else found
        return ids.show(ids.Kind.INBOX, recipient.inbox_id)


def record(domain: dict[str, Any], purpose: str, at: int = 0) -> dict[str, Any]:
    """Return the record of a purpose."""
    found: dict[str, Any] = [each for each in domain["records"] if each["purpose"] == purpose][at]
    return found


def account_id(opened: Opened) -> UUID:
    """Return the id of an account as the database has it."""
    found = ids.read(ids.Kind.ACCOUNT, opened.account_id)
    assert found
    return found


@asynccontextmanager
async def registering(services: Services) -> AsyncIterator[Registrar]:
    """Serve the API over a DNS of the test's own."""
    clock = Clock()
    async with (
        ZoneServer() as zones,
        serving(replace(services, dns=Dns(zones.address), clock=clock)) as edge,
    ):
        yield Registrar(edge, zones, clock)
