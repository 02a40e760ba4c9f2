"""What can be wrong with a send."""

from daimon.kit.errors import Forbidden, StateConflict


class BadSubmission(Exception):
    """A mail that its sender composed cannot be sent as it is; the text says why. SMTP alone meets it (554 5.6.0)."""


class ForeignSender(Forbidden):
    """This key sends from the inboxes that it reaches, and from no other address."""

    next_steps = ("GET /v1/inboxes lists the inboxes that a key reaches.",)


class NotSentMail(StateConflict):
    """This message was received, not sent: there is nothing to take back."""

    code = "MESSAGE_RECEIVED"
    next_steps = (
        "List what was sent: GET /v1/inboxes/{inbox_id}/messages?direction=outbound.",
        "A draft that is scheduled is taken back by DELETE /v1/inboxes/{inbox_id}/drafts/{draft_id}.",
    )


class BeingSent(StateConflict):
    """A worker is handing this message over at this moment: nothing of it could be cancelled yet."""

    code = "MESSAGE_IN_FLIGHT"
    next_steps = (
        "Send the same request again after `retry_after` seconds: what is put off then can be cancelled.",
        "See what became of it: GET /v1/inboxes/{inbox_id}/messages/{message_id}/deliveries.",
    )


class NothingWaits(StateConflict):
    """This message is decided for every recipient: nothing of it waits to be sent, so nothing could be cancelled."""

    code = "MESSAGE_DECIDED"
    next_steps = ("See what became of it: GET /v1/inboxes/{inbox_id}/messages/{message_id}/deliveries.",)
