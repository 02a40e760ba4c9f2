"""What can be wrong with a domain."""

from daimon.kit.errors import Conflict, NotFound, StateConflict


class DomainNotFound(NotFound):
    """There is no such domain within the reach of this key, or it is not verified."""

    error = "DOMAIN_NOT_FOUND"
    next_steps = ("GET /v1/domains lists the domains within this key's reach, and says which are verified.",)


class DomainClaimed(Conflict):
    """Another account has verified this domain."""

    error = "DOMAIN_CLAIMED"
    next_steps = (
        "If the domain is yours, remove the other account's `_daimon` TXT record: 72 hours later it is free.",
        "Or use a subdomain of it, such as agents.example.com.",
    )


class DomainExists(StateConflict):
    """The account has this domain already."""

    code = "DOMAIN_EXISTS"
    next_steps = ("GET /v1/domains shows it, and the records it needs.",)


class RotationRunning(StateConflict):
    """New DKIM keys wait to be published already: they sign as soon as DNS shows them."""

    code = "DKIM_ROTATION_RUNNING"
    next_steps = ("Publish the DKIM records that are pending, then: POST /v1/domains/{domain_id}/verify.",)
