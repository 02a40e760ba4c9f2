"""Advice on SPF (RFC 7208) that fits what a domain publishes: one record, the present one with our mechanism in it."""

from collections.abc import Sequence

_VERSION = "v=spf1"
_MOST_LOOKUPS = 10  # §4.6.4
_LOOKING_UP = ("include", "a", "mx", "ptr", "exists", "redirect")


def records_in(texts: Sequence[str]) -> list[str]:
    """Return the SPF records among TXT records (§4.5)."""
    return [text for text in texts if text.lower() == _VERSION or text.lower().startswith(f"{_VERSION} ")]


def includes(record: str, domain: str) -> bool:
    """Tell whether a record lets the servers of another domain send."""
    return any(term.lower().lstrip("+") == f"include:{domain}" for term in record.split())


def merged(records: Sequence[str], domain: str) -> str:
    """Return the one record that says what these say, and lets the servers of `domain` send too."""
    ours = f"include:{domain}"
    terms = list(dict.fromkeys(term for record in records for term in record.split()[1:] if not _is(term, ours)))
    last = [term for term in terms if _mechanism(term) in ("all", "redirect")]
    return " ".join([_VERSION, *(term for term in terms if term not in last), ours, *(last[:1] or ["~all"])])


def lookups(record: str) -> int:
    """Return how many terms of a record make its reader ask the DNS, those of included records not counted."""
    return sum(_mechanism(term) in _LOOKING_UP for term in record.split()[1:])


def is_too_long(record: str) -> bool:
    """Tell whether readers give up on a record before its end (§4.6.4)."""
    return lookups(record) > _MOST_LOOKUPS


def _is(term: str, other: str) -> bool:
    return term.lower().lstrip("+-~?") == other


def _mechanism(term: str) -> str:
    name = term.lower().lstrip("+-~?")
    for end in ":=/":
        name = name.partition(end)[0]
    return name
