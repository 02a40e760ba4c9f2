"""What all results have in common. Not dataclasses: seventy of those take longer to import than all the rest."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Callable, ClassVar, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        """Return what leaves a class as it is: only type checkers need to know more."""
        return lambda kind: kind


R = TypeVar("R", bound="Result")
Reader = Callable[[Any], Any]


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Result:
    """What the server tells of something. It cannot be changed; times are `datetime` in UTC.

    A field that this version does not know can be read all the same; one that the server leaves out is None or [] where
    that is possible, else there is no such attribute.
    """

    _reads: ClassVar[Mapping[str, Reader]] = {}  # of fields that are not as JSON has them
    _lists: ClassVar[tuple[str, ...]] = ()  # what is [] when it is left out
    _secrets: ClassVar[tuple[str, ...]] = ()  # what `repr` does not show

    def __init__(self, **values: Any) -> None:
        for name in self._lists:
            values.setdefault(name, [])
        self.__dict__.update(values)

    @classmethod
    def _from_json(cls: type[R], given: Mapping[str, Any], next_steps: list[str] | None = None) -> R:
        """Return a result that JSON tells of. Raises what the shape of other JSON leads to."""
        values = dict(given)
        for name, reader in cls._reads.items():
            value = values.get(name)
            if value is not None:
                values[name] = reader(value)
        for name in cls._lists:
            values.setdefault(name, [])
        if next_steps:
            values["_next_steps"] = next_steps
        made = object.__new__(cls)
        made.__dict__.update(values)
        return made

    @property
    def next_steps(self) -> list[str]:
        """The next useful calls, with real ids."""
        steps: list[str] = self.__dict__.get("_next_steps", [])
        return steps

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it, without the next steps."""
        return {name: _plain(value) for name, value in self._fields().items()}

    def _fields(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_next_steps"}

    if not TYPE_CHECKING:  # a checker would take it for a promise of any attribute

        def __getattr__(self, name: str) -> Any:
            raise AttributeError(f"the server told no {name!r} of this {type(self).__name__}")

        def __setattr__(self, name: str, value: Any) -> None:
            raise AttributeError(f"a {type(self).__name__} cannot be changed: it is what the server told")

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and isinstance(other, Result) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash((type(self), self.__dict__.get("id")))

    def __repr__(self) -> str:
        shown = (f"{name}={value!r}" for name, value in self._fields().items() if name not in self._secrets)
        return f"{type(self).__name__}({', '.join(shown)})"


def _read_time(text: str) -> datetime:
    return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


# Reads an RFC 3339 time of this API. Pythons before 3.11 do not read the `Z`.
read_time: Callable[[str], datetime] = datetime.fromisoformat if sys.version_info >= (3, 11) else _read_time


def text_of_time(moment: datetime) -> str:
    """Return a time as it is sent. Raises ValueError without a time zone: nobody knows which moment it is."""
    if moment.tzinfo is None:
        raise ValueError("a datetime needs a time zone, such as timezone.utc")
    return moment.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def as_is(value: Any) -> Any:
    """Return a value that is as JSON has it."""
    return value


def many(reader: Reader) -> Reader:
    """Return what reads a list of what a reader reads."""
    return lambda given: [reader(each) for each in given]


def _plain(value: Any) -> Any:
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return text_of_time(value) if isinstance(value, datetime) else value
