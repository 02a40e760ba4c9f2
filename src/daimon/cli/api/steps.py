"""What an answer says can be done next, as a command: the API names a method and a path."""

import json
import re
import shlex
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from daimon.cli.api import table
from daimon.kit.flags import flag

Json = dict[str, Any]

_CALL = re.compile(r"(GET|POST|PUT|PATCH|DELETE) (/v1/[^\s`\"']*)")


class _Known(NamedTuple):
    method: str
    path: "re.Pattern[str]"
    words: str
    call: Json


def as_command(step: str) -> str:
    """Return a step with the call in it written as a command; as it is, if no command does that."""
    found = _CALL.search(step)
    if found is None:
        return step
    target, end = found[2].rstrip(".,;:)"), found.end()
    end -= len(found[2]) - len(target)
    body, end = _body_behind(step, end)
    path, _, query = target.partition("?")
    command = _command(found[1], path, dict(parse_qsl(query)), body)
    return step if command is None else f"{step[: found.start()]}{command}{step[end:]}"


def _body_behind(step: str, at: int) -> tuple[Json, int]:
    """Return the JSON that stands behind a path, and where it ends."""
    if not step.startswith(" {", at):
        return {}, at
    try:
        body, end = json.JSONDecoder().raw_decode(step, at + 1)
    except ValueError:
        return {"…": None}, at  # an outline of one, which no flags can be made of
    return body, end


def _command(method: str, path: str, query: Json, body: Json) -> str | None:
    for known in _known():
        if known.method == method and (found := known.path.fullmatch(path)):
            flags = _flags(known.call["query"], query), _flags(known.call["body"], body)
            if None in flags:
                return None
            words = [_word(unquote(each)) for each in found.groups()]
            return " ".join([known.words, *words, *(flags[0] or []), *(flags[1] or [])])
    return None


def _word(value: str) -> str:
    return value[1:-1].upper() if value.startswith("{") and value.endswith("}") else shlex.quote(value)


def _flags(known: Json, given: Json) -> list[str] | None:
    if not known.keys() >= given.keys():
        return None
    return [word for name, value in given.items() for word in flag(name, known[name]["kind"], value)]


@cache
def _known() -> list[_Known]:
    """Return all calls; what is named before what may have any name: `…/messages/wait` is no message."""
    found = [
        _Known(
            call["method"],
            re.compile(re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(call["path"]))),
            f"daimon {group} {verb}",
            call,
        )
        for group, verbs in table().items()
        for verb, call in verbs.items()
    ]
    return sorted(found, key=lambda each: each.path.groups)
