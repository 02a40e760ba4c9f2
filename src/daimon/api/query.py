"""The query string, read into the Struct that the operation declares."""

import typing
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from daimon.api.faults import invalid
from daimon.kit.errors import Invalid

_MAX_PARAMETERS = 100


class QueryReader:
    """Reads query strings into one frozen Struct. A field that is a list takes its parameter any number of times."""

    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self.struct = struct
        self._none_given = struct()  # every query parameter may be left out
        self._lists = {field.encode_name for field in msgspec.structs.fields(struct) if _is_list(field.type)}

    def read(self, raw: bytes) -> msgspec.Struct:
        """Return the parameters in a query string. Raises Invalid naming the one that is wrong."""
        if not raw:
            return self._none_given
        try:
            return msgspec.convert(self._collect(raw), self.struct, strict=False)
        except msgspec.ValidationError as error:
            raise invalid(error) from None

    def _collect(self, raw: bytes) -> dict[str, Any]:
        given: dict[str, Any] = {}
        for name, value in _pairs(raw):
            if "\x00" in value:
                raise Invalid.field(name[:100], "holds a NUL character")
            if name in self._lists:
                given.setdefault(name, []).append(value)
            elif name in given:
                raise Invalid.field(name[:100], "is given twice")
            else:
                given[name] = value
        return given


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise Invalid("The query string is not UTF-8.") from None
    except ValueError:
        raise Invalid(f"The query string has more than {_MAX_PARAMETERS} parameters.") from None


def _is_list(hint: Any) -> bool:
    options = typing.get_args(hint) if typing.get_origin(hint) is not list else (hint,)
    return any(typing.get_origin(option) in (list, tuple) for option in options)
