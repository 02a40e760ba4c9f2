"""Names with a wildcard, as certificates and MTA-STS policies have them (RFC 6125 §6.4.3, RFC 8461 §4.1)."""

from collections.abc import Iterable


def covers(pattern: str, host: str) -> bool:
    """Return whether a pattern stands for a host; `*` is a whole first label, one and no more."""
    pattern, host = pattern.lower(), host.lower()
    if not pattern.startswith("*."):
        return pattern == host
    label, dot, rest = host.partition(".")
    return bool(label and dot) and rest == pattern[2:]


def any_covers(patterns: Iterable[str], host: str) -> bool:
    """Return whether one of several patterns stands for a host."""
    return any(covers(pattern, host) for pattern in patterns)
