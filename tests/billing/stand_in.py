"""Stripe for tests: localstripe behind it, and beside it what that has not: prices by lookup key, Checkout, the Billing
Portal, disputes, meters, idempotency keys, and events that are signed, kept, and told until they are heard.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import aiohttp
import stripe
from aiohttp import web

from .happenings import Happenings, shown
from .metering import Meters
from .shapes import check
from .translate import Object, price_of

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
TIERS = {"developer": 900, "growth": 4900}
_METADATA = re.compile(r"subscription_data\[metadata\]\[(\w+)\]")

Asked = tuple[str, str]  # method and path


@dataclass
class StandIn(Happenings):
    """The API of one account. `asked` is all that was called."""

    asked: list[Asked] = field(default_factory=list)
    metering: Meters = field(default_factory=Meters)
    away: bool = False  # every call gets 500
    refusing: str | None = None  # calls of this path get 400
    before: Callable[[Asked], Awaitable[None]] | None = None  # awaited with each call, before it is answered

    def __post_init__(self) -> None:
        super().__post_init__()
        self._answered: dict[str, tuple[str, int, Object]] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def start(self, *, sells: bool = True) -> None:
        """Listen, and put what is sold into the catalogue."""
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {SECRET_KEY}"})
        app = web.Application()
        app.router.add_get("/c/pay/{id}", self._pay_page)
        app.router.add_post("/c/pay/{id}", self._pay_button)
        app.router.add_get("/p/session/{id}", self._portal_page)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        for tier, amount in TIERS.items() if sells else ():
            self.product_of[tier] = f"prod_{tier}_{self._salt}"
            await self._post("products", id=self.product_of[tier], name=f"daimon {tier}")
            await self.sell(tier, amount, "usd")

    async def stop(self) -> None:
        """Stop listening and telling."""
        for task in [*self._telling]:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._runner.cleanup()
        await self._http.close()

    async def _answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        asked = (request.method, request.path)
        self.asked.append(asked)
        if self.before is not None:
            await self.before(asked)
        if self.away:
            return _error(500, "api_error", "Stripe is away")
        if request.path == self.refusing:
            return _error(400, "invalid_request_error", "No configuration provided")
        if request.headers.get("Authorization") != f"Bearer {SECRET_KEY}":
            return _error(401, "invalid_request_error", "Invalid API Key provided: sk_test_****")
        if request.headers.get("Stripe-Version") != stripe.api_version:
            return _error(400, "invalid_request_error", "another version of the API")
        once = request.headers.get("Idempotency-Key")
        if request.method != "POST" or once is None:
            return await self._handled(request, raw)
        async with self._locks.setdefault(once, asyncio.Lock()):
            return await self._once(request, raw, once)

    async def _once(self, request: web.Request, raw: bytes, once: str) -> web.Response:
        digest = hashlib.sha256(request.path.encode() + raw).hexdigest()
        if once in self._answered:
            known, status, body = self._answered[once]
            if known != digest:
                return _error(400, "idempotency_error", "Keys for idempotent requests can only be used as at first")
            return web.json_response(body, status=status)
        answer = await self._handled(request, raw)
        assert isinstance(answer.body, bytes)
        self._answered[once] = digest, answer.status, json.loads(answer.body)
        return answer

    async def _handled(self, request: web.Request, raw: bytes) -> web.Response:
        form = dict(parse_qsl(raw.decode(), keep_blank_values=True))
        query = dict(parse_qsl(request.query_string))
        match request.method, request.path.removeprefix("/v1/").split("/"):
            case "GET", ["prices"]:
                return await self._prices(query)
            case "POST", ["prices"]:
                return await self._price(form)
            case "POST", ["checkout", "sessions"]:
                return await self._open(form)
            case "GET", ["checkout", "sessions", id_]:
                return self._session(id_)
            case "POST", ["checkout", "sessions", id_, "expire"]:
                return self._expire(id_)
            case "POST", ["billing_portal", "sessions"]:
                return await self._portal(form)
            case "GET", ["disputes", id_]:
                return web.json_response(self.disputes[id_]) if id_ in self.disputes else _missing("id")
            case "POST", ["billing", "meters"]:
                return self.metering.create(form)
            case "GET", ["billing", "meters"]:
                return self.metering.list()
            case "GET", ["billing", "meters", id_, "event_summaries"]:
                return self.metering.summaries(id_, query)
            case "POST", ["billing", "meter_events"]:
                return self.metering.tell(form)
            case "DELETE", ["subscriptions", id_]:
                return await self._cancel(id_)
            case "POST", ["subscriptions", id_]:
                return await self._update(id_, form)
            case _:
                return await self._forwarded(request, form, query)

    async def _forwarded(self, request: web.Request, form: Object, query: Object) -> web.Response:
        query = {name: value for name, value in query.items() if not name.startswith("created")}
        url = f"{self.behind}{request.path}"
        async with self._http.request(request.method, url, params=query, data=form or None) as answer:
            body = await answer.json(content_type=None)
            if answer.status == 404:
                return _missing("customer" if "customer" in (form | query) else "id")
            return web.json_response(self._translated(body), status=answer.status)

    def _translated(self, body: Object) -> Object:
        if body.get("object") == "list":
            return body | {"data": [self._translated(each) for each in body["data"]]}
        if body.get("object") == "subscription":
            return self._subscription_of(body)
        return self._invoice_of(body) if body.get("object") == "invoice" else body

    async def _prices(self, query: Object) -> web.Response:
        wanted = {value for name, value in query.items() if name.startswith("lookup_keys")}
        sold = [await self._get(f"plans/{each}") for each in self.price_of.values()]
        found = [price_of(each) for each in sold if each["metadata"]["lookup_key"] in wanted]
        for each in found:
            check(each, stripe.Price, whole=True)
        return web.json_response({"object": "list", "data": found, "has_more": False, "url": "/v1/prices"})

    async def _price(self, form: Object) -> web.Response:
        tier = form["lookup_key"].removeprefix("daimon_")
        self.product_of[tier] = form["product"]
        made = await self.sell(tier, int(form["unit_amount"]), form["currency"])
        return web.json_response(price_of(await self._get(f"plans/{made}")))

    async def _open(self, form: Object) -> web.Response:
        async with self._http.get(f"{self.behind}/v1/customers/{form['customer']}") as answer:
            if answer.status == 404:
                return _missing("customer")
        self._number += 1
        id_ = f"cs_test_{self._salt}{self._number:06}"
        now = int(time.time())
        session: Object = {
            "id": id_, "object": "checkout.session", "automatic_tax": {"enabled": False, "liability": None,
            "provider": None, "status": None}, "cancel_url": form["cancel_url"],
            "client_reference_id": form["client_reference_id"], "created": now, "currency": "usd", "custom_fields": [],
            "custom_text": {"after_submit": None, "shipping_address": None, "submit": None,
            "terms_of_service_acceptance": None}, "customer": form["customer"], "expires_at": now + 86_400,
            "invoice": None, "livemode": False, "mode": form["mode"], "payment_method_types": ["card"],
            "payment_status": "unpaid", "shipping_options": [], "status": "open", "subscription": None,
            "success_url": form["success_url"], "url": f"{self.url}/c/pay/{id_}",
        }  # fmt: skip
        check(session, stripe.checkout.Session, whole=True)
        metadata = {found[1]: value for name, value in form.items() if (found := _METADATA.fullmatch(name))}
        self.sessions[id_] = session | {"_price": form["line_items[0][price]"], "_metadata": metadata}
        return web.json_response(session)

    def _session(self, id_: str) -> web.Response:
        if id_ not in self.sessions:
            return _missing("session")
        session = shown(self.sessions[id_])
        check(session, stripe.checkout.Session, whole=True)
        return web.json_response(session)

    def _expire(self, id_: str) -> web.Response:
        session = self.sessions[id_]
        if session["status"] != "open":
            return _error(400, "invalid_request_error", "Only Checkout Sessions with a status of open can be expired")
        session |= {"status": "expired", "url": None}
        return self._session(id_)

    async def _portal(self, form: Object) -> web.Response:
        async with self._http.get(f"{self.behind}/v1/customers/{form['customer']}") as answer:
            if answer.status == 404:
                return _missing("customer")
        self._number += 1
        id_ = f"bps_{self._salt}{self._number:06}"
        session = {
            "id": id_, "object": "billing_portal.session", "configuration": "bpc_1TEST", "created": int(time.time()),
            "customer": form["customer"], "livemode": False, "return_url": form["return_url"],
            "url": f"{self.url}/p/session/{id_}",
        }  # fmt: skip
        check(session, stripe.billing_portal.Session, whole=True)
        return web.json_response(session)

    async def _cancel(self, id_: str) -> web.Response:
        found = await self._get(f"subscriptions/{id_}")
        if found["status"] == "canceled":
            return _missing("id")
        return web.json_response(await self._ended(id_))

    async def _update(self, id_: str, form: Object) -> web.Response:
        changed = self._subscription_of(await self._post(f"subscriptions/{id_}", **form))
        self.tell("customer.subscription.updated", changed)
        return web.json_response(changed)

    async def _pay_page(self, request: web.Request) -> web.Response:
        session = self.sessions[request.match_info["id"]]
        text = (
            f"<h1>Stripe's checkout</h1><form method='post'><button>Pay</button></form>"
            f"<a href='{session['cancel_url']}'>Back without paying</a>"
        )
        return web.Response(text=text, content_type="text/html")

    async def _pay_button(self, request: web.Request) -> web.Response:
        session = self.sessions[request.match_info["id"]]
        await self.pay(session["id"])
        raise web.HTTPSeeOther(session["success_url"])

    async def _portal_page(self, _: web.Request) -> web.Response:
        return web.Response(text="<h1>Stripe's portal</h1>", content_type="text/html")

    # localstripe.


def _missing(param: str) -> web.Response:
    return _error(404, "invalid_request_error", "No such object", code="resource_missing", param=param)


def _error(status: int, kind: str, message: str, **more: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message, **more}}, status=status)
