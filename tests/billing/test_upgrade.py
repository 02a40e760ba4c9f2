"""From a refused call to a paid tier, by a link."""

from api.conftest import bearer

from .conftest import Shop


async def test_a_payment_lifts_what_was_refused(shop: Shop) -> None:
    """402 with a link; the link leads to Stripe; once it is paid, the same call works."""
    payer = await shop.open()
    send = f"/v1/inboxes/{payer.opened.id}/send"
    body = {"to": "ann@example.com", "subject": "Hello", "body": "Hello"}
    refused = await shop.edge.http.post(send, json=body, headers=bearer(payer.key))
    assert (refused.status_code, refused.json()["error"]) == (402, "SEND_REQUIRES_PAID")
    url = refused.json()["upgrade_context"]["operator_action_url"]
    path = url.removeprefix("http://daimon.test")
    page = await shop.edge.http.get(path)
    assert page.status_code == 200
    assert "USD 9.00 each month" in page.text
    await shop.stripe.pay(await payer.checkout(path))
    assert await payer.tier() == "free"  # nothing was told yet
    await shop.hear_all()
    assert await payer.tier() == "developer"
    [told] = await payer.events("account.upgraded")
    assert told["data"]["account"]["tier"] == "developer"
    sent = await shop.edge.http.post(send, json=body, headers=bearer(payer.key))
    assert sent.status_code == 202, sent.text
