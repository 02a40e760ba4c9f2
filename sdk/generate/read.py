"""The OpenAPI document, as far as SDKs are made of it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdk.generate import names

Schema = Mapping[str, Any]
_OF_FORMATS = re.compile(r" With `format=[^.]*\.")  # of those, each has a method of its own
PAGE_FIELDS = ("total", "limit", "offset", "has_more", "next_cursor")


@dataclass(frozen=True)
class Type:
    """A type. `kind`: str int float bool time date free map list commas model enum literal union file."""

    kind: str
    of: tuple[Type, ...] = ()
    name: str = ""  # of a model or an enum
    values: tuple[str, ...] = ()  # of a literal
    nullable: bool = False


@dataclass(frozen=True)
class Field:
    """A field of a model or a body, or a parameter of a query. `name` is ours, `wire` the API's."""

    name: str
    wire: str
    type: Type
    required: bool
    omitted_if_none: bool  # None is the same as leaving it out
    doc: str
    place: str = "body"  # or query, path, or the name of the body's field that holds it


@dataclass(frozen=True)
class Model:
    """An object that is sent or received."""

    name: str
    doc: str
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Answer:
    """What a call returns. `kind`: model maybe page octets text json."""

    kind: str
    model: str = ""  # of the answer, or of a page's items
    items: str = ""  # where a page's items stand
    page: str = ""  # the page's own model, without its items
    standard: tuple[str, ...] = ()  # which of PAGE_FIELDS it has
    extras: tuple[Field, ...] = ()  # what a page tells besides what all pages do


@dataclass(frozen=True)
class Operation:
    """An operation and its method."""

    id: str
    resource: str
    method: str
    verb: str
    path: str
    keyed: bool  # takes an Idempotency-Key
    has_body: bool
    arguments: tuple[Field, ...]
    answer: Answer
    doc: str
    fixed: tuple[tuple[str, str], ...] = ()  # parameters of the query that say which of several answers is meant

    @property
    def path_arguments(self) -> tuple[Field, ...]:
        """The parameters of the path, in its order."""
        return tuple(each for each in self.arguments if each.place == "path")


@dataclass(frozen=True)
class ErrorCode:
    """A code that answers carry in `error`."""

    code: str
    status: int
    name: str
    doc: str


def parent_of(model: Model, models: Mapping[str, Model]) -> Model | None:
    """Return the model that another adds to: `CreatedInbox` is an `Inbox` with keys."""
    for found in (model.name.removeprefix("Created"), model.name.removeprefix("Rotated"),
                  model.name.removesuffix("Details")):  # fmt: skip
        parent = models.get(found)
        if parent and parent is not model and set(parent.fields) <= set(model.fields):
            return parent
    return None


@dataclass
class Api:
    """All of it."""

    operations: list[Operation] = field(default_factory=list)
    models: dict[str, Model] = field(default_factory=dict)  # what is received
    inputs: dict[str, Model] = field(default_factory=dict)  # what is sent within a body
    enums: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: list[ErrorCode] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def resources(self) -> dict[str, list[Operation]]:
        """Return the operations by resource, in alphabetical order."""
        found: dict[str, list[Operation]] = {}
        for each in sorted(self.operations, key=lambda operation: operation.resource):
            found.setdefault(each.resource, []).append(each)
        return found


def read(path: Path) -> Api:
    """Read the document. Raises ValueError where two things would get one name."""
    return _Reader(json.loads(path.read_text("utf-8"))).read()


class _Reader:
    def __init__(self, document: Mapping[str, Any]) -> None:
        self._paths: Mapping[str, Any] = document["paths"]
        self._schemas: Mapping[str, Schema] = document["components"]["schemas"]
        self._api = Api()

    def read(self) -> Api:
        every = [(path, verb, each) for path, verbs in self._paths.items() for verb, each in verbs.items()]
        tags = {each["tags"][0] for _, _, each in every}
        for path, verb, each in every:
            self._read_errors(each)
            reason = self._why_left_out(path, each)
            if reason:
                self._api.left_out[each["operationId"]] = reason
            else:
                operation = self._operation(path, verb, each, tags)
                self._api.operations += [operation, *_other_formats(operation, each)]
        for schema in ("EventView", "Download"):  # what methods that are written by hand return
            self._type({"$ref": f"/{schema}"}, received=True)
        self._add_fields()
        known = {error.code for error in self._api.errors}
        self._api.errors += [
            ErrorCode(code, status, names.error_name(code), doc)
            for code, status, doc in names.MORE_ERRORS
            if code not in known
        ]
        self._api.errors.sort(key=lambda error: (error.status, error.code))
        self._refuse_doubles()
        return self._api

    def _add_fields(self) -> None:
        for (name, wire), doc in names.ADDED.items():
            model = self._api.models[name]
            if wire not in {each.wire for each in model.fields}:
                more = Field(wire, wire, Type("str", nullable=True), False, False, doc)
                self._api.models[name] = dataclasses.replace(model, fields=(*model.fields, more))

    def _why_left_out(self, path: str, given: Mapping[str, Any]) -> str | None:
        if "text/html" in _success(given).get("content", {}) and not path.startswith("/v1/"):
            return "a page for people"
        return names.LEFT_OUT.get(given["operationId"])

    def _operation(self, path: str, verb: str, given: Mapping[str, Any], tags: set[str]) -> Operation:
        of = given["operationId"]
        resource, method = names.method_of(of, verb, path, given["tags"][0], tags, len(self._paths[path]) == 1)
        parameters = given.get("parameters", [])
        body = given.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        arguments = [self._parameter(of, each) for each in parameters if each["in"] in ("path", "query")]
        if len(_success(given).get("content", {})) > 1:  # what is read is the JSON
            arguments = [each for each in arguments if each.wire != "format"]
        if body and verb != "delete":  # not every proxy passes on the body of a DELETE
            arguments += self._body(of, body)
        return Operation(
            id=of,
            resource=resource,
            method=method,
            verb=verb.upper(),
            path=path,
            keyed=any(each["name"] == "Idempotency-Key" for each in parameters),
            has_body=bool(body) and verb != "delete",
            arguments=tuple(arguments),
            answer=self._answer(given),
            doc=_join(given["summary"] + ".", _OF_FORMATS.sub("", given.get("description", ""))),
        )

    def _parameter(self, operation: str, given: Mapping[str, Any]) -> Field:
        wire, kind, doc = given["name"], self._type(given["schema"], received=False), given.get("description", "")
        name = wire
        if "separated by commas" in doc:
            kind, doc = Type("commas", (Type("str"),)), doc.replace(", separated by commas", "")
        if kind.kind == "str" and "`sequence`" in doc:  # a number where it comes from
            kind = Type("union", (Type("str"), Type("int")))
        if kind.kind in ("list", "commas"):
            name = wire if wire.endswith("s") else wire + "s"
        required = given.get("required", False) or (operation, wire) in names.NEEDED
        return Field(name, wire, kind, required, not required, doc, given["in"])

    def _body(self, operation: str, schema: Schema) -> Iterator[Field]:
        for each in self._fields(self._resolve(schema), received=False):
            if names.FLATTENED.get(operation) == each.wire:
                inner = next(name for name in self._api.inputs if name == each.type.name)
                for below in self._api.inputs.pop(inner).fields:
                    yield dataclasses.replace(below, place=each.wire)
            else:
                yield each

    def _answer(self, given: Mapping[str, Any]) -> Answer:
        content = _success(given).get("content", {})
        if "application/json" not in content:
            [media] = content
            return Answer("text" if media.startswith("text/") else "octets")
        schema = content["application/json"]["schema"]
        if "properties" not in schema:
            return Answer("json")
        result = schema["properties"]["result"]
        if "anyOf" in result:
            return Answer("maybe", self._type(result, received=True).name)
        page = self._resolve(result)
        if "next_cursor" not in page["properties"]:
            return Answer("model", self._type(result, received=True).name)
        lists = [name for name, each in page["properties"].items() if each.get("type") == "array"]
        items = lists[0] if len(lists) == 1 else names.ITEMS[result["$ref"].rpartition("/")[2]]
        fields = [each for each in self._fields(page, received=True) if each.wire != items]
        return Answer(
            "page",
            self._type(page["properties"][items]["items"], received=True).name,
            items,
            names.model_name(result["$ref"].rpartition("/")[2]),
            tuple(each.wire for each in fields if each.wire in PAGE_FIELDS),
            tuple(each for each in fields if each.wire not in PAGE_FIELDS),
        )

    def _fields(self, schema: Schema, *, received: bool) -> list[Field]:
        required = schema.get("required", ())
        return [
            Field(
                name=name,
                wire=name,
                type=self._type(each, received=received),
                required=name in required,
                omitted_if_none="default" in each,
                doc=_description(each),
            )
            for name, each in schema.get("properties", {}).items()
        ]

    def _type(self, schema: Schema, *, received: bool) -> Type:
        if "$ref" in schema:
            return self._named(schema["$ref"].rpartition("/")[2], received=received)
        if "anyOf" in schema:
            kinds = [self._type(each, received=received) for each in schema["anyOf"] if each.get("type") != "null"]
            kind = kinds[0] if len(kinds) == 1 else Type("union", tuple(kinds))
            return dataclasses.replace(kind, nullable=len(kinds) < len(schema["anyOf"]))
        if "enum" in schema:
            return self._enum(schema)
        if schema["type"] == "array":
            return Type("list", (self._type(schema["items"], received=received),))
        if schema["type"] == "object":
            values = schema.get("additionalProperties")
            return Type("map", (self._type(values, received=received),)) if values else Type("free")
        formats = {"date-time": "time", "date": "date"}
        kinds_of = {"string": "str", "integer": "int", "number": "float", "boolean": "bool"}
        return Type(formats.get(schema.get("format", ""), kinds_of[schema["type"]]))

    def _named(self, schema: str, *, received: bool) -> Type:
        found, name = self._schemas[schema], names.model_name(schema)
        if name == "File":
            return Type("file")
        if "enum" in found:
            return self._remember_enum(name, tuple(found["enum"]))
        name = name if received else names.input_name(schema)
        known = self._api.models if received else self._api.inputs
        if name not in known:
            known[name] = Model(name, _one_line(found.get("description", "")), ())  # before what refers to itself
            known[name] = dataclasses.replace(known[name], fields=tuple(self._fields(found, received=received)))
        return Type("model", name=name)

    def _enum(self, schema: Schema) -> Type:
        values = tuple(schema["enum"])
        for name, each in self._schemas.items():
            if schema.get("title") == name.rpartition(".")[2] and each.get("enum") == list(values):
                return self._remember_enum(names.model_name(name), values)
        return Type("literal", values=values)

    def _remember_enum(self, name: str, values: tuple[str, ...]) -> Type:
        if self._api.enums.setdefault(name, values) != values:
            raise ValueError(f"two enums would be called {name}; give one of them a name in sdk/generate/names.py")
        return Type("enum", name=name)

    def _read_errors(self, given: Mapping[str, Any]) -> None:
        known = {error.code for error in self._api.errors}
        for status, each in given["responses"].items():
            for example in each.get("content", {}).get("application/json", {}).get("examples", {}).values():
                told = example["value"]
                if int(status) >= 400 and told["error"] not in known:
                    known.add(told["error"])
                    name = names.error_name(told["error"])
                    self._api.errors.append(ErrorCode(told["error"], int(status), name, _one_line(told["message"])))

    def _resolve(self, schema: Schema) -> Schema:
        return self._schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema

    def _refuse_doubles(self) -> None:
        """Raise if methods, or classes, would get one name. A list of all and a list of one's are one method."""
        api = self._api
        seen: dict[tuple[str, str], Operation] = {}
        for each in api.operations:
            other = seen.setdefault((each.resource, each.method), each)
            if other is not each and each.answer != other.answer:
                raise ValueError(f"{other.id} and {each.id} would both be {each.resource}.{each.method}: "
                                 "give one of them a name in METHODS of sdk/generate/names.py")  # fmt: skip
        classes = [*api.models, *(name for name in api.inputs if name not in api.models), *api.enums]
        classes += {error.name for error in api.errors}
        if doubles := {name for name in classes if classes.count(name) > 1}:
            raise ValueError(f"several classes would be called {sorted(doubles)}: see sdk/generate/names.py")


def _other_formats(operation: Operation, given: Mapping[str, Any]) -> Iterator[Operation]:
    """Yield the methods of an operation whose answer can be asked for in another format than JSON, whole."""
    for media in _success(given).get("content", {}):
        if media in names.FORMATS and operation.answer.kind != "text":
            name, doc = names.FORMATS[media]
            yield dataclasses.replace(
                operation,
                id=f"{operation.id}_{name}",
                method=f"{operation.method}_{name}",
                arguments=tuple(each for each in operation.arguments if each.name not in ("limit", "cursor")),
                answer=Answer("text"),
                doc=_join(given["summary"] + ".", doc, *_needs(given)),
                fixed=(("format", name),),
            )


def _needs(given: Mapping[str, Any]) -> list[str]:
    """Return what a description says of the permission."""
    return [each for each in given.get("description", "").split("\n\n") if each.startswith("Needs ")]


def _success(given: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = next(each for status, each in given["responses"].items() if int(status) < 400)
    return found


def _description(schema: Schema) -> str:
    found = schema.get("description") or next(
        (each["description"] for each in schema.get("anyOf", ()) if "description" in each), ""
    )
    return "" if schema.get("format") == "date-time" else _one_line(found)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _join(*paragraphs: str) -> str:
    found = "\n\n".join(paragraph.strip() for paragraph in paragraphs if paragraph.strip())
    return "\n".join(line.strip() for line in found.split("\n"))
