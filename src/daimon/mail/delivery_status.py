"""Delivery status notifications that follow RFC 3464, or nearly; RFC 6533 for addresses beyond ASCII."""

from collections.abc import Iterable
from typing import NamedTuple

from daimon.mail import bounds, reply_code, report_fields
from daimon.mail.parsed import Dsn

_ADDRESSES = ("final-recipient", "original-recipient", "x-actual-recipient")
_OF_RECIPIENT = frozenset((*_ADDRESSES, "action", "status", "diagnostic-code", "remote-mta", "last-attempt-date",
                           "final-log-id", "will-retry-until", "x-display-name", "x-supplementary-info"))  # fmt: skip
_OUTCOME = ("action", "status", "diagnostic-code")
_ACTIONS = ("failed", "delayed", "delivered", "relayed", "expanded")
_ACTION_OF_CLASS = {"2": "delivered", "4": "delayed", "5": "failed"}


class DeliveryStatus(NamedTuple):
    """The content of `message/delivery-status`."""

    reporting_mta: str | None
    recipients: tuple[Dsn, ...]


def read(octets: bytes) -> DeliveryStatus:
    """Read the content of a `message/delivery-status` part."""
    about_all, about_each = _groups(report_fields.fields(octets))
    recipients = tuple(_recipient(group) for group in about_each)
    return DeliveryStatus(report_fields.host(about_all.get("reporting-mta", "")), recipients)


def _groups(
    lines: Iterable[tuple[str, str] | None],
) -> tuple[dict[str, str], list[dict[str, str]]]:
    """Return the fields about the whole message and those about each recipient.

    An empty line should stand between two groups (§2.1); some reporters leave it out, others put one into a group.
    """
    whole: dict[str, str] = {}
    each: list[dict[str, str]] = []
    after_gap = False
    for line in lines:
        if line is None:
            after_gap = True
            continue
        name, value = line
        if name not in _OF_RECIPIENT:
            whole.setdefault(name, value)
            continue
        if not each or _begins_another(name, each[-1], after_gap=after_gap):
            if len(each) == bounds.REPORT_RECIPIENTS:
                break
            each.append({})
        each[-1][name] = value
        after_gap = False
    return whole, each


def _begins_another(name: str, group: dict[str, str], *, after_gap: bool) -> bool:
    if name in group:
        return True
    has_address = not group.keys().isdisjoint(_ADDRESSES)
    return name in _ADDRESSES and has_address and (after_gap or not group.keys().isdisjoint(_OUTCOME))


def _recipient(group: dict[str, str]) -> Dsn:
    diagnostic = report_fields.typed(group.get("diagnostic-code", ""))
    within = reply_code.find(diagnostic or "")
    status = reply_code.find(group.get("status", "")).status
    if within.status is not None and reply_code.is_vague(status) and status in (None, f"{within.status[0]}.0.0"):
        status = within.status
    original = group.get("original-recipient")
    return Dsn(
        action=_action(group.get("action", ""), status, within.smtp_code),
        status=status,
        final_recipient=report_fields.address(group.get("final-recipient") or group.get("x-actual-recipient") or ""),
        original_recipient=report_fields.address(original) if original else None,
        diagnostic=diagnostic,
        remote_mta=report_fields.host(group.get("remote-mta", "")),
        smtp_code=within.smtp_code,
    )


def _action(stated: str, status: str | None, smtp_code: int | None) -> str:
    word = stated.strip().lower()
    if (action := next((each for each in _ACTIONS if word.startswith(each)), None)) is not None:
        return action
    return _ACTION_OF_CLASS.get((status or str(smtp_code or 5))[0], "failed")
