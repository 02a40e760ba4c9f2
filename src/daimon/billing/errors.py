"""What can be wrong with paying."""

from daimon.kit.errors import BadRequest, Conflict, Gone, StateConflict, TooManyRequests, Unavailable


class BillingOff(Conflict):
    """This server has no billing: its operator sets the tiers of accounts."""

    error = "BILLING_OFF"
    next_steps = ("Ask the operator of this server: `daimon admin account set-tier ACCOUNT TIER` changes the tier.",)


class NothingBought(StateConflict):
    """The account has bought nothing yet, so there is nothing to manage."""

    code = "NOTHING_BOUGHT"
    next_steps = ('POST /v1/upgrade-link {"target_tier": "developer"} makes a link by which a person pays.',)


class NoUpgrade(StateConflict):
    """The account has this tier already, or a higher one."""

    code = "NO_UPGRADE"
    next_steps = (
        "GET /v1/billing shows what the account has.",
        "POST /v1/billing/portal opens the page on which a person changes to a lower tier or cancels.",
    )


class LinkExpired(Gone):
    """This link has expired: it was good for seven days."""

    error = "LINK_EXPIRED"
    next_steps = ("Ask the agent that sent the link for a new one: POST /v1/upgrade-link makes it.",)


class TooManyLinks(TooManyRequests):
    """Too many upgrade links were made for this account within an hour; the ones made before still work."""

    code = "UPGRADE_LINKS"


class StripeSignatureInvalid(BadRequest):
    """The body is not signed by Stripe with this endpoint's secret, or was signed too long ago."""

    error = "STRIPE_SIGNATURE_INVALID"
    next_steps = (
        "DAIMON_STRIPE_WEBHOOK_SECRET has to be the signing secret (whsec_…) of this very endpoint at Stripe.",
        "The clock of this server has to be right: a signature is good for five minutes.",
    )


class StripeAway(Unavailable):
    """Stripe does not answer as it should. Nothing was done; it is safe to retry."""

    code = "STRIPE_AWAY"


class Refused(StripeAway):
    """Stripe refuses what this server asks of it; the server's log says why."""

    code = "STRIPE_REFUSES"
    next_steps = ("Ask the operator of this server: the log line is `billing.refused`.",)
    is_repeated = False  # it has it already


class Missing(Refused):
    """Stripe has no such object, or has it no more."""

    code = "STRIPE_MISSES"


class NotSold(Conflict):
    """This tier is not for sale here."""

    error = "TIER_NOT_SOLD"
    next_steps = ("Ask the operator of this server.",)
