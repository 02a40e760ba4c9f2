"""What is counted. The names are part of the operator's interface."""

from daimon.kit.metrics import Counter, Histogram

_commits = Histogram(
    "daimon_accept_commit_mails", "Mails that one commit made durable.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256)
)
_shown = Counter("daimon_inbound_shown_total", "Accepted mails that became visible, once for each account.")
_unread = Counter(
    "daimon_inbound_unread_total", "Mails shown although they could not be read whole, by reason.", ("why",)
)
_parked = Counter("daimon_inbound_parked_total", "Tries after which a mail was parked.")

committed = _commits.observe
unread = _unread.inc
parked = _parked.inc


def shown(mails: int) -> None:
    """Count mails that became visible."""
    _shown.inc(by=mails)
