"""What can be wrong with a send."""

from daimon.kit.errors import Forbidden, StateConflict


class NotCancellable(StateConflict):
    """Nothing of this message waits any more: there is nothing to cancel."""

    next_steps = ("See what became of it: GET /v1/inboxes/{inbox_id}/messages/{message_id}/deliveries.",)


class BadSubmission(Exception):
    """A mail that its sender composed cannot be sent as it is; the text says why. SMTP alone meets it (554 5.6.0)."""


class ForeignSender(Forbidden):
    """This key sends from the inboxes that it reaches, and from no other address."""

    next_steps = ("GET /v1/inboxes lists the inboxes that a key reaches.",)
