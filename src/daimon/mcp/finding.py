"""The two tools that reach what has no tool of its own: one finds an operation by words, one calls it."""

import re
from collections.abc import Mapping
from typing import Any

import mcp_types as types

from daimon.mcp.operations import BadArgument, Json, Operation, Who
from daimon.mcp.tools import CALL, FIND, LEFT_OUT

_FOUND = 5
_MOST_WORDS = 1_000  # characters; each word is looked for in each operation, while others wait
_SMALL_WORDS = frozenset("a an and are at be by can do for from how i in is it my of on or that the to with".split())  # noqa: SIM905
_OTHER_WORDS = "Try other words, such as the name of a thing: pod, key, webhook, rule, domain, usage."

CALLED: dict[str, Json] = {
    "operation": {"type": "string", "description": f"Its name, as {FIND} tells."},
    "arguments": {"type": "object", "description": f"As its schema says, which {FIND} tells."},
}
TOOLS = (
    types.Tool(
        name=FIND,
        title="Find operation",
        description="Find what else the API can do, and what it takes: keys, pods, webhooks, domains, rules, usage.",
        input_schema={
            "type": "object",
            "properties": {"words": {"type": "string", "description": "What it is about, such as `webhook create`."}},
            "required": ["words"],
            "additionalProperties": False,
        },
        annotations=types.ToolAnnotations(
            read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    ),
    types.Tool(
        name=CALL,
        title="Call operation",
        description=f"Do what {FIND} found.",
        input_schema={
            "type": "object",
            "properties": CALLED,
            "required": ["operation"],
            "additionalProperties": False,
        },
        annotations=types.ToolAnnotations(
            read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=True
        ),
    ),
)


def find(operations: Mapping[str, Operation], who: Who | None, words: str) -> Json:
    """Return the operations that words are about, the closest first, among those that a key may call.

    Raises BadArgument for none, and for more than anybody needs.
    """
    if not words:
        raise BadArgument(f"{FIND} needs words")
    if len(words) > _MOST_WORDS:
        raise BadArgument(f"words are longer than {_MOST_WORDS:,} characters")
    wanted = {word for word in re.findall(r"[a-z]+", words.lower()) if word not in _SMALL_WORDS}
    ranked = sorted(
        (-matches, name)
        for name, operation in operations.items()
        if name not in LEFT_OUT and operation.allowed(who) and (matches := _matches(operation, wanted))
    )
    found = [operations[name] for _, name in ranked[:_FOUND]]
    told: list[dict[str, Any]] = [
        {"operation": each.name, "about": _about(each), "arguments": each.schema()} for each in found
    ]
    more = len(ranked) - len(found)
    steps = [f'Call one: {CALL} {{"operation": "{found[0].name}", "arguments": {{}}}}'] if found else [_OTHER_WORDS]
    return {"result": told, "next_steps": [*steps, *([f"{more} more match: say it with more words."] if more else [])]}


def _matches(operation: Operation, wanted: set[str]) -> int:
    name = {_stem(word) for word in operation.name.split("_")}
    told = {_stem(word) for word in re.findall(r"[a-z]+", f"{operation.tag} {operation.summary}".lower())}
    return sum(2 * (_stem(word) in name) + (_stem(word) in name | told) for word in wanted)


def _stem(word: str) -> str:
    return word.rstrip("s")


def _about(operation: Operation) -> str:
    return " ".join(f"{operation.summary}. {operation.description}".split())
