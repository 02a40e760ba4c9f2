"""What the reference shows of drafts."""

from typing import Any

from daimon.api.operation import Example
from daimon.api.send_examples import SEND

_AT = "2026-03-16T10:30:00.000Z"
_LISTED: dict[str, Any] = {
    "id": "dft_019cf6480e217b36a1b2c3d4e5f60719",
    "inbox_id": "inbox_019cf63f0ac27d14a6c7d8e9f0a1b2c3",
    "status": "scheduled",
    "send_at": "2026-03-17T08:00:00.000Z",
    "to": [{"address": "ada@example.com", "name": "Ada"}],
    "cc": [],
    "bcc": [],
    "subject": "Your invoice",
    "preview": "Dear Ada, here it is.",
    "attachments": [],
    "sent_message_id": None,
    "error": None,
    "client_id": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_WHOLE = _LISTED | {
    "body": "Dear Ada,\n\nhere it is.\n",
    "body_html": None,
    "reply_to": [],
    "headers": {},
    "labels": [],
    "in_reply_to": None,
    "references": [],
    "thread_id": None,
}
_BODY = {"to": "Ada <ada@example.com>", "subject": "Your invoice", "body": "Dear Ada,\n\nhere it is.\n"}

CREATE_DRAFT = Example(_WHOLE | {"status": "draft", "send_at": None}, body=_BODY)
LIST_DRAFTS = Example({"drafts": [_LISTED], "has_more": False, "next_cursor": None})
GET_DRAFT = Example(_WHOLE)
PATCH_DRAFT = Example(_WHOLE | {"status": "draft", "send_at": None}, body={"send_at": None})
DELETE_DRAFT = Example({"id": _LISTED["id"], "deleted": True})
SEND_DRAFT = Example(SEND.result)
