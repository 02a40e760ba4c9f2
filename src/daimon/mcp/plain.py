"""A schema as a model is told it: what to write, and not what the server checks of it or how it is generated."""

from typing import Any

from daimon.mcp.fencing import REF, WRITTEN_BY

_NOT_TOLD = frozenset({WRITTEN_BY, "title", "pattern", "maxLength", "minLength", "maxItems"})
_NAMED = frozenset({"properties", "$defs"})  # hold schemas by names, which are no keywords


def plainly(schema: Any, *, by_name: bool = False) -> Any:
    """Return a schema without what only checks, and with references into its own `$defs`.

    That null stands for nothing is not told either: to leave it out is shorter. Where null means something, it has no
    default, and is told.
    """
    if isinstance(schema, list):
        return [plainly(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if by_name:
        return {name: plainly(each) for name, each in schema.items()}
    if "anyOf" in schema and "default" in schema and schema["default"] is None:
        options = [each for each in schema["anyOf"] if each != {"type": "null"}]
        rest = {key: each for key, each in schema.items() if key not in ("anyOf", "default")}
        schema = rest | (options[0] if len(options) == 1 else {"anyOf": options})
    told = {key: each for key, each in schema.items() if key not in _NOT_TOLD and (key, each) not in _NOTHING}
    return {
        key: f"#/$defs/{each.removeprefix(REF)}" if key == "$ref" else plainly(each, by_name=key in _NAMED)
        for key, each in told.items()
    }


_NOTHING: list[tuple[str, Any]] = [("default", []), ("default", ""), ("required", [])]
