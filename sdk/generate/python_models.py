"""Writes the Python SDK's models and error classes, and knows how types and docstrings are written."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import groupby

from sdk.generate.names import ERRORS_BY_HAND, MORE_SECRETS, SECRETS, STATUS_CLASSES
from sdk.generate.read import Api, Field, Model, Type, parent_of
from sdk.generate.types import PYTHON, written

ERROR_BASES = [
    "BadRequest", "Conflict", "DaimonError", "Detail", "Forbidden", "Gone", "InboxCreateRateLimited",
    "InvalidSignature", "NoAnswer", "NotFound", "PayloadTooLarge", "PaymentRequired", "RateLimited", "RequestTimeout",
    "ServerError", "Unauthenticated", "UnexpectedAnswer", "UnsupportedMediaType", "UpgradeRequired", "UsernameTaken",
    "ValidationFailed",
]  # fmt: skip


def models(api: Api) -> str:
    """Write what is received and sent, and the words for it."""
    parts = ['"""What the calls return and what some of them are given."""\n', "from __future__ import annotations\n",
             "from datetime import datetime",
             "from typing import Any, Dict, List, Literal, Optional, TypedDict, Union\n",
             "from daimon_email._files import FileLike",
             "from daimon_email._result import Result, many, read_time\n"]  # fmt: skip
    parts += [f"{name} = {literal(values)}" for name, values in sorted(api.enums.items())]
    done: set[str] = set()
    for model in sorted(api.models.values(), key=lambda each: each.name):
        parts += _model_and_below(model, api.models, done)
    parts += [_input(model) for model in sorted(api.inputs.values(), key=lambda each: each.name)]
    return "\n".join(parts)


def _model_and_below(model: Model, models: dict[str, Model], done: set[str]) -> Iterator[str]:
    """Yield a model after those that it is read with."""
    if model.name in done:
        return
    done.add(model.name)
    parent = parent_of(model, models)
    for name in [*([parent.name] if parent else []), *_below(model.fields)]:
        yield from _model_and_below(models[name], models, done)
    yield _model(model, parent)


def _below(fields: Iterable[Field]) -> list[str]:
    return [kind.name for field in fields for kind in (field.type, *field.type.of) if kind.kind == "model"]


def _model(model: Model, parent: Model | None) -> str:
    fields = [each for each in model.fields if not parent or each not in parent.fields]
    lines = [f"class {model.name}({parent.name if parent else 'Result'}):", docstring(model.doc, 4), ""]
    for each in fields:
        lines.append(f"    {each.name}: {received(each)}{' = None' if _may_lack(each) else ''}")
        if each.doc:
            lines.append(docstring(each.doc, 4))
    reads = {each.name: reader(each.type) for each in fields if reader(each.type)}
    lists = [each.name for each in fields if not each.required and each.type.kind == "list"]
    secrets = [each.name for each in fields if each.name.endswith(SECRETS) or (model.name, each.name) in MORE_SECRETS]
    lines += _table("_reads", [f'"{name}": {reader}' for name, reader in reads.items()], parent, "{%s}", "**")
    lines += _table("_lists", [f'"{name}",' for name in lists], parent, "(%s)", "*")
    lines += _table("_secrets", [f'"{name}",' for name in secrets], parent, "(%s)", "*")
    return "\n".join(["", "", *lines, ""])


def _table(name: str, entries: list[str], parent: Model | None, shape: str, spread: str) -> list[str]:
    if not entries:
        return []
    inherited = [f"{spread}{parent.name}.{name}"] if parent else []
    return [f"    {name} = " + shape % ", ".join(each.rstrip(",") for each in [*inherited, *entries, ""])]


def _may_lack(field: Field) -> bool:
    return field.type.nullable or (not field.required and field.type.kind != "list")


def received(field: Field) -> str:
    """Return the type of a field as it is received."""
    found = py(field.type, sent=False)
    return f"Optional[{found}]" if _may_lack(field) else found


def reader(kind: Type) -> str:
    """Return what reads a type from JSON; nothing where JSON's own value does."""
    match kind.kind:
        case "time":
            return "read_time"
        case "model":
            return f"{kind.name}._from_json"
        case "list" if inner := reader(kind.of[0]):
            return f"many({inner})"
    return ""


def _input(model: Model) -> str:
    """Write what is given as a mapping. Python 3.9 cannot say of one key that it is required."""
    need = [each for each in model.fields if each.required]
    rest = [each for each in model.fields if not each.required]
    lines = ["", ""]
    base = "TypedDict"
    if need and rest:
        base = f"_{model.name}"
        lines += [f"class {base}(TypedDict):", *(_input_line(each) for each in need), "", ""]
    lines += [f"class {model.name}({base}{', total=False' if rest else ''}):", docstring(model.doc, 4), ""]
    return "\n".join([*lines, *(_input_line(each) for each in (rest or need)), ""])


def _input_line(field: Field) -> str:
    found = py(field.type, sent=False)
    return f"    {field.name}: {f'Optional[{found}]' if field.type.nullable else found}"


def py(kind: Type, *, sent: bool) -> str:
    """Return a type as Python writes it: as it is taken, or (not `sent`) as it is given."""
    match kind.kind:
        case "model" | "enum":
            return kind.name
        case "literal":
            return literal(kind.values)
        case "union":
            found = list(dict.fromkeys(py(each, sent=sent) for each in kind.of))
            if found == ["str", "Sequence[str]"]:
                return "Addresses"
            return " | ".join(found) if sent else f"Union[{', '.join(found)}]"
    return written(kind, PYTHON, partial(py, sent=sent), sent=sent)


def literal(values: Iterable[str]) -> str:
    """Return the type of some words."""
    return f"Literal[{', '.join(chr(34) + value + chr(34) for value in values)}]"


def errors(api: Api) -> str:
    """Write a class for each code."""
    own = [error for error in api.errors if error.name not in ERROR_BASES]
    by_base: dict[str, list[str]] = {}
    for error in own:
        by_base.setdefault(f"{STATUS_CLASSES[error.status]} {error.status}", []).append(error.name)
    tree = [line for base, found in by_base.items() for line in _branch(base, found)]
    lines = ['"""Everything that the client raises, by the status of the answer.\n', "    DaimonError",
             "    ├── NoAnswer: no answer came: no connection, or none in time",
             "    ├── UnexpectedAnswer: what came is not an answer of this API",
             "    ├── InvalidSignature: a request to a webhook is not what it seems", *tree,
             "    └── PayloadTooLarge 413, UnsupportedMediaType 415, ValidationFailed 422",
             "\nAn answer is raised as the class of its code, else of its status, else as DaimonError: a code that",
             "this version does not know yet is still caught by its status.", '"""\n',
             "from __future__ import annotations\n"]  # fmt: skip
    lines += [f"from daimon_email._error import {name} as {name}" for name in ERROR_BASES]
    for error in own:
        lines += ["", "", f"class {error.name}({STATUS_CLASSES[error.status]}):", docstring(error.doc, 4), "",
                  f'    _code = "{error.code}"']  # fmt: skip
    assert set(ERROR_BASES) >= ERRORS_BY_HAND
    return "\n".join([*lines, ""])


def _branch(base: str, found: list[str]) -> list[str]:
    lines = textwrap.wrap(f"{base}: {', '.join(found)}", 104)
    return [f"    {'├── ' if index == 0 else '│       '}{line}" for index, line in enumerate(lines)]


def docstring(text: str, indent: int) -> str:
    """Return a docstring, wrapped."""
    margin = " " * indent
    lines = []
    for line in _paragraphs(text.replace("\\", "\\\\")):
        inner = line[: len(line) - len(line.lstrip())]
        more = inner + ("    " if inner else "")
        lines += textwrap.wrap(line.strip(), 114 - indent, initial_indent=inner, subsequent_indent=more) or [""]
    if not lines[0].endswith((".", "?", "!", ":")) and len(lines) == 1:
        lines[0] += "."
    body = f"\n{margin}".join(lines)
    end = f'\n{margin}"""' if len(lines) > 1 else '"""'
    return "\n".join(line.rstrip() for line in f'{margin}"""{body}{end}'.split("\n"))


def _paragraphs(text: str) -> Iterator[str]:
    """Yield lines as long as they like to be: those of one paragraph as one, what is indented as it is."""
    for own, lines in groupby(text.split("\n"), lambda line: line.startswith("    ") or not line.strip()):
        found = list(lines)
        yield from found if own else [" ".join(line.strip() for line in found)]
