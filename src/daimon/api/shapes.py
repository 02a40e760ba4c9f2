"""JSON schemas in the fewest words that a model can write code from: `{id: str, to: [Mailbox], read: bool}`."""

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

_REF = "#/components/schemas/"
_KINDS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "null"}
_MOST_WORDS = 8  # of an enum that is told where it stands; a longer one is told once, by its name
_LEAST_ALIKE = 6  # fields that make one shape the beginning of another


class Shapes:
    """The schemas of an OpenAPI document. What was named while others were told is told by `named`."""

    def __init__(self, schemas: Mapping[str, Json]) -> None:
        self._schemas = schemas
        self._asked: dict[str, None] = {}

    def fields(self, schema: Json) -> str:
        """Return the fields of an object with their kinds; a star marks those that must be given."""
        schema = self._resolved(schema)
        required = schema.get("required", ())
        told = schema.get("properties", {}).items()
        return ", ".join(f"{name}{'*' if name in required else ''}: {self.kind(each)}" for name, each in told)

    def kind(self, schema: Json) -> str:
        """Return what a value is: its kind, words of an enum, or the name of a shape."""
        if "$ref" in schema:
            return self._named(schema["$ref"].removeprefix(_REF))
        if "anyOf" in schema:
            kinds = dict.fromkeys(self.kind(each) for each in schema["anyOf"])
            return "|".join(each for each in kinds if each != "null") + ("?" if "null" in kinds else "")
        if "enum" in schema:
            return "|".join(map(str, schema["enum"]))
        if schema.get("type") == "array":
            return f"[{self.kind(schema.get('items', {}))}]"
        if schema.get("type") == "object" or "properties" in schema:
            if "properties" in schema:
                return f"{{{self.fields(schema)}}}"
            inner = schema.get("additionalProperties")
            return f"{{str: {self.kind(inner) if isinstance(inner, dict) else 'any'}}}"
        if schema.get("format") == "date-time":
            return "time"
        return _KINDS.get(schema.get("type", ""), "any")

    def named(self) -> dict[str, str]:
        """Return what stands for each name: fields, and those of the shapes that these name, or words."""
        told: dict[str, Json] = {}
        while left := [name for name in self._asked if name not in told]:
            for name in left:
                told[name] = self._kinds(self._schemas[name])
        return {
            _short(name): "|".join(map(str, self._schemas[name].get("enum", ()))) or _written(kinds, told)
            for name, kinds in sorted(told.items(), key=lambda item: _short(item[0]))
        }

    def _kinds(self, schema: Json) -> Json:
        """Return the kinds of a shape's fields; a question mark stands behind the name of one that may be missing."""
        always = schema.get("required", ())
        fields = schema.get("properties", {}).items()
        return {name if name in always else f"{name}?": self.kind(each) for name, each in fields}

    def _named(self, name: str) -> str:
        words = self._schemas[name].get("enum", ())
        if 0 < len(words) <= _MOST_WORDS:
            return "|".join(map(str, words))
        self._asked[name] = None
        return _short(name)

    def _resolved(self, schema: Json) -> Json:
        return self._schemas[schema["$ref"].removeprefix(_REF)] if "$ref" in schema else schema


def _written(kinds: Json, others: Mapping[str, Json]) -> str:
    """Return fields with their kinds; those of another shape by its name, if they are all there."""
    alike = [(len(each), name) for name, each in others.items() if _begins(each, kinds)]
    size, name = max(alike, default=(0, ""))
    own = [f"{field}: {kind}" for field, kind in kinds.items() if not size or field not in others[name]]
    return ", ".join([f"…{_short(name)}", *own] if size else own)


def _begins(shape: Json, kinds: Json) -> bool:
    return _LEAST_ALIKE <= len(shape) < len(kinds) and shape.items() <= kinds.items()


def _short(name: str) -> str:
    return re.sub(r"(View|Body)$", "", name.rpartition(".")[2])
