"""Stripe's Billing Meters, which localstripe has not."""

from dataclasses import dataclass, field
from typing import Any

import stripe
from aiohttp import web

from .shapes import check
from .translate import Object


@dataclass
class Meters:
    """The meters of one account, and what they were told. `window`: how long an identifier is remembered."""

    meters: dict[str, Object] = field(default_factory=dict)  # by the name of their events
    told: list[Object] = field(default_factory=list)

    def create(self, form: Object) -> web.Response:
        """Make a meter."""
        name = form["event_name"]
        made = {
            "id": f"mtr_test_{len(self.meters)}", "object": "billing.meter", "created": 1_773_657_000,
            "customer_mapping": {"event_payload_key": "stripe_customer_id", "type": "by_id"},
            "default_aggregation": {"formula": form["default_aggregation[formula]"]},
            "display_name": form["display_name"], "event_name": name, "event_time_window": None, "livemode": False,
            "status": "active", "status_transitions": {"deactivated_at": None}, "updated": 1_773_657_000,
            "value_settings": {"event_payload_key": "value"},
        }  # fmt: skip
        check(made, stripe.billing.Meter, whole=True)
        self.meters[name] = made
        return web.json_response(made)

    def list(self) -> web.Response:
        """Return all meters."""
        return _list([*self.meters.values()], "/v1/billing/meters")

    def tell(self, form: Object) -> web.Response:
        """Take an event; one that was taken is refused by its identifier."""
        if form["event_name"] not in self.meters:
            return _refused(f"No active meter found for event name {form['event_name']}.")
        if form["identifier"] in [each["identifier"] for each in self.told]:
            return _refused(f"An event already exists with identifier {form['identifier']}.")
        made = {
            "object": "billing.meter_event", "created": 1_773_657_000, "event_name": form["event_name"],
            "identifier": form["identifier"], "livemode": False, "timestamp": int(form["timestamp"]),
            "payload": {"stripe_customer_id": form["payload[stripe_customer_id]"], "value": form["payload[value]"]},
        }  # fmt: skip
        check(made, stripe.billing.MeterEvent, whole=True)
        int(made["payload"]["value"])
        self.told.append(made)
        return web.json_response(made)

    def summaries(self, meter_id: str, query: Object) -> web.Response:
        """Return what a meter has of a customer."""
        [name] = [name for name, each in self.meters.items() if each["id"] == meter_id]
        first, end = int(query["start_time"]), int(query["end_time"])
        value = sum(
            int(each["payload"]["value"]) for each in self.told
            if each["event_name"] == name and each["payload"]["stripe_customer_id"] == query["customer"]
            and first <= each["timestamp"] < end
        )  # fmt: skip
        found = {
            "id": "mtrusg_test_1", "object": "billing.meter_event_summary", "aggregated_value": float(value),
            "start_time": first, "end_time": end, "livemode": False, "meter": meter_id,
        }  # fmt: skip
        check(found, stripe.billing.MeterEventSummary, whole=True)
        return _list([found] if value else [], f"/v1/billing/meters/{meter_id}/event_summaries")

    def units(self, kind: str, customer: str) -> int:
        """Return how much was told of a customer."""
        return sum(
            int(each["payload"]["value"])
            for each in self.told
            if (each["event_name"], each["payload"]["stripe_customer_id"]) == (f"daimon_{kind}", customer)
        )


def _list(found: list[Any], url: str) -> web.Response:
    return web.json_response({"object": "list", "data": found, "has_more": False, "url": url})


def _refused(message: str) -> web.Response:
    return web.json_response({"error": {"type": "invalid_request_error", "message": message}}, status=400)
