"""What the audit trail tells of a send, whichever way it was asked for, and of one that was taken back."""

from daimon.audit.models import Change
from daimon.kit.ids import Kind, show
from daimon.outbound.cancelling import Cancelled
from daimon.outbound.models import Submitted

ACTION = "send_message"  # where no operation's name says it


def change_of(submitted: Submitted) -> Change:
    """Return what a send changed: whom it went to, and not what it said."""
    after = {"recipients": [each.recipient for each in submitted.recipients], "status": submitted.status}
    return Change(show(Kind.MESSAGE, submitted.id), None, after, pod_id=submitted.pod_id, inbox_id=submitted.inbox_id)


def change_of_cancelling(cancelled: Cancelled) -> Change:
    """Return what was changed by taking a message back: who does not get it."""
    message = cancelled.message
    after = {"cancelled": [each.recipient for each in cancelled.recipients], "status": message.status}
    before = {"status": cancelled.before}
    return Change(show(Kind.MESSAGE, message.id), before, after, pod_id=message.pod_id, inbox_id=message.inbox_id)
