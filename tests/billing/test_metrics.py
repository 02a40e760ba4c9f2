"""What is counted of Stripe."""

from counted import counted

from .conftest import Shop


async def test_events_and_requests_are_counted(shop: Shop) -> None:
    """By what came of them: an event that is put off is one that Stripe sends again."""
    payer = await shop.open()
    await payer.buy()
    event = shop.stripe.events[-1]
    before = counted()
    assert (await shop.hear(event | {"id": "evt_again"})).status_code == 200
    assert (await shop.hear(event | {"id": "evt_other", "type": "customer.created"})).status_code == 200
    assert (await shop.hear(event, at=0)).status_code == 400
    shop.stripe.away = True
    assert (await shop.hear(event | {"id": "evt_away"})).status_code == 503
    found = counted() - before
    told = {labels[1]: number for labels, number in found.items() if labels[0] == "stripe_events_total"}
    assert told == {"applied": 1, "without_effect": 1, "forged": 1, "put_off": 1}
    asked = {labels[1]: number for labels, number in found.items() if labels[0] == "stripe_requests_total"}
    assert asked["away"] == 1
    assert asked["answered"] >= 1
    assert found["stripe_request_seconds",] == sum(asked.values())
