"""The check of shapes refuses what the stripe package does not declare: the other tests rest on it."""

from typing import Any

import pytest
import stripe

from .shapes import NotStripes, check

PRICE: dict[str, Any] = {"id": "price_1", "object": "price", "active": True, "type": "recurring", "unit_amount": 900}


@pytest.mark.parametrize(
    "wrong",
    [
        {"unknown": 1},
        {"active": "yes"},
        {"object": "plan"},
        {"type": "sometimes"},
        {"unit_amount": 9.5},
        {"recurring": {"interval": "fortnight"}},
        {"recurring": {"often": True}},
        {"tiers": [{"up_to": "many"}]},
    ],
)
def test_what_stripe_never_says_is_refused(wrong: dict[str, Any]) -> None:
    """Fields that are not declared, of another type, or of a word that is not among the declared ones."""
    check(PRICE, stripe.Price)
    with pytest.raises(NotStripes):
        check(PRICE | wrong, stripe.Price)


def test_what_is_missing_is_told() -> None:
    """Of an object that is to be whole."""
    with pytest.raises(NotStripes, match="currency"):
        check(PRICE, stripe.Price, whole=True)


def test_objects_in_objects_are_checked() -> None:
    """In lists, and where an id may stand for an object."""
    item = {"id": "si_1", "object": "subscription_item", "price": PRICE}
    found = {"object": "list", "data": [item], "has_more": False, "url": "/"}
    check({"items": found, "latest_invoice": "in_1", "customer": "cus_1"}, stripe.Subscription)
    wrong = {"items": found | {"data": [item | {"price": PRICE | {"active": 1}}]}}
    with pytest.raises(NotStripes, match="active"):
        check(wrong, stripe.Subscription)
    with pytest.raises(NotStripes, match="total"):
        check({"latest_invoice": {"id": "in_1", "object": "invoice", "total": "9"}}, stripe.Subscription)
