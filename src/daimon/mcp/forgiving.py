"""Arguments as a model meant them: a text where a list, a number or a switch is due, null where nothing is.

Models write "urgent" for a list of labels, and a list as the text of its JSON. What they mean is plain, and to refuse
it costs them a turn.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from daimon.mcp.body import is_deep

Json = dict[str, Any]

_MOST_VALUES = 10_000  # in a text of JSON: to read it costs others no more time than the message that it came in
_MARKS = (",", "[", "{")  # each value but the first has one of them before it


def meant(arguments: Mapping[str, Any], parameters: Mapping[str, Json]) -> Json:
    """Return arguments as their schemas want them, where that is plain; all else as it is, for the API to refuse."""
    return {
        name: _meant(value, parameters[name]) if name in parameters else value
        for name, value in arguments.items()
        if value is not None or name not in parameters or _takes(parameters[name], "null")
    }


def _meant(value: Any, schema: Json) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if _takes(schema, "array") and text.startswith("[") and isinstance(found := _read(text), list):
        return found
    if _takes(schema, "string"):
        return value
    if _takes(schema, "array"):
        return [value]
    found = _read(text.lower() if _takes(schema, "boolean") else text)
    fits = (
        (_takes(schema, "boolean") and isinstance(found, bool))
        or ((_takes(schema, "integer") or _takes(schema, "number")) and type(found) in (int, float))
        or (_takes(schema, "object") and isinstance(found, dict))
    )
    return found if fits else value


def _takes(schema: Json, kind: str) -> bool:
    """Tell whether a schema says that it takes this type of value. A reference is to an object, or to words."""
    if "anyOf" in schema:
        return any(_takes(each, kind) for each in schema["anyOf"])
    if "$ref" in schema:
        return kind == "object"
    return bool(schema.get("type", "string" if "enum" in schema else "") == kind)


def _read(text: str) -> Any:
    """Return what a text of JSON says; None for none, and for what the API would refuse: NaN, half a character."""
    if sum(map(text.count, _MARKS)) > _MOST_VALUES:
        return None
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None
    return None if is_deep(found) else found
