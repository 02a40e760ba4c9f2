"""What is counted. The names are part of the operator's interface."""

from daimon.kit.metrics import Counter, Gauge
from daimon.smtpd.replies import Reply

connections = Gauge("daimon_smtp_connections", "SMTP connections open now.")
_accepted = Counter("daimon_smtp_mails_accepted_total", "Mails answered 250: they are durable.")
_submitted = Counter("daimon_submission_mails_total", "Mails taken to be sent by SMTP.")
_refused = Counter("daimon_smtp_refused_total", "Permanent refusals, by reply.", ("code", "status"))

accepted = _accepted.inc
submitted = _submitted.inc


def refused(reply: Reply) -> None:
    """Count a permanent refusal."""
    _refused.inc(reply.code, reply.status or "")
