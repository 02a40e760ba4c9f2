"""The API's operations as they stand in its OpenAPI document: what each takes, and which key may call it."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Json = dict[str, Any]

_REF = "#/components/schemas/"
_SCOPES = ("inbox", "pod", "account")  # the narrowest first; a member's key reaches as far as his roles
_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `parameters` are schemas by name; a body's fields are named beside those of path and query."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    tag: str
    permission: str | None
    reach: str | None
    anonymous: bool
    in_path: tuple[str, ...]
    in_query: tuple[str, ...]
    in_body: tuple[str, ...]
    parameters: Mapping[str, Json]
    required: tuple[str, ...]
    definitions: Json

    @property
    def reads_only(self) -> bool:
        """Whether it changes nothing."""
        return self.method == "GET"

    def allowed(self, who: "Who | None") -> bool:
        """Tell whether a key may call it; the API decides again when it does."""
        if who is None:
            return self.anonymous
        reaches = (
            self.reach is None or who.scope not in _SCOPES or _SCOPES.index(who.scope) >= _SCOPES.index(self.reach)
        )
        return reaches and (self.permission is None or self.permission in who.permissions)

    def schema(self, *, without: Collection[str] = ()) -> Json:
        """Return the JSON Schema of its arguments."""
        properties = {name: schema for name, schema in self.parameters.items() if name not in without}
        made: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := [name for name in self.required if name not in without]:
            made["required"] = required
        if used := _used(properties, self.definitions):
            made["$defs"] = used
        localized: Json = _localized(made)
        return localized

    def request(self, arguments: Mapping[str, Any]) -> "Request":
        """Return the request that calls it with arguments. Raises UnknownArgument, MissingArgument."""
        if unknown := sorted(arguments.keys() - self.parameters.keys()):
            raise UnknownArgument(f"{self.name} takes no {', '.join(unknown)}; it takes {', '.join(self.parameters)}")
        if missing := [name for name in self.required if name not in arguments]:
            raise MissingArgument(f"{self.name} needs {', '.join(missing)}")
        path = self.path
        for name in self.in_path:
            path = path.replace(f"{{{name}}}", quote(str(arguments[name]), safe=""))
        query = [(name, text) for name in self.in_query for text in _texts(arguments.get(name))]
        body = {name: arguments[name] for name in self.in_body if name in arguments}
        takes_body = self.method != "GET" and (body or self.in_body)
        return Request(self.method, path, query, json.dumps(body).encode() if takes_body else b"")


@dataclass(frozen=True, slots=True)
class Who:
    """Whose key it is, as `GET /v1/whoami` tells."""

    scope: str
    permissions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    body: bytes = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """What the call says of its body."""
        return _HEADERS if self.body else {}


@dataclass(frozen=True, slots=True)
class Response:
    """What the API answered."""

    status: int
    content_type: str
    body: bytes

    @property
    def json(self) -> Any:
        """Return the body, which is JSON; None if it is not."""
        if not self.content_type.startswith("application/json"):
            return None
        return json.loads(self.body)

    @property
    def base64(self) -> str:
        """Return the body as MCP carries octets."""
        return base64.b64encode(self.body).decode()


class UnknownArgument(ValueError):
    """An argument that an operation does not take."""


class MissingArgument(ValueError):
    """An argument that an operation needs was not given."""


def read(document: Json) -> dict[str, Operation]:
    """Return the operations of an OpenAPI document, by name."""
    schemas = document["components"]["schemas"]
    return {
        made.name: made
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        for made in [_operation(method.upper(), path, described, schemas)]
    }


def _operation(method: str, path: str, described: Json, schemas: Json) -> Operation:
    parameters: dict[str, Json] = {}
    for each in described["parameters"]:
        if each["in"] != "header":
            told = {"description": each["description"]} if "description" in each else {}
            parameters[each["name"]] = {**each["schema"], **told}
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = schemas[body["$ref"].removeprefix(_REF)] if "$ref" in body else {}
    in_body = {name: schema for name, schema in fields.get("properties", {}).items() if name not in parameters}
    security = described.get("security", [])
    return Operation(
        name=described["operationId"],
        method=method,
        path=path,
        summary=described["summary"],
        description=described.get("description", ""),
        tag=described["tags"][0],
        permission=described.get("x-permission"),
        reach=described.get("x-key-scope"),
        anonymous={} in security or not security,
        in_path=tuple(each["name"] for each in described["parameters"] if each["in"] == "path"),
        in_query=tuple(each["name"] for each in described["parameters"] if each["in"] == "query"),
        in_body=tuple(in_body),
        parameters=parameters | in_body,
        required=(
            *(each["name"] for each in described["parameters"] if each["in"] == "path"),
            *(name for name in fields.get("required", []) if name in in_body),
        ),
        definitions=schemas,
    )


def _used(schema: Any, definitions: Json) -> Json:
    """Return the definitions that a schema refers to, directly or not."""
    used: Json = {}
    _collect(schema, definitions, used)
    return used


def _collect(schema: Any, definitions: Json, used: Json) -> None:
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix(_REF)
        if name and name in definitions and name not in used:
            used[name] = definitions[name]
            _collect(definitions[name], definitions, used)
        for value in schema.values():
            _collect(value, definitions, used)
    elif isinstance(schema, list):
        for value in schema:
            _collect(value, definitions, used)


def _localized(schema: Any) -> Any:
    """Return a schema whose references point into its own `$defs`."""
    if isinstance(schema, dict):
        return {
            key: f"#/$defs/{value.removeprefix(_REF)}" if key == "$ref" else _localized(value)
            for key, value in schema.items()
        }
    return [_localized(value) for value in schema] if isinstance(schema, list) else schema


def _texts(value: Any) -> list[str]:
    """Return how an argument stands in a query string: a list as a parameter for each of its values."""
    if value is None:
        return []
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]
