"""Stripe for tests: localstripe behind it, and beside it what that has not: prices by lookup key, Checkout, the Billing
Portal, disputes, idempotency keys, and events that are signed, kept, and told until they are heard.
"""

import asyncio
import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import aiohttp
import stripe
from aiohttp import web

from .shapes import check
from .translate import Object, invoice_of, price_of, subscription_of

SECRET_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"
WEBHOOK_SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
TIERS = {"developer": 900, "growth": 4900}
VISA, FAILING = "pm_card_visa", "pm_card_chargeCustomerFail"
_METADATA = re.compile(r"subscription_data\[metadata\]\[(\w+)\]")
_KINDS = {"subscription": stripe.Subscription, "invoice": stripe.Invoice, "price": stripe.Price}

Asked = tuple[str, str]  # method and path


@dataclass
class StandIn:
    """One account at Stripe. `events` is all that happened, in order; `asked` all that was called."""

    behind: str  # localstripe's URL
    url: str = ""
    webhook: str | None = None  # where events are told by themselves
    events: list[Object] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    sessions: dict[str, Object] = field(default_factory=dict)
    disputes: dict[str, Object] = field(default_factory=dict)
    product_of: dict[str, str] = field(default_factory=dict)
    price_of: dict[str, str] = field(default_factory=dict)
    said: dict[str, Object] = field(default_factory=dict)  # of subscriptions, what localstripe cannot be brought to
    away: bool = False  # every call gets 500
    before: Callable[[Asked], Awaitable[None]] | None = None  # awaited with each call, before it is answered

    def __post_init__(self) -> None:
        self._answered: dict[str, tuple[str, int, Object]] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._telling: set[asyncio.Task[None]] = set()
        self._number = 0

    async def start(self, port: int = 0) -> None:
        """Listen, and put what is sold into the catalogue."""
        self._http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {SECRET_KEY}"})
        app = web.Application()
        app.router.add_get("/c/pay/{id}", self._pay_page)
        app.router.add_post("/c/pay/{id}", self._pay_button)
        app.router.add_get("/p/session/{id}", self._portal_page)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        for tier, amount in TIERS.items():
            self.product_of[tier] = f"prod_{tier}_{self._salt()}"
            await self._post("products", id=self.product_of[tier], name=f"daimon {tier}")
            await self.sell(tier, amount, "usd")

    async def stop(self) -> None:
        """Stop listening and telling."""
        for task in [*self._telling]:
            task.cancel()
        await asyncio.gather(*self._telling, return_exceptions=True)
        await self._runner.cleanup()
        await self._http.close()

    # What happens at Stripe.

    async def sell(self, tier: str, amount: int, currency: str) -> str:
        """Make a price the one that a tier is sold for, instead of the one before; return its id."""
        self._number += 1
        plan_id = f"price_{tier}_{self._salt()}_{self._number}"
        await self._post(
            "plans",
            id=plan_id,
            product=self.product_of[tier],
            amount=amount,
            currency=currency,
            **{"interval": "month", "metadata[lookup_key]": f"daimon_{tier}"},
        )
        self.price_of[tier] = plan_id
        return plan_id

    async def pay(self, session_id: str, card: str = VISA) -> Object:
        """Pay in a checkout, as a person does who presses the button there; return the subscription."""
        session = self.sessions[session_id]
        assert session["status"] == "open", session
        await self.use_card(session["customer"], card)
        made = await self._subscribe(session["customer"], session["_price"], session["_metadata"])
        session |= {"status": "complete", "payment_status": "paid", "subscription": made["id"], "url": None}
        session["invoice"] = made["latest_invoice"]
        self.tell("customer.subscription.created", made)
        await self._tell_of_invoice(made["latest_invoice"])
        self.tell("checkout.session.completed", _shown(session))
        return made

    async def subscribe(self, customer: str, tier: str, card: str = VISA) -> Object:
        """Subscribe a customer in the dashboard."""
        await self.use_card(customer, card)
        made = await self._subscribe(customer, self.price_of[tier], {})
        self.tell("customer.subscription.created", made)
        await self._tell_of_invoice(made["latest_invoice"])
        return made

    async def use_card(self, customer: str, card: str) -> None:
        """Let a customer pay with a card."""
        attached = await self._post(f"payment_methods/{card}/attach", customer=customer)
        await self._post(f"customers/{customer}", **{"invoice_settings[default_payment_method]": attached["id"]})

    async def bill(self, subscription_id: str) -> Object:
        """Bill the next period of a subscription with the card that is there; return the invoice."""
        subscription = await self.subscription(subscription_id)
        made = await self._post("invoices", customer=subscription["customer"], subscription=subscription_id)
        await self._post(f"invoices/{made['id']}/pay")
        return await self._told_of_bill(subscription_id, made["id"])

    async def retry(self, subscription_id: str, invoice_id: str) -> Object:
        """Try once more to be paid for an invoice that is open."""
        paid = await self._post(f"invoices/{invoice_id}/pay")
        assert paid["status"] == "paid"
        return await self._told_of_bill(subscription_id, invoice_id)

    async def change(self, subscription_id: str, tier: str) -> Object:
        """Change to another tier in mid-period, as the portal does: what was not used is credited, and it is billed."""
        found = await self.subscription(subscription_id)
        item = found["items"]["data"][0]["id"]
        await self._post(
            f"subscriptions/{subscription_id}", **{"items[0][id]": item, "items[0][plan]": self.price_of[tier]}
        )
        return await self.bill(subscription_id)

    async def say(self, subscription_id: str, **fields: Any) -> Object:
        """Let a subscription be what localstripe cannot bring it to, and tell of it."""
        self.said.setdefault(subscription_id, {}).update(fields)
        found = await self.subscription(subscription_id)
        self.tell("customer.subscription.updated", found)
        return found

    async def end(self, subscription_id: str) -> None:
        """End a subscription at once."""
        await self._ended(subscription_id)

    async def dispute(self, charge: str, *, status: str = "needs_response") -> Object:
        """Let whoever owns a card take a payment back."""
        made = {
            "id": f"du_{charge[3:]}", "object": "dispute", "amount": 900, "charge": charge, "created": 1_773_657_000,
            "currency": "usd", "is_charge_refundable": False, "livemode": False, "metadata": {},
            "reason": "fraudulent", "status": status,
        }  # fmt: skip
        check(made, stripe.Dispute)
        self.disputes[made["id"]] = made
        self.tell("charge.dispute.created", made)
        return made

    async def subscription(self, subscription_id: str) -> Object:
        """Return a subscription as the API shows it."""
        return self._subscription_of(await self._get(f"subscriptions/{subscription_id}"))

    async def subscriptions_of(self, customer: str) -> list[Object]:
        """Return all of a customer's subscriptions."""
        found = await self._list("subscriptions", customer=customer, status="all")
        return [self._subscription_of(each) for each in found["data"]]

    async def charges_of(self, customer: str) -> list[Object]:
        """Return what a customer paid."""
        found: list[Object] = (await self._list("charges", customer=customer))["data"]
        return found

    # Events.

    def tell(self, kind: str, about: Object) -> Object:
        """Let something have happened; it is told by itself where a webhook is set."""
        self._number += 1
        event = {
            "id": f"evt_{self._salt()}{self._number:06}", "object": "event", "api_version": stripe.api_version,
            "created": int(time.time()), "data": {"object": json.loads(json.dumps(about))}, "livemode": False,
            "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "type": kind,
        }  # fmt: skip
        check(event, stripe.Event, whole=True)
        if "object" in about and about["object"] in _KINDS:
            check(about, _KINDS[about["object"]])
        self.events.append(event)
        if self.webhook is not None:
            task = asyncio.get_running_loop().create_task(self._insist(event))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)
        return event

    async def _insist(self, event: Object) -> None:
        """Tell of an event until it is heard, as Stripe does for three days."""
        while True:
            body, headers = signed(event)
            try:
                async with self._http.post(self.webhook or "", data=body, headers=headers) as answer:
                    if answer.status < 300:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.2)

    # The API.

    async def _answer(self, request: web.Request) -> web.Response:
        raw = await request.read()
        asked = (request.method, request.path)
        self.asked.append(asked)
        if self.before is not None:
            await self.before(asked)
        if self.away:
            return _error(500, "api_error", "Stripe is away")
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

    def _subscription_of(self, found: Object) -> Object:
        said = self.said.get(found["id"], {})
        made = subscription_of(found, self.url) | {k: v for k, v in said.items() if k != "invoice"}
        if isinstance(made["latest_invoice"], dict):
            made["latest_invoice"] |= said.get("invoice", {})
        check(made, stripe.Subscription)
        return made

    def _invoice_of(self, found: Object) -> Object:
        made = invoice_of(found, self.url)
        check(made, stripe.Invoice)
        return made

    async def _prices(self, query: Object) -> web.Response:
        wanted = {value for name, value in query.items() if name.startswith("lookup_keys")}
        plans = (await self._list("plans", limit="99"))["data"]
        sold = [each for each in plans if each["id"] in self.price_of.values()]
        found = [price_of(each) for each in sold if each["metadata"]["lookup_key"] in wanted]
        for each in found:
            check(each, stripe.Price, whole=True)
        return web.json_response({"object": "list", "data": found, "has_more": False, "url": "/v1/prices"})

    async def _open(self, form: Object) -> web.Response:
        async with self._http.get(f"{self.behind}/v1/customers/{form['customer']}") as answer:
            if answer.status == 404:
                return _missing("customer")
        self._number += 1
        id_ = f"cs_test_{self._salt()}{self._number:06}"
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
        shown = _shown(self.sessions[id_])
        check(shown, stripe.checkout.Session, whole=True)
        return web.json_response(shown)

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
        id_ = f"bps_{self._salt()}{self._number:06}"
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

    async def _ended(self, id_: str) -> Object:
        self.said.pop(id_, None)
        async with self._http.delete(f"{self.behind}/v1/subscriptions/{id_}") as answer:
            ended = self._subscription_of(await answer.json())
        self.tell("customer.subscription.deleted", ended)
        return ended

    async def _update(self, id_: str, form: Object) -> web.Response:
        changed = self._subscription_of(await self._post(f"subscriptions/{id_}", **form))
        self.tell("customer.subscription.updated", changed)
        return web.json_response(changed)

    # Pages for browsers.

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

    async def _subscribe(self, customer: str, price: str, metadata: dict[str, str]) -> Object:
        more = {f"metadata[{name}]": value for name, value in metadata.items()}
        made = await self._post("subscriptions", customer=customer, **{"items[0][plan]": price}, **more)
        return await self.subscription(made["id"])

    async def _told_of_bill(self, subscription_id: str, invoice_id: str) -> Object:
        invoice = await self._tell_of_invoice(invoice_id)
        self.tell("customer.subscription.updated", await self.subscription(subscription_id))
        return invoice

    async def _tell_of_invoice(self, invoice_id: str) -> Object:
        invoice = self._invoice_of(await self._get(f"invoices/{invoice_id}"))
        self.tell("invoice.finalized", invoice | {"status": "open"})
        self.tell("invoice.paid" if invoice["status"] == "paid" else "invoice.payment_failed", invoice)
        return invoice

    async def _get(self, path: str, **query: str) -> Object:
        async with self._http.get(f"{self.behind}/v1/{path}", params=query) as answer:
            body: Object = await answer.json(content_type=None)
            assert answer.status == 200, (path, body)
            return body

    async def _list(self, path: str, **query: str) -> Object:
        return await self._get(path, **query)

    async def _post(self, path: str, **form: Any) -> Object:
        async with self._http.post(f"{self.behind}/v1/{path}", data=urlencode(form), headers=_FORM) as answer:
            body: Object = await answer.json(content_type=None)
            assert answer.status in (200, 402), (path, form, body)
            return body

    def _salt(self) -> str:
        return self.url.rpartition(":")[2]


_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def signed(event: Object, *, at: int | None = None, secret: str = WEBHOOK_SECRET) -> tuple[bytes, dict[str, str]]:
    """Return an event as it is sent, with Stripe's signature over it."""
    body = json.dumps(event, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return body.encode(), {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}


def _shown(session: Object) -> Object:
    return {name: value for name, value in session.items() if name[0] != "_"}


def _missing(param: str) -> web.Response:
    return _error(404, "invalid_request_error", "No such object", code="resource_missing", param=param)


def _error(status: int, kind: str, message: str, **more: str) -> web.Response:
    return web.json_response({"error": {"type": kind, "message": message, **more}}, status=status)
