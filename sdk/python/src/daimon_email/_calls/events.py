"""Events: what happened, in one sequence."""

from __future__ import annotations

from collections.abc import Sequence

from daimon_email._calls.common import path, query
from daimon_email._config import Config
from daimon_email._flow import Flow
from daimon_email._following import Following
from daimon_email._paging import Listing, fetch_page
from daimon_email.models import Event


def list(
    config: Config,
    *,
    after: int | str | None = None,
    limit: int | None = None,
    events: Sequence[str] | None = None,
    inbox_ids: Sequence[str] | None = None,
    pod_ids: Sequence[str] | None = None,
    include: str | None = None,
) -> Flow[Listing[Event]]:
    """List events, the oldest first, behind the number or id of one.

    `next_cursor` is there on the last page too: it is the next `after`. `include="body"` shows messages whole.
    """
    asked = query(after=after, limit=limit, event=_names(events), inbox_id=_names(inbox_ids),
                  pod_id=_names(pod_ids), include=include)  # fmt: skip
    return fetch_page(config, path("events"), asked, "events", Event)


def stream(
    config: Config,
    *,
    after: int | str | None = None,
    events: Sequence[str] | None = None,
    inbox_ids: Sequence[str] | None = None,
    pod_ids: Sequence[str] | None = None,
) -> Following:
    """Follow events as they happen, behind the number or id of one, or from now on; iterate over what it returns.

    A lost connection is opened again behind the last event, so none is missed and none comes twice. Messages in `data`
    are whole.
    """
    asked = query(after=after, event=_names(events), inbox_id=_names(inbox_ids), pod_id=_names(pod_ids))
    return Following(config, path("events", "stream"), asked)


def _names(names: Sequence[str] | None) -> str | None:
    return None if names is None else ",".join([names] if isinstance(names, str) else names)
