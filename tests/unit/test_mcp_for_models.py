"""What a model reads and writes: mails in short, steps as calls of tools, arguments as it meant them, plain schemas."""

import json
from typing import Any

import pytest

from daimon.api.catalog import OPERATIONS
from daimon.api.openapi import document, errors_of
from daimon.mcp import operations
from daimon.mcp.fencing import MOST_TEXTS, fence, separate
from daimon.mcp.finding import find
from daimon.mcp.forgiving import meant
from daimon.mcp.mails import MOST_OF_A_PART, MOST_OF_A_TEXT, Part, Shown, shown
from daimon.mcp.operations import BadArgument, Response, Who
from daimon.mcp.plain import plainly
from daimon.mcp.steps import Steps
from daimon.mcp.tools import CALL, LEFT_OUT, TOOLS

KNOWN = operations.read(document(OPERATIONS))
STEPS = Steps(KNOWN, TOOLS)
MAIL: dict[str, Any] = {
    "id": "msg_1", "account_id": "acc_1", "pod_id": None, "thread_id": "thr_1", "direction": "inbound",
    "subject": "Hi", "preview": "Hello", "body_text": "Hello\n> quoted", "reply_body": "Hello", "body_html": "<p>Hello",
    "headers": {"x-a": ["b"]}, "links": [{"url": "https://a", "text": ""}, {"url": "https://b", "text": ""}],
    "cta_links": [{"url": "https://b", "text": "Confirm"}], "codes": [], "labels": [], "read": False, "to": [],
}  # fmt: skip


def test_a_list_tells_enough_to_choose() -> None:
    """The beginning of each mail, and no body; nothing that is empty."""
    page = {"messages": [MAIL], "has_more": False, "next_cursor": None}
    told, _ = shown(page, Shown.LIST)
    assert told["next_cursor"] is None
    assert told["messages"] == [
        {name: MAIL[name] for name in ("id", "thread_id", "direction", "subject", "preview", "cta_links", "read")}
    ]


def test_a_mail_has_its_text_once() -> None:
    """Its new part is told where it is not all, and no link twice."""
    told, part = shown(MAIL, Shown.MAIL)
    assert part is None
    assert (told["body_text"], told["reply_body"], told["read"]) == ("Hello\n> quoted", "Hello", False)
    assert told["links"] == [{"url": "https://a", "text": ""}]
    assert not told.keys() & {"preview", "body_html", "headers", "account_id", "pod_id", "to"}
    assert "reply_body" not in shown({**MAIL, "reply_body": MAIL["body_text"]}, Shown.MAIL)[0]
    assert shown(MAIL, Shown.WHOLE) == (MAIL, None)


def test_a_long_mail_is_read_part_by_part() -> None:
    """All parts together are the text."""
    text = "".join(f"{n}," for n in range(MOST_OF_A_TEXT // 3))
    read, start = "", 0
    while start < len(text):
        told, part = shown({**MAIL, "body_text": text}, Shown.MAIL, start)
        assert part is not None
        assert (part.start, part.of) == (start, len(text))
        read, start = read + told["body_text"], part.end
    assert read == text
    beyond, part = shown({**MAIL, "body_text": text}, Shown.MAIL, len(text) + 5)
    assert (beyond["body_text"], part) == ("", Part(len(text) + 5, len(text), len(text)))


def test_a_mail_s_text_has_room_beside_its_links() -> None:
    """A newsletter's links and a crowd of recipients are told in part, and how many more there are."""
    links = [{"url": f"https://shop.example/{n}?{'u' * 1_000}", "text": f"Look {n}"} for n in range(100)]
    long = {**MAIL, "body_text": "T" * MOST_OF_A_TEXT, "to": [f"{n}@example.com" for n in range(700)], "links": links}
    told, part = shown(long, Shown.MAIL)
    assert part is None
    assert (told["to"], told["more_to"]) == (long["to"][:50], 650)
    assert (told["links"], told["more_links"]) == (links[:3], 97)
    operation = KNOWN["get_message"]
    _, found = separate(told, operation.envelopes[200]["result"], operation.definitions)
    assert found.index(("body_text", long["body_text"])) < MOST_TEXTS
    assert "T" * MOST_OF_A_TEXT in fence(found)
    assert "more_links: 97" in fence(found)
    one = {**MAIL, "cta_links": [{"url": f"https://a/{'t' * 5_000}", "text": "Confirm"}]}
    assert shown(one, Shown.MAIL)[0]["cta_links"] == one["cta_links"]  # what a mail is about is told, however long
    assert shown(long, Shown.WHOLE)[0] == long


def test_what_people_note_of_an_inbox_is_no_mail() -> None:
    """Metadata may have any names, those of a mail among them."""
    inbox = {"id": "inbox_1", "metadata": {"preview": 1, "direction": {"body_text": []}}}
    assert shown(inbox, Shown.THREAD) == (inbox, None)


def test_operations_are_found_by_few_words() -> None:
    """No words, and more than anybody means, are refused: each is looked for in each operation."""
    anybody = Who("account", frozenset(each.permission for each in KNOWN.values() if each.permission), None)
    assert find(KNOWN, anybody, "create a webhook")["result"][0]["operation"] == "create_webhook"
    for words in ("", "webhook " * 200):
        with pytest.raises(BadArgument, match="words"):
            find(KNOWN, anybody, words)


def test_an_answer_is_read_once() -> None:
    """What a model is told of it takes the place of all of it, and is not read again."""
    answer = Response(200, "application/json", b'{"result": {"a": 1, "b": 2}, "next_steps": ["Go on."]}')
    told = answer.telling({"a": 1}, "First.")
    assert (told.json, told.status) == ({"result": {"a": 1}, "next_steps": ["First.", "Go on."]}, 200)
    assert answer.json is answer.json
    assert answer.json["result"] == {"a": 1, "b": 2}
    assert Response(502, "application/json", b"<html>").json is None
    assert Response(502, "text/html", b"{}").json is None


def test_a_conversation_tells_what_each_mail_adds() -> None:
    """Without what is quoted, and of a long one the beginning."""
    told, _ = shown([MAIL, {**MAIL, "reply_body": "x" * 9_999}], Shown.THREAD)
    assert told[0]["body_text"] == "Hello"
    assert (told[1]["body_text"], told[1]["truncated"]) == ("x" * MOST_OF_A_PART, True)


@pytest.mark.parametrize(
    ("step", "call"),
    [
        (
            "The next one: GET /v1/inboxes/i/messages/wait?after=m",
            'The next one: wait_for_email {"inbox_id": "i", "after": "m"}',
        ),
        (
            "GET /v1/inboxes/i/messages/wait answers when",
            'wait_for_email {"inbox_id": "i"} answers when',
        ),
        (
            "List the inboxes that this key reaches: GET /v1/inboxes.",
            "List the inboxes that this key reaches: list_inboxes {}.",
        ),
        (
            'Mark it read: PATCH /v1/inboxes/i/messages/m {"read": true}',
            'Mark it read: label_email {"inbox_id": "i", "message_id": "m", "read": true}',
        ),
        (
            "GET /v1/inboxes/i/messages?thread_id=t",
            'read_thread {"inbox_id": "i", "thread_id": "t"}',
        ),
        (
            "Its thread: GET /v1/inboxes/i/threads/t",
            'Its thread: read_thread {"inbox_id": "i", "thread_id": "t"}',
        ),
        (
            "GET /v1/inboxes/i/messages?q=a%20b&limit=5",
            'search_emails {"inbox_id": "i", "q": "a b", "limit": 5}',
        ),
        (
            "DELETE /v1/suppressions/%22forward%20all%20mail%22@example.com",  # words that somebody chose
            "DELETE /v1/suppressions/%22forward%20all%20mail%22@example.com",
        ),
        (
            "DELETE /v1/suppressions/bob@example.com",
            'call_operation {"operation": "delete_suppression", "arguments": {"address": "bob@example.com"}}',
        ),
        (
            "GET /v1/inboxes/ada%40example.com",
            'get_inbox {"inbox_id": "ada@example.com"}',
        ),
        (
            'POST /v1/inboxes {"pod_id": "p"}',
            'create_inbox {"pod_id": "p"}',
        ),
        (
            'PATCH /v1/pods/{pod_id} {"limits": {"max_inboxes": null}}.',
            f'{CALL} {{"operation": "update_pod", "arguments": '
            '{"pod_id": "{pod_id}", "limits": {"max_inboxes": null}}}.',
        ),
        (
            "Wait for account.upgraded: GET /v1/events/stream",
            "Wait for account.upgraded: GET /v1/events/stream",
        ),
        (
            "Fetch it: GET https://example.com/v1/downloads/x",
            "Fetch it: GET https://example.com/v1/downloads/x",
        ),
        (
            "Nothing to do.",
            "Nothing to do.",
        ),
    ],
)
def test_a_step_names_the_call_of_a_tool(step: str, call: str) -> None:
    """The closest tool, with arguments of the right types; what has none goes by `call_operation`, or stays."""
    assert STEPS.for_tools([step]) == [call]


def test_each_step_of_an_error_is_a_call_that_is_taken() -> None:
    """No path is left but of what no model calls, and no argument is unknown."""
    said = {step for each in OPERATIONS for error in errors_of(each) for step in error().steps}
    assert len(said) > 50
    for step in STEPS.for_tools(sorted(said)):
        left = [name for name in LEFT_OUT if KNOWN[name].path in step]
        assert left or " /v1/" not in step, step
        name, _, rest = step.partition(" {")[0].rpartition(" ")[2], *step.partition(" {")[1:]
        operation = {tool.name: tool.operation for tool in TOOLS}.get(name)
        if operation:
            given, _ = json.JSONDecoder().raw_decode("{" + rest)
            assert given.keys() <= KNOWN[operation].parameters.keys(), step


def test_arguments_are_taken_as_they_were_meant() -> None:
    """A text for a list, for a number, for a switch, for an object; null for nothing. What is not plain stays."""
    schemas: dict[str, Any] = {
        "labels": {"type": "array", "items": {"type": "string"}},
        "to": {"anyOf": [{"type": "string"}, {"type": "array"}]},
        "read": {"type": "boolean"}, "limit": {"type": "integer"}, "timeout": {"type": "number"},
        "filter": {"anyOf": [{"$ref": "#/x"}, {"type": "null"}]}, "subject": {"type": "string"},
        "sort": {"enum": ["a"]},
        "send_at": {"anyOf": [{"type": "string"}, {"type": "null"}]},
    }  # fmt: skip
    told = {"labels": "urgent", "to": '["a@b", "c@d"]', "read": "True", "limit": "5", "timeout": "1.5",
            "filter": '{"label": "x"}', "subject": None, "sort": None, "send_at": None}  # fmt: skip
    assert meant(told, schemas) == {
        "labels": ["urgent"], "to": ["a@b", "c@d"], "read": True, "limit": 5, "timeout": 1.5,
        "filter": {"label": "x"}, "send_at": None,
    }  # fmt: skip
    kept = {"to": "[a", "read": "yes", "limit": "many", "filter": "x", "subject": "5", "new": None, "labels": ["a"]}
    assert meant(kept, schemas) == kept
    assert meant({"labels": '["a", "b"]'}, schemas) == {"labels": ["a", "b"]}
    assert meant({"filter": "[" * 100_000}, schemas) == {"filter": "[" * 100_000}
    # Nor what no JSON holds, nor what would cost others their time: the text is handed on, and refused.
    for text in ('["\\ud800"]', "[NaN]", "[1e999]", "[" * 900 + "]" * 900, f"[{'1,' * 20_000}1]"):
        assert meant({"to": text}, schemas) == {"to": text}
    for text in ("NaN", "1e999", "9" * 5_000):
        assert meant({"limit": text}, schemas) == {"limit": text}


def test_a_schema_is_told_plainly() -> None:
    """What it takes, and nothing of how that is checked; a property may be called as a keyword is."""
    optional = {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None}
    clearing = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = {"properties": {"title": optional, "pattern": clearing, "x": {"$ref": "#/components/schemas/X"}}}
    assert plainly(schema) == {
        "properties": {"title": {"type": "string"}, "pattern": clearing, "x": {"$ref": "#/$defs/X"}}
    }


def test_the_tools_are_few_words() -> None:
    """Their list stands in every turn of every conversation. Each is told whole: no argument without a type."""
    sizes = {}
    for tool in TOOLS:
        schema = KNOWN[tool.operation].schema(without=tool.hidden, needed=tool.needed)
        assert set(tool.needed) <= schema["properties"].keys(), tool.name
        assert set(tool.hidden) <= KNOWN[tool.operation].parameters.keys(), tool.name
        assert tool.told.keys() - set(tool.hidden) <= {*schema["properties"], "reply_to"}, tool.name
        assert set(schema.get("required", ())) <= schema["properties"].keys(), tool.name
        sizes[tool.name] = len(json.dumps(schema)) + len(tool.description)
    assert sum(sizes.values()) < 26_000, sizes
