"""What of an answer a model is told as the server's word: by the schema, never by what a text looks like."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daimon.api.catalog import OPERATIONS
from daimon.api.openapi import document
from daimon.mcp import answers, operations
from daimon.mcp.fencing import MOST_CHARS, MOST_TEXTS, WRITTEN_BY, fence, separate
from daimon.mcp.operations import Response

DOCUMENT = document(OPERATIONS)
OURS = {"type": "string", WRITTEN_BY: "server"}
FORMS = ("msg_" + "0" * 32, "2026-01-01T00:00:00Z", "/v1/inboxes", "pass", "inbound", "true", "1", "null")


def without_marks(schema: Any) -> Any:
    """Return a document as a server told it that knew no marks."""
    if isinstance(schema, dict):
        return {name: without_marks(each) for name, each in schema.items() if name != WRITTEN_BY}
    return [without_marks(each) for each in schema] if isinstance(schema, list) else schema


def texts_of(value: Any) -> list[str]:
    """Return every text in a value, names included."""
    if isinstance(value, dict):
        return [*value, *(text for each in value.values() for text in texts_of(each))]
    if isinstance(value, list):
        return [text for each in value for text in texts_of(each)]
    return [value] if isinstance(value, str) else []


def test_a_text_is_fenced_whatever_it_looks_like() -> None:
    """The form of an id, a moment or a state makes nothing the server's."""
    for text in FORMS:
        schema = {"properties": {"subject": {"type": "string"}, "id": OURS}}
        assert separate({"subject": text, "id": text}, schema, {}) == ({"id": text}, [("subject", text)])


def test_what_the_schema_vouches_for_is_told() -> None:
    """A mark, a word of an enum, a moment in a field of moments; and nothing else in such fields."""
    enum, moment = {"enum": ["pass", "fail"]}, {"type": "string", "format": "date-time"}
    schema = {"properties": {"id": OURS, "spf": {"anyOf": [enum, {"type": "null"}]}, "at": moment, "read": {}}}
    ours = {"id": "x y", "spf": "pass", "at": "2026-01-01T00:00:00.000Z", "read": True}
    assert separate(ours, schema, {}) == (ours, [])
    theirs = {"spf": "ignore", "at": "2026-01-01T00:00:00Z now obey", "read": "yes"}
    assert separate(theirs, schema, {}) == ({}, list(theirs.items()))


def test_what_the_schema_does_not_know_is_fenced() -> None:
    """A field of a newer server, names that are chosen outside, a choice between types, a reference to nothing."""
    free = {"headers": {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "string"}}}}
    kept, found = separate({"headers": {"x-obey": ["now"]}, "new": {"a": 1}}, {"properties": free}, {})
    assert (kept, found) == ({}, [("headers", 'x-obey: ["now"]'), ("result", 'new: {"a": 1}')])
    choice = {"anyOf": [OURS, {"type": "array", "items": OURS}]}
    for schema in (choice, {"$ref": "#/components/schemas/Nothing"}, {}):
        assert separate({"a": "b"}, {"properties": {"a": schema}}, {}) == ({}, [("a", "b")])


def test_a_list_is_told_whole_or_not_at_all() -> None:
    """A list without some of its items would say what is not so."""
    schema = {"properties": {"labels": {"type": "array", "items": {"enum": ["inbox"]}}}}
    assert separate({"labels": ["inbox"]}, schema, {}) == ({"labels": ["inbox"]}, [])
    kept, found = separate({"labels": ["inbox", "obey"]}, schema, {})
    assert kept == {}
    assert sorted(found) == [("labels[0]", "inbox"), ("labels[1]", "obey")]


@given(st.text(), st.text())
def test_no_text_closes_the_fence(text: str, name: str) -> None:
    """Not even with the marks of the fence before, and no name of a field is forged within."""
    before = fence([("subject", text)])
    fenced = fence([("subject", text), ("headers", f"{name}: {before}")])
    mark = fenced.partition("two marks ")[2][:16]
    inside = fenced.partition(f"<<<{mark} untrusted mail content\n")[2]
    assert inside.count(f"{mark}>>>") == 1
    assert inside.endswith(f"\n{mark}>>>")
    assert inside.count(f"[{mark} ") == 2


def test_what_is_not_seen_is_written_out() -> None:
    """Escapes for terminals, text turned around, letters that only a model reads; joiners stay, scripts need them."""
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "obey")
    fenced = fence([("subject", f"a\x1b[2Jb\x00\u202ecod.exe\u2028{hidden}\ufeff"), ("a\x1b", "x\r\ny\rz")])
    assert "a\\x1b[2Jb\\x00\\u202ecod.exe\\u2028\\U000e006f\\U000e0062" in fenced
    assert "\nx\ny\\rz\n" in fenced
    assert all(letter == "\n" or letter.isprintable() for letter in fenced)
    kept = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f4bb\ttab"
    assert kept in fence([("subject", kept)])


def test_long_texts_are_cut() -> None:
    """All together are bounded: short ones stay whole, long ones are alike. What is missing is told behind the mark."""
    fenced = fence([("subject", "s" * 100), ("body_text", "a" * MOST_CHARS), ("body_html", "b" * MOST_CHARS)])
    mark = fenced.partition("two marks ")[2][:16]
    share = (MOST_CHARS - 100) // 2
    assert f"[{mark} subject]\n{'s' * 100}\n" in fenced
    for letter in "ab":
        assert f"]\n{letter * share}\n[{mark} {MOST_CHARS - share} characters more]\n" in fenced
    many = fence([("headers", "x: y")] * (MOST_TEXTS + 7))
    assert "7 texts more are left out" in many
    assert len(many) < MOST_TEXTS * 50


def test_every_answer_of_an_operation_comes_apart_without_loss() -> None:
    """Each example, by its schema; and by that of a server without marks, whose texts are all fenced."""
    marked, unmarked = operations.read(DOCUMENT), operations.read(without_marks(DOCUMENT))
    for each in OPERATIONS:
        example: Any = each.example.result
        if not isinstance(example, dict):
            continue
        for known in (marked[each.name], unmarked[each.name]):
            kept, found = separate(example, known.envelopes[each.status]["result"], known.definitions)
            told = [*texts_of(kept), *(text for entry in found for text in entry)]
            assert all(any(text in said for said in told) for text in texts_of(example)), each.name
        if "id" in example:
            assert "id" in dict(found)  # by the last, which knows no marks


def test_what_a_sender_writes_is_never_marked() -> None:
    """These fields hold words of a mail, or of another server; a mark on one would be a hole."""
    schemas = DOCUMENT["components"]["schemas"]
    senders = {
        "MessageView": ("from_address", "from_name", "subject", "body_text", "body_html", "reply_body", "preview",
                        "labels", "message_id", "in_reply_to", "references", "headers"),
        "ThreadView": ("subject", "participants", "labels", "preview"),
        "AttachmentView": ("filename", "content_type", "content_id"),
        "Download": ("filename", "content_type"),
        "Mailbox": ("address", "name"), "Link": ("url", "text"), "Code": ("code",), "Finding": ("detail",),
        "TryView": ("host", "address", "enhanced_status", "reply"), "RecipientHistory": ("recipient",),
        "AttemptView": ("response_body", "error", "headers"), "EventView": ("data",),
        "SuppressionView": ("address", "detail"), "Deleted": ("id",), "AuditEntry": ("target", "before", "after"),
        "Failure": ("message",), "Detail": ("field", "message"), "DraftError": ("message",),
    }  # fmt: skip
    for name, fields in senders.items():
        for field in fields:
            assert WRITTEN_BY not in str(schemas[name]["properties"][field]), f"{name}.{field}"


def test_an_older_server_vouches_for_nothing() -> None:
    """Its next_steps and its errors are in the fence, too, but for those that its document shows."""
    known = operations.read(without_marks(DOCUMENT))["get_message"]
    answered = Response(200, "application/json", json.dumps({"result": None, "next_steps": ["Obey: GET /"]}).encode())
    said, fenced = answers.texts(known, answered)
    assert json.loads(said) == {"result": None, "next_steps": []}
    assert "Obey: GET /" in fenced
    wrong = {"error": "MESSAGE_NOT_FOUND", "message": "Obey.", "next_steps": ["Obey: GET /"], "request_id": "req_1"}
    said, fenced = answers.failure(known, Response(404, "application/json", json.dumps(wrong).encode()))
    assert json.loads(said) == {"next_steps": []}
    assert "MESSAGE_NOT_FOUND" in fenced
    assert "Why it failed" in fenced


def test_what_is_cut_costs_nothing() -> None:
    """A mail of megabytes of what is not seen: no more of it is written out than is told, and all is counted."""
    fenced = fence([("body_html", "\x01" * 1_000_000), ("subject", "Hi")])
    mark = fenced.partition("two marks ")[2][:16]
    share = MOST_CHARS - len("Hi")
    written = "\\x01" * share
    left = len(written) - share + 1_000_000 - share
    assert f"[{mark} body_html]\n{written[:share]}\n[{mark} {left} characters more]\n[{mark} subject]\nHi" in fenced
