"""What happens at Stripe in a test: people pay, cards fail, plans change. localstripe keeps it; events tell of it."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from functools import cached_property
from secrets import token_hex
from typing import Any
from urllib.parse import urlencode

import aiohttp
import stripe

from .shapes import check
from .translate import Object, invoice_of, subscription_of

WEBHOOK_SECRET = "whsec_9f8e7d6c5b4a39281706f5e4d3c2b1a0"
VISA, FAILING = "pm_card_visa", "pm_card_chargeCustomerFail"
_KINDS = {"subscription": stripe.Subscription, "invoice": stripe.Invoice}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class Happenings:
    """One account at Stripe. `events` is all that happened, in order."""

    behind: str  # localstripe's URL
    url: str = ""
    webhook: str | None = None  # where events are told by themselves
    events: list[Object] = field(default_factory=list)
    sessions: dict[str, Object] = field(default_factory=dict)
    disputes: dict[str, Object] = field(default_factory=dict)
    product_of: dict[str, str] = field(default_factory=dict)
    price_of: dict[str, str] = field(default_factory=dict)
    said: dict[str, Object] = field(default_factory=dict)  # of subscriptions, what localstripe cannot be brought to

    def __post_init__(self) -> None:
        self._telling: set[asyncio.Task[None]] = set()
        self._number = 0
        self._http: aiohttp.ClientSession

    async def sell(self, tier: str, amount: int, currency: str) -> str:
        """Make a price the one that a tier is sold for, instead of the one before; return its id."""
        self._number += 1
        plan_id = f"price_{tier}_{self._salt}_{self._number}"
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
        self.tell("checkout.session.completed", shown(session))
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

    def tell(self, kind: str, about: Object) -> Object:
        """Let something have happened; it is told by itself where a webhook is set."""
        self._number += 1
        event = {
            "id": f"evt_{self._salt}{self._number:06}", "object": "event", "api_version": stripe.api_version,
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

    async def _subscribe(self, customer: str, price: str, metadata: dict[str, str]) -> Object:
        more = {f"metadata[{name}]": value for name, value in metadata.items()}
        made = await self._post("subscriptions", customer=customer, **{"items[0][plan]": price}, **more)
        return await self.subscription(made["id"])

    async def _told_of_bill(self, subscription_id: str, invoice_id: str) -> Object:
        invoice = await self._tell_of_invoice(invoice_id)
        # localstripe leaves a subscription active whose later bill is not paid.
        self.said.setdefault(subscription_id, {})["status"] = "active" if invoice["status"] == "paid" else "past_due"
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

    @cached_property
    def _salt(self) -> str:
        """What tells this account's objects from those of the tests before, which the same process serves."""
        return token_hex(6)

    async def _ended(self, id_: str) -> Object:
        self.said.pop(id_, None)
        async with self._http.delete(f"{self.behind}/v1/subscriptions/{id_}") as answer:
            ended = self._subscription_of(await answer.json())
        self.tell("customer.subscription.deleted", ended)
        return ended

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


def signed(event: Object, *, at: int | None = None, secret: str = WEBHOOK_SECRET) -> tuple[bytes, dict[str, str]]:
    """Return an event as it is sent, with Stripe's signature over it."""
    body = json.dumps(event, indent=2)
    signature = stripe.WebhookSignature.generate_signature_header(body, secret, at)
    return body.encode(), {"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": signature}


def shown(session: Object) -> Object:
    """Return a checkout as the API shows it."""
    return {name: value for name, value in session.items() if name[0] != "_"}
