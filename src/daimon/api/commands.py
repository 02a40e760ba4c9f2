"""The command line's table of the API: a group, a verb and flags for each operation, made from the OpenAPI document.

`python -m daimon.api.commands > src/daimon/cli/api/commands.json` renews the committed one, which a command reads
without loading the server.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from daimon.api import command_texts, openapi
from daimon.api.operation import Operation
from daimon.kit.flags import flag

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
_KEYS = re.compile(r"(\w+_)?api_key")
_MADE_TO_BE_SHOWN = frozenset(
    {"create_key", "rotate_account_key", "rotate_inbox_key", "rotate_key", "rotate_pod_key", "rotate_webhook_secret"}
)  # whose secret is the point of them; a create makes a thing that is of use without
SHORT = {"send": ("messages", "send"), "whoami": ("account", "whoami")}
_FILES = "files"
_FORMATS = {"date-time": "Such as 2026-11-27T09:00:00Z", "date": "A UTC day, such as 2026-11-27"}
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
    own += ["`--all`"] if "cursor" in call["query"] else []
    own += ["`--yes`"] if call["method"] == "DELETE" else []
    own += ["`--save`"] if call["once"] and call["key"] else []
    return ", ".join([*own, "`--profile`", "`--base-url`", "`--json`", "`--show-secret`"])


def _option(name: str, flag: Json) -> str:
    option = "--attach" if flag["kind"] == _FILES else f"--{name.replace('_', '-')}"
    return f"`{option}`, `--no-{option[2:]}`" if flag["kind"] == "boolean" or flag.get("null") else f"`{option}`"


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
    name, shown = described["operationId"], _answered(answers, schemas)
    secret = any(_KEYS.fullmatch(field) or field == "secret" for field in shown)
    flags = {
        "query": {
            each["name"]: _flag(each["name"], each["schema"], schemas, each) | _in_place(name, each["name"])
            for each in parameters
            if each["in"] == "query"
        },
        "body": {
            field: _flag(field, schema, schemas)
            | ({"required": True} if field in required else {})
            | ({"null": True} if method == "PATCH" and _may_be_null(schema) else {})
            for field, schema in fields.get("properties", {}).items()
        },
    }
    return {
        "operation": described["operationId"],
        "method": method,
        "path": path,
        "help": described["summary"],
        "arguments": {each["name"]: _help(each) for each in parameters if each["in"] == "path"},
        **flags,
        "example": command_texts.EXAMPLES.get(name) or _example(described, flags["body"]),
        "once": ("only" if name in _MADE_TO_BE_SHOWN else "also") if secret else None,
        "key": any(map(_KEYS.fullmatch, shown)),
        "octets": not kinds <= {"application/json"},
        "links": described["operationId"] in _LINKS,
    }


def _answered(answers: Sequence[Json], schemas: Json) -> set[str]:
    """Return the fields of the results that a call answers with."""
    found: set[str] = set()
    for answer in answers:
        envelope = _resolved(answer["content"].get("application/json", {}).get("schema", {}), schemas)
        for option in _options(envelope.get("properties", {}).get("result", {})):
            found |= _resolved(option, schemas).get("properties", {}).keys()
    return found


def _example(described: Json, flags: Json) -> str:
    """Return the words behind a command, made from the operation's own example."""
    places = [_instead(each["name"], each["example"]) for each in described["parameters"] if each["in"] == "path"]
    content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    given = {name: value for name, value in content.get("example", {}).items() if name in flags}
    words = [word for name, value in given.items() for word in flag(name, flags[name]["kind"], value)]
    return " ".join([*places, *words])


def _instead(name: str, example: str) -> str:
    """Return what a person would rather write: an address is shorter than an id."""
    return "agent-1@daimon.email" if name == "inbox_id" else example


def _in_place(operation: str, flag: str) -> Json:
    told = command_texts.IN_PLACE.get((operation, flag))
    return {} if told is None else {"help": told}


def _may_be_null(schema: Json) -> bool:
    return any(option.get("type") == "null" for option in schema.get("anyOf", []))


def _flag(name: str, schema: Json, schemas: Json, described: Json | None = None) -> Json:
    options = [_resolved(option, schemas) for option in _options(schema)]
    flag: Json = {"kind": _kind(schema, schemas)}
    told = _help(described or {}) or _help(schema) or next(filter(None, map(_help, _options(schema))), "")
    told = told or command_texts.FLAGS.get(name, "")
    flag["help"] = " ".join(filter(None, (told, _bounds(schema, options))))
    items = [_resolved(option["items"], schemas) for option in options if "items" in option]
    values = [value for option in (*options, *items) for value in option.get("enum", []) if value is not None]
    return flag | ({"values": values} if values and flag["kind"] in ("string", "strings") else {})


def _bounds(schema: Json, options: Sequence[Json]) -> str:
    """Return what a number may be and what it is when left out, in words."""
    least = next((option["minimum"] for option in options if "minimum" in option), None)
    most = next((option["maximum"] for option in options if "maximum" in option), None)
    default = schema.get("default")
    told = [f"{least} to {most}"] if least is not None and most is not None else []
    told += [said for kind, said in _FORMATS.items() if any(option.get("format") == kind for option in options)]
    if isinstance(default, (int, float, str)) and not isinstance(default, bool) and default != "":
        told.append(f"default {default:g}" if isinstance(default, float) else f"default {default}")
    return f"{'; '.join(told)}." if told else ""


def _kind(schema: Json, schemas: Json) -> str:
    """Return how a flag is read: a list may be given more than once, `json` is an object or what else there is."""
    options = [_resolved(option, schemas) for option in _options(schema)]
    types = {option.get("type") or ("string" if "enum" in option else None) for option in options} - {"null"}
    lists = [option for option in options if option.get("type") == "array"]
    if lists:
        items = _resolved(lists[0].get("items", {}), schemas)
        if "content" in items.get("properties", {}):
            return _FILES
        return "strings" if items.get("type") == "string" or "enum" in items else "json"
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
