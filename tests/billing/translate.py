"""What localstripe says, in the words of the API version that the stripe package is made for.

localstripe knows plans and no prices, and keeps the period of a subscription beside its items.
"""

from typing import Any

Object = dict[str, Any]


def price_of(plan: Object) -> Object:
    """Return a plan as the price that it is now."""
    return {
        "id": plan["id"],
        "object": "price",
        "active": plan["active"],
        "billing_scheme": "per_unit",
        "created": plan["created"],
        "currency": plan["currency"],
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": plan["metadata"].get("lookup_key"),
        "metadata": {},
        "nickname": plan["nickname"],
        "product": plan["product"],
        "recurring": {
            "interval": plan["interval"],
            "interval_count": plan["interval_count"],
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": plan["amount"],
        "unit_amount_decimal": str(plan["amount"]),
    }


def subscription_of(found: Object, base: str) -> Object:
    """Return a subscription."""
    latest = found["latest_invoice"]
    items = [
        {
            "id": item["id"],
            "object": "subscription_item",
            "created": item["created"],
            "current_period_start": found["current_period_start"],
            "current_period_end": found["current_period_end"],
            "discounts": [],
            "metadata": {},
            "price": price_of(item["plan"]),
            "quantity": item["quantity"],
            "subscription": found["id"],
            "tax_rates": [],
        }
        for item in found["items"]["data"]
    ]
    return {
        "id": found["id"],
        "object": "subscription",
        "billing_cycle_anchor": found["start_date"],
        "cancel_at": found["cancel_at"],
        "cancel_at_period_end": found["cancel_at_period_end"],
        "canceled_at": found["canceled_at"],
        "collection_method": "charge_automatically",
        "created": found["created"],
        "currency": items[0]["price"]["currency"],
        "customer": found["customer"],
        "ended_at": found["ended_at"],
        "items": {"object": "list", "data": items, "has_more": False, "url": "/v1/subscription_items"},
        "latest_invoice": invoice_of(latest, base) if isinstance(latest, dict) else latest,
        "livemode": False,
        "metadata": found["metadata"],
        "start_date": found["start_date"],
        "status": found["status"],
        "trial_end": found["trial_end"],
        "trial_start": found["trial_start"],
    }


def invoice_of(found: Object, base: str) -> Object:
    """Return an invoice with the lines that localstripe puts into it."""
    lines = [_line_of(line, found["id"]) for line in found["lines"]["data"]]
    created = found["created"]
    finalized_at = None if found["status"] == "draft" else found["status_transitions"]["finalized_at"] or created
    return {
        "id": found["id"],
        "object": "invoice",
        "amount_due": found["amount_due"],
        "amount_paid": found["amount_paid"],
        "attempt_count": found["attempt_count"],
        "attempted": found["attempted"],
        "collection_method": "charge_automatically",
        "created": created,
        "currency": found["currency"],
        "customer": found["customer"],
        "hosted_invoice_url": f"{base}/i/{found['id']}",
        "invoice_pdf": f"{base}/i/{found['id']}/pdf",
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": found["lines"]["has_more"],
            "url": f"/v1/invoices/{found['id']}/lines",
        },
        "livemode": False,
        "metadata": found["metadata"],
        "number": None if found["status"] == "draft" else f"T-{found['id'][-6:]}",
        "period_end": found["period_end"] or created,
        "period_start": found["period_start"] or created,
        "starting_balance": 0,
        "status": found["status"],
        "status_transitions": {
            **found["status_transitions"],
            "finalized_at": finalized_at,
            "marked_uncollectible_at": None,
        },
        "subtotal": found["subtotal"],
        "total": found["total"],
    }


def _line_of(line: Object, invoice_id: str) -> Object:
    by_item = line["type"] == "subscription"
    details: Object = {"proration": line["proration"], "proration_details": None, "subscription": line["subscription"]}
    parent: Object = {
        "invoice_item_details": None if by_item else {"invoice_item": line["invoice_item"], **details},
        "subscription_item_details": (
            {"invoice_item": None, "subscription_item": line["subscription_item"], **details} if by_item else None
        ),
        "type": "subscription_item_details" if by_item else "invoice_item_details",
    }
    return {
        "id": line["id"],
        "object": "line_item",
        "amount": line["amount"],
        "currency": line["currency"],
        "description": line["description"],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": line["metadata"],
        "parent": parent,
        "period": line["period"],
        "quantity": line["quantity"],
        "subtotal": line["amount"],
    }
