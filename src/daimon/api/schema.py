"""Types that several requests and results share."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from daimon.kit import ids
from daimon.kit.errors import Invalid
from daimon.kit.paging import DEFAULT_LIMIT, MAX_LIMIT
from daimon.kit.written import Ours

Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339, with `Z` or an offset.")]
Limit = Annotated[int, Meta(ge=1, le=MAX_LIMIT, description="How many to show.")]
Offset = Annotated[int, Meta(ge=0, le=1_000_000_000, description="How many to pass over; not together with `cursor`.")]
Cursor = Annotated[Ours, Meta(max_length=500, description="`next_cursor` of the page before.")]
Search = Annotated[str, Meta(min_length=1, max_length=200)]
# `$` alone would let a newline at the end pass.
OneLine = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$(?!\n)")]
ClientId = Annotated[
    str,
    Meta(min_length=1, max_length=255, description="Your own id of this object: the same create twice makes one."),
]
Metadata = Annotated[
    dict[str, Any], Meta(description="Anything of yours, up to 16 KiB of JSON and five levels, shown back as it is.")
]

_METADATA_BYTES = 16 << 10
_METADATA_LEVELS = 5


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The query of a list."""

    limit: Limit = DEFAULT_LIMIT
    cursor: Cursor | None = None


class Deleted(msgspec.Struct, frozen=True):
    """What was deleted."""

    id: str
    deleted: bool = True


def check_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata that is small enough to keep. Raises Invalid."""
    if _levels(metadata) > _METADATA_LEVELS:
        raise Invalid.field("metadata", f"is nested deeper than {_METADATA_LEVELS} levels")
    if len(msgspec.json.encode(metadata)) > _METADATA_BYTES:
        raise Invalid.field("metadata", f"is larger than {_METADATA_BYTES} bytes of JSON")
    return metadata


def read_id(kind: ids.Kind, text: str | None, field: str) -> UUID | None:
    """Return the id in a query or body, None for none. Raises Invalid."""
    if text is None:
        return None
    found = ids.read(kind, text)
    if found is None:
        raise Invalid.field(field, f"must be an id that begins with `{kind.value}_`")
    return found


def in_utc(moment: datetime | None, field: str) -> datetime | None:
    """Return a moment of a query in UTC. Raises Invalid for one that UTC cannot name."""
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        raise Invalid.field(field, "is out of range") from None


def _levels(value: object, below: int = 0) -> int:
    """Return how deep a JSON value is nested; it stops counting one level beyond what is allowed."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if below > _METADATA_LEVELS:
        return below
    return max((_levels(item, below + 1) for item in items), default=below)
