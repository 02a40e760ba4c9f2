"""What can be wrong with a message."""

from daimon.kit.errors import Forbidden, NotFound, StateConflict


class MessageNotFound(NotFound):
    """There is no such message in this inbox."""

    error = "MESSAGE_NOT_FOUND"
    next_steps = ("List the messages: GET /v1/inboxes/{inbox_id}/messages.",)


class AttachmentNotFound(NotFound):
    """There is no such attachment on this message."""

    error = "ATTACHMENT_NOT_FOUND"
    next_steps = ("The message's `attachments` hold the ids: GET /v1/inboxes/{inbox_id}/messages/{message_id}.",)


class DownloadLinkInvalid(Forbidden):
    """This download link has expired or was altered."""

    error = "FORBIDDEN"
    next_steps = ("Ask for a new link: GET /v1/inboxes/{inbox_id}/messages/{message_id}/attachments/{attachment_id}.",)


class MessageIsBlocked(StateConflict):
    """A rule blocked this message: it is kept aside, and can only be read, released or deleted."""

    code = "MESSAGE_BLOCKED"
    next_steps = ("Release it: POST /v1/inboxes/{inbox_id}/messages/{message_id}/unblock.",)


class NotHeld(StateConflict):
    """This lease is not the message's last one: it ran out and somebody else claimed it, or it was released."""

    next_steps = (
        "Stop working on the message: whoever holds it now will handle it.",
        "Claim the next one: POST /v1/inboxes/{inbox_id}/messages/claim.",
    )
