"""What can be wrong with a draft."""

from daimon.kit.errors import NotFound, StateConflict


class DraftNotFound(NotFound):
    """There is no such draft in this inbox."""

    error = "DRAFT_NOT_FOUND"
    next_steps = ("List the drafts: GET /v1/inboxes/{inbox_id}/drafts.",)


class DraftSent(StateConflict):
    """This draft was sent: it can be changed, sent and taken back no more."""

    next_steps = ("Its `sent_message_id` is the message: GET /v1/inboxes/{inbox_id}/messages/{message_id}.",)
