"""Where Stripe tells of what happened: its signature stands for a key."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from daimon.api import billing_examples as examples
from daimon.api.answer import Answer
from daimon.api.billing_schema import Heard
from daimon.api.operation import Lend, operation
from daimon.api.request import Request
from daimon.billing.errors import BillingOff, StripeAway, StripeSignatureInvalid
from daimon.billing.repository import StripeEvent


class StripeEventData(msgspec.Struct, frozen=True):
    """What an event is about: only who it is, is read of it."""

    object: dict[str, Any]


class StripeEventBody(msgspec.Struct, frozen=True):
    """An event of Stripe's."""

    id: Annotated[str, Meta(min_length=1, max_length=255)]
    type: Annotated[str, Meta(min_length=1, max_length=255)]
    created: Annotated[int, Meta(ge=0, le=253_402_300_799)]  # the last second of the year 9999
    data: StripeEventData


# Stripe is asked what holds now, so no transaction is lent: it is opened after Stripe's answer.
@operation(
    "POST",
    "/stripe/webhook",
    tag="billing",
    reach=None,
    lend=Lend.NOTHING,
    errors=(StripeSignatureInvalid, BillingOff, StripeAway),
    example=examples.HEAR_STRIPE,
)
async def hear_stripe(request: Request, body: StripeEventBody) -> Answer[Heard]:
    """Hear an event of Stripe's, signed in `Stripe-Signature`. An answer of 200 leaves after all is written.

    The event only says that something happened: what holds is read back from Stripe. Each is applied once, whatever
    order they come in and however often. Kinds that mean nothing here are answered with 200, too.
    """
    listener = request.services.billing.listener
    if listener is None:
        raise BillingOff
    signature = request.headers.get(b"stripe-signature")
    event = StripeEvent(body.id, body.type, datetime.fromtimestamp(body.created, UTC))
    heard = await listener.hear(
        request.body, None if signature is None else signature.decode("latin-1"), event, body.data.object
    )
    return Answer(Heard(received=True, applied=heard))
