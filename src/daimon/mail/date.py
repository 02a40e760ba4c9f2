"""The Date field (RFC 5322 §3.3), the obsolete forms and the common mistakes included."""

import re
from datetime import UTC, datetime, timedelta

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
# RFC 5322 §4.3; letters it does not name count as UTC.
_ZONES = {"EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7,
          "CET": 1, "CEST": 2, "BST": 1, "JST": 9}  # fmt: skip
_DATE = re.compile(
    r"(?:[A-Za-z]{2,9}\.?,?\s{0,4})?(\d{1,2})[\s-]{1,4}([A-Za-z]{3})[A-Za-z]{0,6}\.?[\s-]{1,4}(\d{2,4}),?\s{1,4}"
    r"(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?(?:\.\d{1,9})?\s{0,4}(?:([+-])(\d{2}):?(\d{2})|([A-Za-z]{1,5}))?"
)
_LONGEST = 100
_DAY = timedelta(days=1)  # no zone is as far from UTC


def parse(text: str) -> datetime | None:
    """Return the moment in UTC, or None if the text names none."""
    text = text[:_LONGEST].strip()
    match = _DATE.match(text)
    try:
        return _moment(match) if match else _iso(text)
    except (ValueError, OverflowError):
        return None


def _iso(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _moment(match: re.Match[str]) -> datetime | None:
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes, zone = match.groups()
    number = _MONTHS.get(month.lower())
    if number is None:
        return None
    moment = datetime(_year(year), number, int(day), int(hour), int(minute), min(int(second or 0), 59), tzinfo=UTC)
    if zone:
        return moment - timedelta(hours=_ZONES.get(zone.upper(), 0))
    if sign is None:
        return moment
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
    if offset >= _DAY:
        return None
    return moment + offset if sign == "-" else moment - offset


def _year(digits: str) -> int:
    """RFC 5322 §4.3: two digits are 1950–2049, three count from 1900."""
    year = int(digits)
    if len(digits) == 2:
        return year + (2000 if year < 50 else 1900)
    return year + 1900 if len(digits) == 3 else year
