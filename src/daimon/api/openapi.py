"""The OpenAPI 3.1 document, made from the registry.

`python -m daimon.api.openapi > openapi.json` renews the committed one.
"""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

import daimon
from daimon.api.answer import Octets
from daimon.api.errors import (
    Internal,
    InvalidJson,
    RequestInProgress,
    RequestTimeout,
)
from daimon.api.operation import Operation
from daimon.api.render import Failure
from daimon.keys.errors import (
    ApiKeyExpired,
    ApiKeyRevoked,
    AuthenticationFailures,
    AuthenticationRequired,
    InvalidApiKey,
)
from daimon.kit.errors import (
    DaimonError,
    Forbidden,
    Invalid,
    PayloadTooLarge,
    Unavailable,
    UnsupportedMediaType,
)
from daimon.kit.written import WRITTEN_BY_SERVER

Json = dict[str, Any]

DEFAULT_SERVER = "http://127.0.0.1:8080"
_REF = "#/components/schemas/{name}"
_DESCRIPTION = """Real e-mail for AI agents: an inbox with one HTTP call, real mail in, told of it at once.

Success is `{"result", "next_steps"}`; `next_steps` names the next useful call with real ids. An error is
`{"error", "message", "next_steps", "request_id"}`, with `details`, `code`, `retry_after`, `current_usage` and
`upgrade_context` where they apply. Every response carries `X-Request-Id`.

What lies outside a key's reach does not exist: it answers 404 as an id never issued would."""
_ALWAYS = (Internal,)
_KEY_ERRORS = (AuthenticationRequired, InvalidApiKey, ApiKeyExpired, ApiKeyRevoked, Forbidden, AuthenticationFailures)
_BODY_ERRORS = (InvalidJson, RequestTimeout, PayloadTooLarge, UnsupportedMediaType)


def document(operations: Sequence[Operation], *, server_url: str = DEFAULT_SERVER) -> Json:
    """Return the whole document."""
    _, schemas = msgspec.json.schema_components(_types(operations), ref_template=_REF)
    paths: dict[str, Json] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "daimon",
            "version": daimon.__version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server_url}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for each in operations)],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An account, pod or inbox key."}
            },
        },
    }


def errors_of(each: Operation) -> list[type[DaimonError]]:
    """Return every error that an operation may answer with, by status and name."""
    possible: list[type[DaimonError]] = [*_ALWAYS, Invalid, *each.errors]
    possible += [param.missing for _, param in each.params]
    if each.reach is not None:
        possible += [*_KEY_ERRORS, Unavailable]
    if each.body:
        possible += _BODY_ERRORS
    if each.method == "POST":
        possible.append(RequestInProgress)
    if each.lend.value != "nothing":
        possible.append(Unavailable)
    return sorted(set(possible), key=lambda error: (error.status, error.error, error.code or ""))


def encode(content: Json) -> bytes:
    """Return the document as it is served and committed."""
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _types(operations: Iterable[Operation]) -> list[Any]:
    types: list[Any] = [Failure]
    for each in operations:
        if each.result is not Octets:
            types.append(each.result)
        if each.body:
            types.append(each.body.struct)
    return types


def _operation(each: Operation) -> Json:
    made: Json = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.tag],
        "parameters": [*_path_parameters(each), *_query_parameters(each), *_header_parameters(each)],
        "responses": {str(status): _success(each) for status in (each.status, *each.other_statuses)} | _failures(each),
        "security": _security(each),
    }
    if description := _described(each):
        made["description"] = description
    if each.body and each.body.struct.__struct_fields__:
        made["requestBody"] = _request_body(each)
    if each.permission:
        made["x-permission"] = each.permission
    if each.reach:
        made["x-key-scope"] = each.reach
    return made


def _described(each: Operation) -> str:
    needs = f"Needs the permission `{each.permission}`." if each.permission else ""
    return "\n\n".join(part for part in (each.description, needs) if part)


def _security(each: Operation) -> list[Json]:
    if each.reach is None:
        return []
    return [{"key": []}, {}] if each.anonymous else [{"key": []}]


def _path_parameters(each: Operation) -> list[Json]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": param.description,
            "schema": {"type": "string"},
            "example": param.example,
        }
        for name, param in each.params
    ]


def _query_parameters(each: Operation) -> list[Json]:
    return [
        _query_parameter(field.encode_name, field.type, field.default)
        for field in msgspec.structs.fields(each.query.struct)
    ]


def _query_parameter(name: str, hint: Any, default: Any) -> Json:
    schema = _without_null(msgspec.json.schema(hint))
    parameter: Json = {"name": name, "in": "query", "required": False}
    if description := schema.pop("description", None):
        parameter["description"] = description
    if default not in (None, msgspec.NODEFAULT):
        schema["default"] = default
    return parameter | {"schema": schema}


def _without_null(schema: Json) -> Json:
    """Return the schema of a parameter that may be left out: there is no null in a query string."""
    schemas = [option for option in schema.get("anyOf", [schema]) if option != {"type": "null"}]
    only = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    if "enum" in only:
        only = only | {"enum": [value for value in only["enum"] if value is not None]}
    if "$ref" in only:
        (definition,) = schema["$defs"].values()
        return dict(definition)
    return dict(only)


def _header_parameters(each: Operation) -> list[Json]:
    if each.method != "POST":
        return []
    schema = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]*$"}
    description = "The first response is replayed for 24 hours to the same request with the same value."
    return [
        {"name": "Idempotency-Key", "in": "header", "required": False, "description": description, "schema": schema}
    ]


def _request_body(each: Operation) -> Json:
    assert each.body
    content: Json = {"schema": _ref(each.body.struct)}
    if each.example.body is not None:
        content["example"] = each.example.body
    return {"required": not each.body.optional, "content": {"application/json": content}}


def _success(each: Operation) -> Json:
    headers = {"X-Request-Id": {"schema": {"type": "string"}}}
    if each.result is Octets:
        schema = {"type": "object"} if each.content_type == "application/json" else {"type": "string"}
        content: Json = {"schema": schema}
    else:
        content = {"schema": _envelope(each)}
        if each.example.result is not None:
            content["example"] = {"result": each.example.result, "next_steps": []}
    also = {each.also: {"schema": {"type": "string"}}} if each.also else {}
    return {"description": each.summary + ".", "headers": headers, "content": {each.content_type: content} | also}


def _envelope(each: Operation) -> Json:
    return {
        "type": "object",
        "required": ["result", "next_steps"],
        "properties": {
            "result": _ref(each.result),
            "next_steps": {"type": "array", "items": {"type": "string"} | WRITTEN_BY_SERVER},
        },
    }


def _failures(each: Operation) -> dict[str, Json]:
    by_status: dict[int, list[type[DaimonError]]] = {}
    for error in errors_of(each):
        by_status.setdefault(error.status, []).append(error)
    return {str(status): _failure(errors) for status, errors in by_status.items()}


def _failure(errors: Sequence[type[DaimonError]]) -> Json:
    codes = list(dict.fromkeys(error.error for error in errors))
    return {
        "description": " ".join(f"`{code}`" for code in codes),
        "content": {
            "application/json": {
                "schema": {"allOf": [_ref(Failure), {"properties": {"error": {"enum": codes}}}]},
                "examples": {error.__name__: {"value": example_of(error)} | _written_by(error) for error in errors},
            }
        },
    }


def _written_by(error: type[DaimonError]) -> Json:
    """Mark an error whose messages are the server's words alone. It is not handed down: a subclass may quote."""
    return WRITTEN_BY_SERVER if error.__dict__.get("own_words") else {}


def example_of(error: type[DaimonError]) -> Json:
    """Return an error's body as the reference shows it."""
    instance = error()
    body: Json = {
        "error": instance.error,
        "message": instance.message,
        "next_steps": list(instance.steps),
        "request_id": "req_019cf63f0ac47f36d7e8f9a0b1c2d3e4",
    }
    return body | ({"code": instance.code} if instance.code else {})


def _ref(hint: Any) -> Json:
    (schema,), _ = msgspec.json.schema_components([hint], ref_template=_REF)
    return dict(schema)


if __name__ == "__main__":
    from daimon.api.catalog import OPERATIONS

    sys.stdout.buffer.write(encode(document(OPERATIONS)))
