"""What can be wrong with a draft."""

from daimon.kit.errors import NotFound, StateConflict


class DraftNotFound(NotFound):
    """There is no such draft in this inbox."""

    error = "DRAFT_NOT_FOUND"
    next_steps = ("List the drafts: GET /v1/inboxes/{inbox_id}/drafts.",)


class TooManyDrafts(StateConflict):
    """The drafts of the account that were not sent hold as much as they may. Nothing was written."""

    code = "TOO_MANY_DRAFTS"
    next_steps = (
        "Delete drafts that are no longer needed: DELETE /v1/inboxes/{inbox_id}/drafts/{draft_id}.",
        "Or send them: POST /v1/inboxes/{inbox_id}/drafts/{draft_id}/send; what was sent is counted no more.",
    )


class DraftSent(StateConflict):
    """This draft was sent: it can be changed, sent and taken back no more."""

    next_steps = ("Its `sent_message_id` is the message: GET /v1/inboxes/{inbox_id}/messages/{message_id}.",)
