"""When a domain is checked again: soon after it was claimed, then ever more seldom."""

from datetime import datetime, timedelta

from daimon.domains.models import Domain, DomainStatus, Stage

FIRST = timedelta(minutes=1)
_LONGEST = timedelta(hours=2)
_DAILY = timedelta(days=1)
_MISSING = timedelta(hours=6)  # while a verified domain shows its token no more


def next_check(domain: Domain, now: datetime) -> datetime | None:
    """Return when a domain that was just checked is checked again; None: when somebody asks."""
    if domain.status is DomainStatus.FAILED:
        return None
    if domain.status is DomainStatus.PENDING:
        return now + _growing(now - domain.pending_since)
    waiting = [key.created_at for key in domain.keys if key.stage is Stage.NEXT]
    regular = _MISSING if domain.missing_since else _DAILY
    return now + min([regular, *(_growing(now - at) for at in waiting)])


def _growing(age: timedelta) -> timedelta:
    """Return a quarter of what was waited already."""
    return min(max(age / 4, FIRST), _LONGEST)
