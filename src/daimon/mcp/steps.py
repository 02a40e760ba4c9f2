"""Next steps, which name requests of the API, as the calls of tools that a model can make instead."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote

from daimon.mcp.forgiving import meant
from daimon.mcp.operations import Operation
from daimon.mcp.tools import CALL, LEFT_OUT, Tool, tool_for

_REQUEST = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s?]*[^\s?.,;:])(?:\?(\S*[^\s.,;:]))?")
_NAME = re.compile(r"[^\s\"]+")  # ids and addresses; a quoted address may hold a sentence
_JSON = json.JSONDecoder()


class Steps:
    """The sentences of a server, for who calls tools. What names no operation that a tool reaches stays as it is."""

    def __init__(self, operations: Mapping[str, Operation], tools: Iterable[Tool]) -> None:
        self._tools = tuple(tools)
        self._operations = [each for each in operations.values() if each.name not in LEFT_OUT]
        # One whose path is written out comes before one with a name in its place: `…/wait` is no message.
        self._operations.sort(key=lambda each: each.path.count("{"))

    def for_tools(self, steps: Sequence[str]) -> list[str]:
        """Return the same steps, each request as a call."""
        return [self._said(step) for step in steps]

    def _said(self, step: str) -> str:
        return "".join(self._pieces(step))

    def _pieces(self, step: str) -> Iterator[str]:
        place = 0
        for found in _REQUEST.finditer(step):
            if found.start() < place:
                continue
            body, end = _body(step, found.end())
            call = self._call(found[1], found[2], found[3] or "", body)
            if call is not None:
                yield step[place : found.start()] + call
                place = end
        yield step[place:]

    def _call(self, method: str, path: str, query: str, body: Mapping[str, Any]) -> str | None:
        for operation in self._operations:
            if operation.method == method and (values := _matched(operation.path, path)) is not None:
                return self.call(
                    operation.name, meant({**values, **dict(parse_qsl(query)), **body}, operation.parameters)
                )
        return None

    def call(self, operation: str, arguments: Mapping[str, Any]) -> str:
        """Return how a model calls an operation: by its tool, if one takes these arguments."""
        tool = tool_for(self._tools, operation, arguments)
        if tool is not None:
            return f"{tool.name} {_json(arguments)}"
        return f"{CALL} {_json({'operation': operation, 'arguments': arguments})}"


def _matched(template: str, path: str) -> dict[str, Any] | None:
    """Return what stands in a path where the template has names; None if it is no such path.

    Nor is one in which words stand: encoded they stay in the step, and are read by nobody.
    """
    wanted, given = template.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    values: dict[str, Any] = {}
    for name, value in zip(wanted, given, strict=True):
        if name.startswith("{"):
            if not _NAME.fullmatch(unquote(value)):
                return None
            values[name.strip("{}")] = unquote(value)
        elif name != value:
            return None
    return values


def _body(step: str, end: int) -> tuple[dict[str, Any], int]:
    """Return the JSON that a sentence has after a request, and where it ends; nothing if there is none."""
    start = end + 1
    if step[end:start] != " " or not step.startswith("{", start):
        return {}, end
    try:
        body, after = _JSON.raw_decode(step, start)
    except ValueError:
        return {}, end
    return body, after


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
