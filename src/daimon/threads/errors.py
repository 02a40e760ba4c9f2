"""What can be wrong with a thread."""

from daimon.kit.errors import NotFound


class ThreadNotFound(NotFound):
    """There is no such thread within the reach of this key."""

    error = "THREAD_NOT_FOUND"
    next_steps = ("List the threads: GET /v1/inboxes/{inbox_id}/threads.",)
