"""The API's operations as they stand in its OpenAPI document: what each takes, and which key may call it."""

import base64
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

import msgspec

from daimon.mcp.fencing import REF, SERVER, WRITTEN_BY
from daimon.mcp.forgiving import meant
from daimon.mcp.plain import plainly

Json = dict[str, Any]

_SCOPES = ("inbox", "pod", "account")  # the narrowest first; a member's key reaches as far as his roles
_MOST_IN_URL = 4_000  # characters of one argument
_SHOWN, _SHOWN_CHARS = 10, 100
_HEADERS = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. `parameters` are schemas by name; a body's fields are named beside those of path and query.

    `envelopes` are the schemas of `result` and `next_steps` in what it answers, by status; `sayings` the messages of
    its errors that hold nothing from a request, and `own_errors` the errors whose messages never do.
    """

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
    envelopes: Mapping[int, Json]
    sayings: frozenset[str]
    own_errors: frozenset[str]
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

    def schema(self, *, without: Collection[str] = (), needed: Collection[str] = ()) -> Json:
        """Return the JSON Schema of its arguments; `needed` are some that it can do without."""
        properties = {name: schema for name, schema in self.parameters.items() if name not in without}
        made: Json = {"type": "object", "properties": properties, "additionalProperties": False}
        if required := [*(name for name in self.required if name not in without), *needed]:
            made["required"] = required
        if used := _used(properties, self.definitions):
            made["$defs"] = used
        plain: Json = plainly(made)
        return plain

    def request(self, arguments: Mapping[str, Any], *, called: str | None = None) -> "Request":
        """Return the request that calls it with arguments. Raises BadArgument, which names it as it was `called`."""
        called = called or self.name
        if unknown := sorted(arguments.keys() - self.parameters.keys()):
            shown = ", ".join(name[:_SHOWN_CHARS] for name in unknown[:_SHOWN])
            raise BadArgument(f"{called} takes no {shown}; it takes {', '.join(self.parameters)}")
        given = meant(arguments, self.parameters)
        if missing := [name for name in self.required if name not in given]:
            raise BadArgument(f"{called} needs {', '.join(missing)}")
        path = self.path
        for name in self.in_path:
            path = path.replace(f"{{{name}}}", _segment(name, given[name]))
        query = [(name, text) for name in self.in_query for text in _texts(name, given.get(name))]
        body = {name: given[name] for name in self.in_body if name in given}
        takes_body = self.method != "GET" and (body or self.in_body)
        return Request(self.method, path, query, json.dumps(body).encode() if takes_body else b"")


@dataclass(frozen=True, slots=True)
class Who:
    """Whose key it is, as `GET /v1/whoami` tells."""

    scope: str
    permissions: frozenset[str]
    inbox_id: str | None  # if it reaches this one alone


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


@dataclass(frozen=True)
class Response:
    """What the API answered; `told` is what of it a model is told, if that is not all."""

    status: int
    content_type: str
    body: bytes
    told: Json | None = None

    @property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        return self.content_type.partition(";")[0].strip() == "application/json"

    @cached_property
    def json(self) -> Any:
        """Return what it says; None if that is no JSON. It is read once: a mail may be of megabytes."""
        if self.told is not None or not self.is_json:
            return self.told
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeError):
            return None

    def telling(self, result: Any, *steps: str) -> "Response":
        """Return the same answer with another result, and with more steps before its own."""
        told = {**self.json, "result": result, "next_steps": [*steps, *self.json["next_steps"]]}
        return Response(self.status, self.content_type, self.body, told)

    @property
    def base64(self) -> str:
        """Return the body as MCP carries octets."""
        return base64.b64encode(self.body).decode()


class BadArgument(ValueError):
    """An argument that an operation does not take, one that it needs and did not get, or one that it cannot use."""


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
    fields = schemas[body["$ref"].removeprefix(REF)] if "$ref" in body else {}
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
        envelopes=_envelopes(described),
        **_told_of_errors(described),
        definitions=schemas,
    )


def _envelopes(described: Json) -> dict[int, Json]:
    """Return the schemas of the envelopes that it answers with."""
    schemas = {
        int(status): answer.get("content", {}).get("application/json", {}).get("schema", {})
        for status, answer in described["responses"].items()
    }
    return {status: each["properties"] for status, each in schemas.items() if "result" in each.get("properties", {})}


def _told_of_errors(described: Json) -> dict[str, frozenset[str]]:
    """Return what the examples of its errors say, and which errors are marked to say nothing but the server's words."""
    examples = [
        example
        for answer in described["responses"].values()
        for example in answer.get("content", {}).get("application/json", {}).get("examples", {}).values()
    ]
    others = {each["value"]["error"] for each in examples if each.get(WRITTEN_BY) != SERVER}
    return {
        "sayings": frozenset(each["value"]["message"] for each in examples),
        "own_errors": frozenset(each["value"]["error"] for each in examples) - others,
    }


def _used(schema: Any, definitions: Json) -> Json:
    """Return the definitions that a schema refers to, directly or not."""
    used: Json = {}
    _collect(schema, definitions, used)
    return used


def _collect(schema: Any, definitions: Json, used: Json) -> None:
    if isinstance(schema, dict):
        name = str(schema.get("$ref", "")).removeprefix(REF)
        if name and name in definitions and name not in used:
            used[name] = definitions[name]
            _collect(definitions[name], definitions, used)
        for value in schema.values():
            _collect(value, definitions, used)
    elif isinstance(schema, list):
        for value in schema:
            _collect(value, definitions, used)


def _segment(name: str, value: Any) -> str:
    """Return an argument as a part of a path. Dots alone would lead to another operation: `DELETE …/messages/..`."""
    text = "".join(_texts(name, value))
    if text in ("", ".", ".."):
        raise BadArgument(f"{name} must be an id, or an address where one is taken")
    return quote(text, safe="")


def _texts(name: str, value: Any) -> list[str]:
    """Return how an argument stands in a query string: a list as a parameter for each of its values."""
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    if any(isinstance(each, dict | list) or each is None for each in values):
        raise BadArgument(f"{name} must be a text, a number, true or false")
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in values]
    if sum(map(len, texts)) > _MOST_IN_URL:
        raise BadArgument(f"{name} is longer than {_MOST_IN_URL} characters")
    return texts
