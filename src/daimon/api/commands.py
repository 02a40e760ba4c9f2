"""The command line's table of the API: a group, a verb and flags for each operation, made from the OpenAPI document.

`python -m daimon.api.commands > src/daimon/cli/api/commands.json` renews the committed one, which a command reads
without loading the server.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from daimon.api import openapi
from daimon.api.operation import Operation

Json = dict[str, Any]

# What only Stripe calls, a link that is a secret, and streams, which `events tail` and `webhooks listen` follow.
LEFT_OUT = frozenset({"download_attachment", "hear_stripe", "open_stream", "stream_events"})
_NOT_OURS = frozenset({"server"})
_GROUPS = {"sending": "messages"}  # where a tag is no good name for a group
_VERBS = {
    "get_account_smtp": "smtp-of-account",
    "get_capabilities": "capabilities",
    "get_inbox_smtp": "smtp",
    "get_raw_message": "raw",
    "list_inbox_threads": "list-of-inbox",
    "list_message_deliveries": "deliveries",
    "list_pod_inboxes": "inboxes",
    "list_pod_threads": "threads",
    "reply_all_to_message": "reply-all",
    "whoami": "whoami",
}
_LINKS = frozenset({"get_attachment"})  # answer with a link to octets
_FILLERS = frozenset({"to", "for"})
SHORT = {"send": ("messages", "send"), "whoami": ("account", "whoami")}
_FILES = "files"
_HEAD = (
    "# Commands that call the API",
    "",
    "<!-- Made by `python -m daimon.api.reference docs/reference`. -->",
    "",
    "How they get server and key, what they print and their exit codes: [how to](../how-to/use-the-command-line.md).",
    "",
    "| command | what it does, and its flags |",
    "|---|---|",
)


def table(operations: Sequence[Operation]) -> Json:
    """Return the table: by group and verb, what is called and which flags there are."""
    document = openapi.document(operations)
    found: Json = {}
    for path, methods in document["paths"].items():
        for method, described in methods.items():
            if _is_called(path, described):
                group, verb = _named(described)
                commands = found.setdefault(group, {})
                assert verb not in commands, f"two operations are called {group} {verb}"
                commands[verb] = _command(method.upper(), path, described, document["components"]["schemas"])
    return {group: dict(sorted(commands.items())) for group, commands in sorted(found.items())}


def page(commands: Json) -> str:
    """Return the page of all commands that call the API."""
    rows = [
        f"| `daimon {group} {verb}{''.join(f' {name.upper()}' for name in call['arguments'])}` | {_cell(call)} |"
        for group, verbs in commands.items()
        for verb, call in verbs.items()
    ]
    rows += [
        f"| `daimon {short}{''.join(f' {name.upper()}' for name in commands[group][verb]['arguments'])}` |"
        f" Short for `daimon {group} {verb}`. {_flags(commands[group][verb])} |"
        for short, (group, verb) in SHORT.items()
    ]
    return "\n".join([*_HEAD, *rows, ""])


def _cell(call: Json) -> str:
    return f"{call['help']}. {_flags(call)}"


def _flags(call: Json) -> str:
    flags = [_option(name, flag) for place in ("query", "body") for name, flag in call[place].items()]
    own = [option for option in flags if option not in call["arguments"]]
    own += ["`--output`"] if call["octets"] or call["links"] else []
    own += ["`--save`"] if call["operation"] == "create_inbox" else []
    return ", ".join([*own, "`--profile`", "`--base-url`", "`--json`", "`--show-secret`"])


def _option(name: str, flag: Json) -> str:
    option = "--attach" if flag["kind"] == _FILES else f"--{name.replace('_', '-')}"
    return f"`{option}`, `--no-{option[2:]}`" if flag["kind"] == "boolean" else f"`{option}`"


def _is_called(path: str, described: Json) -> bool:
    kinds = [kind for status, answer in described["responses"].items() if status < "400" for kind in answer["content"]]
    return (
        described["tags"][0] not in _NOT_OURS
        and described["operationId"] not in LEFT_OUT
        and any(kind != "text/html" or path.startswith("/v1/") for kind in kinds)  # what a link opens is for a browser
    )


def _named(described: Json) -> tuple[str, str]:
    name, tag = described["operationId"], described["tags"][0]
    group = _GROUPS.get(tag, tag)
    if name in _VERBS:
        return group, _VERBS[name]
    nouns = {group, group.removesuffix("s"), group.removesuffix("es"), re.sub("ies$", "y", group)} | _FILLERS
    words = [word for word in name.split("_") if word not in nouns]
    return group, "-".join(words)


def _command(method: str, path: str, described: Json, schemas: Json) -> Json:
    body = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    fields = schemas[body["$ref"].rpartition("/")[2]] if "$ref" in body else {}
    required = set(fields.get("required", []))
    parameters = described["parameters"]
    answers = [answer for status, answer in described["responses"].items() if status < "300"]
    kinds = {kind for answer in answers for kind in answer["content"]}
    return {
        "operation": described["operationId"],
        "method": method,
        "path": path,
        "help": described["summary"],
        "arguments": {each["name"]: _help(each) for each in parameters if each["in"] == "path"},
        "query": {each["name"]: _flag(each["schema"], schemas, each) for each in parameters if each["in"] == "query"},
        "body": {
            name: _flag(schema, schemas) | ({"required": True} if name in required else {})
            for name, schema in fields.get("properties", {}).items()
        },
        "octets": not kinds <= {"application/json"},
        "links": described["operationId"] in _LINKS,
    }


def _flag(schema: Json, schemas: Json, described: Json | None = None) -> Json:
    flag: Json = {"kind": _kind(schema, schemas)}
    if told := _help(described or {}) or _help(schema) or next(filter(None, map(_help, _options(schema))), ""):
        flag["help"] = told
    values = [value for option in _options(schema) for value in option.get("enum", []) if value is not None]
    return flag | ({"values": values} if values else {})


def _kind(schema: Json, schemas: Json) -> str:
    """Return how a flag is read: a list may be given more than once, `json` is an object or what else there is."""
    options = [_resolved(option, schemas) for option in _options(schema)]
    types = {option.get("type") for option in options} - {"null"}
    lists = [option for option in options if option.get("type") == "array"]
    if lists:
        items = _resolved(lists[0].get("items", {}), schemas)
        if "content" in items.get("properties", {}):
            return _FILES
        return "strings" if items.get("type") == "string" else "json"
    only = types.pop() if len(types) == 1 else None
    return only if only in ("string", "integer", "number", "boolean") else "json"


def _options(schema: Json) -> list[Json]:
    return [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]


def _resolved(schema: Json, schemas: Json) -> Json:
    resolved: Json = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return resolved


def _help(described: Mapping[str, Any]) -> str:
    return str(described.get("description", ""))


if __name__ == "__main__":
    from daimon.api.catalog import OPERATIONS

    sys.stdout.write(json.dumps(table(OPERATIONS), indent=1, ensure_ascii=False) + "\n")
