"""What can be wrong with a send."""

from daimon.kit.errors import StateConflict


class NotCancellable(StateConflict):
    """Nothing of this message waits any more: there is nothing to cancel."""

    next_steps = ("See what became of it: GET /v1/inboxes/{inbox_id}/messages/{message_id}/deliveries.",)
