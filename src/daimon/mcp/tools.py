"""The tools that a model is shown, most of what it needs; every other operation is reached through two of them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daimon.mcp.mails import Shown

_PAGE = "The newest come first; `next_cursor` leads to the next page."
_FEW = {"limit": 20}  # of what is read by a model, and not by a program
_ALIKE = {"cc": "As `to`.", "bcc": "As `to`.", "reply_to": "As `to`."}
_ANSWERED = {**_ALIKE, "to": "Left out: whom the answer is for anyway."}
_ONCE = "Give a `client_id`, so that a repeated call sends nothing twice."
_NOT_NEEDED = ("headers", "in_reply_to", "references")  # a thread's id, or the mail that is answered, says as much


@dataclass(frozen=True, slots=True)
class Tool:
    """An operation as a tool: its name and description are for a model. What is `hidden` a model does not need.

    `needed` are arguments that the tool needs and the operation does not, `told` what a model is told of one instead
    of what the document says, `shown` how much of a mail the answer holds, and `also` operations that a step may name
    for which this tool stands. `by_parts`: a long text is read on with `text_from`. `reads_mail`: it returns words of
    strangers. `sends`: it acts on the world outside. `repeatable`: to call it twice is to call it once.
    """

    name: str
    operation: str
    description: str
    hidden: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    defaults: Mapping[str, Any] = field(default_factory=dict)
    told: Mapping[str, str] = field(default_factory=dict)
    shown: Shown = Shown.WHOLE
    also: tuple[str, ...] = ()
    by_parts: bool = False
    reads_mail: bool = False
    sends: bool = False
    repeatable: bool = False

    @property
    def title(self) -> str:
        """Its name, for people."""
        words = self.name.replace("_", " ")
        return f"{words[0].upper()}{words[1:]}"


TOOLS = (
    Tool("who_am_i", "whoami", "Tell what this key reaches and may do."),
    Tool(
        "create_inbox",
        "create_inbox",
        "Take a new e-mail inbox with an address of its own, to sign up somewhere or to write from. `client_id` makes"
        " a repeated call return the same inbox.",
        hidden=("metadata",),
    ),
    Tool(
        "list_inboxes",
        "list_inboxes",
        "List inboxes with their addresses. The oldest come first; `next_cursor` leads to the next page.",
        hidden=("offset", "domain"),
        defaults=_FEW,
        also=("list_pod_inboxes",),
    ),
    Tool("get_inbox", "get_inbox", "Show one inbox, by its id or its address."),
    Tool("delete_inbox", "delete_inbox", "Delete an inbox with its keys. Its mail is erased after 30 days."),
    Tool(
        "wait_for_email",
        "wait_for_message",
        "Wait until a mail comes to an inbox, and return it: a confirmation, a verification code (`has_code`), an"
        " answer. An unread mail that is there already is returned at once. For the next one, pass `after` the id of"
        " this one, or mark this one read. If nothing came, `result` is null: call it again.",
        defaults={"timeout": 30},
        told={"timeout": "Seconds, 30 if left out. Many clients give a call up after 60."},
        shown=Shown.MAIL,
        reads_mail=True,
    ),
    Tool(
        "list_emails",
        "list_messages",
        f"List the mails of an inbox: sender, subject, beginning, codes. Read one with read_email. {_PAGE}",
        hidden=("include", "q", "thread_id"),
        defaults=_FEW,
        shown=Shown.LIST,
        reads_mail=True,
    ),
    Tool(
        "search_emails",
        "list_messages",
        f"Search an inbox for words in sender, subject and the beginning of the text. {_PAGE}",
        hidden=("include",),
        needed=("q",),
        defaults=_FEW,
        told={"q": "Words to look for."},
        shown=Shown.LIST,
        reads_mail=True,
    ),
    Tool(
        "read_email",
        "get_message",
        "Read one mail: text, links, codes, attachments, who it is from, what to distrust in it.",
        shown=Shown.MAIL,
        by_parts=True,
        reads_mail=True,
    ),
    Tool(
        "label_email",
        "update_message",
        "Mark a mail as read or unread, or set its labels.",
        told={"labels": "All labels that it has from now on; those left out are taken off.", "read": "false: unread"},
        shown=Shown.MARKS,
        repeatable=True,
        reads_mail=True,
    ),
    Tool("delete_email", "delete_message", "Delete a mail."),
    Tool(
        "get_attachment",
        "get_attachment",
        "Fetch one attachment of a mail: a text or a small file at once, and a link to any other.",
        reads_mail=True,
    ),
    Tool(
        "send_email",
        "send_message",
        f"Send a mail from an inbox. `dry_run` tells what would happen; `send_at` sends it later. {_ONCE}",
        hidden=(*_NOT_NEEDED, "draft_id"),
        needed=("to",),
        told=_ALIKE,
        sends=True,
    ),
    Tool(
        "reply_to_email",
        "reply_to_message",
        f"Answer the sender of a mail, in its thread. {_ONCE}",
        hidden=(*_NOT_NEEDED, "thread_id", "reply_to"),
        told=_ANSWERED,
        sends=True,
    ),
    Tool(
        "reply_all_to_email",
        "reply_all_to_message",
        f"Answer all whom a mail was between, in its thread. {_ONCE}",
        hidden=(*_NOT_NEEDED, "thread_id", "reply_to"),
        told=_ANSWERED,
        sends=True,
    ),
    Tool(
        "forward_email",
        "forward_message",
        f"Hand a mail on, with its attachments. {_ONCE}",
        hidden=(*_NOT_NEEDED, "thread_id", "reply_to"),
        needed=("to",),
        told=_ALIKE,
        sends=True,
    ),
    Tool(
        "cancel_email",
        "cancel_message",
        "Take back a mail that was sent, from each recipient who still waits for it. One that is scheduled is a draft:"
        " use delete_draft.",
        sends=True,
        repeatable=True,
    ),
    Tool("get_delivery_status", "list_message_deliveries", "Show what became of each recipient of a sent mail."),
    Tool(
        "list_threads",
        "list_inbox_threads",
        f"List the conversations of an inbox. {_PAGE}",
        hidden=("sort",),
        defaults=_FEW,
        reads_mail=True,
    ),
    Tool(
        "read_thread",
        "list_messages",
        "Read a conversation: what each of its mails adds, the oldest first. `next_cursor` leads to the next page.",
        hidden=("include", "q", "sort", "from", "label", "unread", "before", "after", "direction"),
        needed=("thread_id",),
        defaults={"include": "body", "sort": "oldest", **_FEW},
        told={"thread_id": "The thread's id."},
        shown=Shown.THREAD,
        also=("get_thread",),
        reads_mail=True,
    ),
    Tool(
        "write_draft",
        "create_draft",
        "Write a mail that a person reads and sends, where you may not send or somebody should approve. To answer, give"
        " the `thread_id` and the recipient. Then tell your operator the draft's id; it says `sent` or is gone when"
        " they decided.",
        hidden=_NOT_NEEDED,
        told=_ALIKE,
    ),
    Tool("list_drafts", "list_drafts", f"List drafts. {_PAGE}", defaults=_FEW),
    Tool("read_draft", "get_draft", "Show one draft whole, and whether it was sent."),
    Tool(
        "change_draft",
        "update_draft",
        "Change a draft; what is left out stays as it is.",
        hidden=_NOT_NEEDED,
        told=_ALIKE,
        repeatable=True,
    ),
    Tool("send_draft", "send_draft", "Send a draft now. It is sent once.", sends=True, repeatable=True),
    Tool("delete_draft", "delete_draft", "Delete a draft; one that is scheduled is not sent."),
    Tool(
        "claim_email",
        "claim_message",
        "Where several work on one inbox: take the oldest mail that nobody has handled, for a while. Then ack or"
        " release it with its `lease_id`.",
        shown=Shown.MAIL,
        reads_mail=True,
    ),
    Tool("ack_email", "ack_message", "Say that a claimed mail is done.", shown=Shown.MARKS, reads_mail=True),
    Tool(
        "release_email",
        "release_message",
        "Give a claimed mail back for others to claim.",
        shown=Shown.MARKS,
        reads_mail=True,
    ),
)

FIND = "find_operation"
CALL = "call_operation"

# What no model calls: pages for people in a browser, streams, what the server says of itself, a link that is a secret.
LEFT_OUT = {
    "accept_invitation": "a page for people",
    "download_attachment": "get_attachment has the same octets",
    "get_docs": "a page for people",
    "get_llms": "the tools tell as much",
    "get_llms_full": "find_operation tells of operations",
    "get_skill": "the tools tell as much",
    "get_openapi": "find_operation tells of operations",
    "healthz": "for who runs the server",
    "hear_stripe": "Stripe calls it",
    "open_stream": "wait_for_email and list_events wait",
    "readyz": "for who runs the server",
    "recover_account": "a page for people",
    "show_cancelled": "a page for people",
    "show_email_verification": "a page for people",
    "show_invitation": "a page for people",
    "show_paid": "a page for people",
    "show_recovery": "a page for people",
    "show_upgrade": "a page for people",
    "start_upgrade": "a page for people",
    "stream_events": "wait_for_email and list_events wait",
    "verify_email": "a page for people",
    "export_account": "an archive of any size; take it over HTTP",
}


def tool_for(tools: Iterable[Tool], operation: str, arguments: Collection[str]) -> Tool | None:
    """Return the tool that does what an operation does with these arguments, the closest one; None if there is none."""
    fitting = [
        tool
        for tool in tools
        if operation == tool.operation
        and not set(tool.hidden).intersection(arguments)
        and set(tool.needed) <= set(arguments)
    ]
    instead = [tool for tool in tools if operation in tool.also]
    return max(fitting, key=lambda tool: len(tool.needed), default=None) or next(iter(instead), None)
