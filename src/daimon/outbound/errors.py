"""What can be wrong with a send."""

from daimon.kit.errors import Forbidden


class BadSubmission(Exception):
    """A mail that its sender composed cannot be sent as it is; the text says why. SMTP alone meets it (554 5.6.0)."""


class ForeignSender(Forbidden):
    """This key sends from the inboxes that it reaches, and from no other address."""

    next_steps = ("GET /v1/inboxes lists the inboxes that a key reaches.",)
