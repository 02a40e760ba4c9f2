"""Bodies in JSON, from whatever callers have at hand."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from enum import Enum
from typing import Any
from uuid import UUID

from daimon_email._result import Result, text_of_time


def in_json(body: Mapping[str, Any]) -> bytes:
    """Return a body as it is sent. Raises TypeError for what JSON cannot say, ValueError for a number that is none."""
    return json.dumps(body, default=_plain, allow_nan=False).encode()


def text_of_day(value: date) -> str:
    """Return a day, or a moment, as it is sent. Raises ValueError for a moment without a time zone."""
    return text_of_time(value) if isinstance(value, datetime) else value.isoformat()


def _plain(value: Any) -> Any:
    """Return what JSON can say of a value that it does not know."""
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return text_of_day(value)
    if isinstance(value, UUID):
        return str(value)
    if hasattr(value, "keys"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118 -- the least that a mapping has
    if (isinstance(value, Iterable) or hasattr(value, "__getitem__")) and not isinstance(value, _OCTETS):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON")


_OCTETS = (bytes, bytearray, memoryview)
