"""What can be wrong with a webhook."""

from daimon.kit.errors import NotFound, PaymentRequired, StateConflict


class WebhookNotFound(NotFound):
    """There is no such webhook within the reach of this key."""

    error = "WEBHOOK_NOT_FOUND"
    next_steps = ("GET /v1/webhooks lists the webhooks within this key's reach.",)


class DeliveryNotFound(NotFound):
    """This webhook has no such delivery, or it is older than 30 days."""

    error = "DELIVERY_NOT_FOUND"
    next_steps = ("GET /v1/webhooks/{webhook_id}/deliveries lists what was sent.",)


class TooManyWebhooks(StateConflict):
    """The account, or this pod, has as many webhooks as it may have."""

    code = "TOO_MANY_WEBHOOKS"
    next_steps = (
        "GET /v1/webhooks lists them; DELETE one that is not needed.",
        "One webhook can hear of every event: leave `events` out, and tell them apart by `event`.",
    )


class WebhookDisabled(StateConflict):
    """The webhook is disabled: nothing is sent."""

    code = "WEBHOOK_DISABLED"
    next_steps = ('Enable it first: PATCH /v1/webhooks/{webhook_id} {"status": "active"}.',)


class WebhooksRequirePaid(PaymentRequired):
    """The account's tier has no webhooks."""

    error = "WEBHOOK_REQUIRES_PAID"
    next_steps = ("Ask your operator to upgrade the account; upgrade_context.agent_script says how to ask.",)
