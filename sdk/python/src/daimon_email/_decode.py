"""JSON to models."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from daimon_email.errors import UnexpectedAnswer

M = TypeVar("M")


def decode(model: type[M], given: Any) -> M:
    """Return a model's instance. Raises UnexpectedAnswer if a field that it must have is missing or misshapen."""
    try:
        return _object(model, given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnexpectedAnswer(f"The answer is not a {model.__name__}: {error!r}.") from error


def _object(model: type[M], given: Mapping[str, Any]) -> M:
    hints = _hints(model)  # type: ignore[arg-type] # a class is hashable
    found = {name: _value(hint, given[name]) for name, hint in hints.items() if name in given}
    return model(**found)


def _value(hint: Any, given: Any) -> Any:
    """Return a JSON value as its type. Plain values are taken as they are: the server has checked them."""
    if given is None:
        return None
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Union:
        return _value(arguments[0], given)  # Optional[…]
    if origin is list:
        return [_value(arguments[0], each) for each in given]
    if hint is datetime:
        return read_time(given)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _object(hint, given)
    return given


def read_time(text: str) -> datetime:
    """Return an RFC 3339 time of this API. Python 3.9 does not read the `Z`."""
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


@functools.cache
def _hints(model: Any) -> dict[str, Any]:
    settable = {each.name for each in dataclasses.fields(model) if each.init}
    return {name: hint for name, hint in get_type_hints(model).items() if name in settable}
