"""Complaints: abuse feedback reports (RFC 5965), and those that Hotmail sends without one."""

from daimon.mail import bounds, report_fields, threading
from daimon.mail.header import Header
from daimon.mail.parsed import Report

# RFC 5965 §7.3, RFC 6430, and words in use. `not-spam` praises; `auth-failure` (RFC 6591) is about whoever forged.
_COMPLAINTS = frozenset(
    ("abuse", "fraud", "virus", "other", "opt-out", "opt-out-list", "miscategorized", "unsubscribe")
)
_HOTMAIL_RECIPIENT = "x-hmxmroriginalrecipient"
_REMOVALS = ("original-rcpt-to", "removal-recipient", "redacted-address")


def read(octets: bytes, returned: Header | None) -> Report | None:
    """Read the content of a `message/feedback-report` part; None for one that complains of nothing."""
    said: dict[str, list[str]] = {}
    for line in report_fields.fields(octets):
        if line is not None:
            said.setdefault(line[0], []).append(line[1])
    kind = _first(said, "feedback-type").lower() or "abuse"
    if kind not in _COMPLAINTS:
        return None
    stated = [value for name in _REMOVALS for value in said.get(name, ())]
    addresses = [found for value in stated if (found := report_fields.address(value)) and _is_address(found)]
    return Report(
        kind="complaint",
        feedback_type=kind,
        reporting_mta=report_fields.host(_first(said, "reporting-mta")),
        original_message_id=_message_id(said, returned),
        original_rcpt_to=tuple(dict.fromkeys(addresses))[: bounds.REPORT_RECIPIENTS] or _hotmail_recipient(returned),
        original_mail_from=report_fields.address(_first(said, "original-mail-from")),
        user_agent=_first(said, "user-agent") or None,
    )


def of_hotmail(returned: Header | None) -> Report | None:
    """Return the complaint that a message returned by Hotmail's reporting program is; None for any other."""
    recipients = _hotmail_recipient(returned)
    if returned is None or not recipients:
        return None
    message_id = threading.message_id(returned.first("message-id"))
    return Report(kind="complaint", feedback_type="abuse", original_message_id=message_id, original_rcpt_to=recipients)


def _message_id(said: dict[str, list[str]], returned: Header | None) -> str | None:
    stated = _first(said, "original-message-id") or _first(said, "message-id")
    return threading.message_id(returned.first("message-id") if returned else stated) or threading.message_id(stated)


def _hotmail_recipient(returned: Header | None) -> tuple[str, ...]:
    stated = returned.first(_HOTMAIL_RECIPIENT) if returned else ""
    found = report_fields.address(stated)
    return (found,) if found and _is_address(found) else ()


def _is_address(text: str) -> bool:
    """Tell an address from one that was made unreadable on purpose."""
    return "" not in text.partition("@")


def _first(said: dict[str, list[str]], name: str) -> str:
    return said.get(name, [""])[0]
