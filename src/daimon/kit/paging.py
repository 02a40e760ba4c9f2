"""Pages and cursors. A cursor is the sort key of the last row shown: the millionth page costs what the first does."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from daimon.kit.errors import InvalidCursor

T = TypeVar("T")
K = TypeVar("K")

MAX_LIMIT = 100
DEFAULT_LIMIT = 50
COUNT_CAP = 10_000  # a filtered total is exact up to here; beyond it, counting would cost more than the page


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows in order, and the cursor of the next page (None: this was the last)."""

    items: Sequence[T]
    next_cursor: str | None = None
    total: int = 0


def write_cursor(*key: object) -> str:
    """Return an opaque cursor that holds a sort key."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).rstrip(b"=").decode()


def read_cursor(text: str, key: type[K]) -> K:
    """Return the sort key in a cursor. Raises InvalidCursor for anything this server did not write."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.json.decode(raw, type=key)
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise InvalidCursor from error
