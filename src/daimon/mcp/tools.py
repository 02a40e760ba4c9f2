"""The tools that a model is shown, most of what it needs; every other operation is reached through two of them."""

from dataclasses import dataclass, field
from typing import Any

_PAGE = "The newest come first. `next_cursor` leads to the next page."


@dataclass(frozen=True, slots=True)
class Tool:
    """An operation as a tool: its name and description are for a model. What is `hidden` a model does not need.

    `needed` are arguments that the tool needs and the operation does not.
    """

    name: str
    operation: str
    description: str
    hidden: tuple[str, ...] = ()
    needed: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)


TOOLS = (
    Tool("who_am_i", "whoami", "Tell what this key reaches and may do."),
    Tool(
        "create_inbox",
        "create_inbox",
        "Take a new e-mail inbox with an address of its own, to sign up somewhere or to write from. `client_id` makes"
        " a repeated call return the same inbox.",
        hidden=("metadata",),
    ),
    Tool("list_inboxes", "list_inboxes", f"List inboxes with their addresses. {_PAGE}"),
    Tool("get_inbox", "get_inbox", "Show one inbox, by its id or its address."),
    Tool("delete_inbox", "delete_inbox", "Delete an inbox. Its mail is erased after 30 days."),
    Tool(
        "wait_for_email",
        "wait_for_message",
        "Wait until a mail comes to an inbox, and return it: for a confirmation, a verification code (`has_code`) or an"
        " answer. If none comes in `timeout` seconds, call it again with `after` as the answer says.",
        defaults={"timeout": 30},
    ),
    Tool("list_emails", "list_messages", f"List the mails of an inbox. {_PAGE}", hidden=("include", "q")),
    Tool(
        "search_emails",
        "list_messages",
        f"Search an inbox for the words in `q`. {_PAGE}",
        hidden=("include",),
        needed=("q",),
    ),
    Tool("read_email", "get_message", "Read one mail: text, links, codes, attachments, who it is from."),
    Tool("label_email", "update_message", "Mark a mail as read or unread, or change its labels."),
    Tool("delete_email", "delete_message", "Delete a mail."),
    Tool("get_attachment", "get_attachment", "Fetch one attachment of a mail."),
    Tool(
        "send_email",
        "send_message",
        "Send a mail from an inbox. `dry_run` tells what would happen; `send_at` sends it later. Give a `client_id`, so"
        " that a repeated call sends nothing twice.",
        hidden=("headers", "draft_id"),
    ),
    Tool(
        "reply_to_email",
        "reply_to_message",
        "Answer the sender of a mail, in its thread. Give a `client_id`, so that a repeated call sends nothing twice.",
        hidden=("headers",),
    ),
    Tool("reply_all_to_email", "reply_all_to_message", "Answer all whom a mail was between.", hidden=("headers",)),
    Tool("forward_email", "forward_message", "Hand a mail on, with its attachments.", hidden=("headers",)),
    Tool(
        "cancel_email",
        "cancel_message",
        "Take back a mail that was sent, from each recipient who still waits for it. One that is scheduled is a draft:"
        " use delete_draft.",
    ),
    Tool("get_delivery_status", "list_message_deliveries", "Show what became of each recipient of a sent mail."),
    Tool("list_threads", "list_inbox_threads", f"List the conversations of an inbox. {_PAGE}"),
    Tool(
        "read_thread",
        "list_messages",
        "Read a conversation: its mails, the oldest first. `next_cursor` leads to the next page.",
        hidden=("include", "q", "sort", "from", "label", "unread", "before", "after", "direction"),
        needed=("thread_id",),
        defaults={"include": "body", "sort": "oldest"},
    ),
    Tool("write_draft", "create_draft", "Write a mail for a person to look at before it is sent.", hidden=("headers",)),
    Tool("list_drafts", "list_drafts", f"List drafts. {_PAGE}"),
    Tool("send_draft", "send_draft", "Send a draft now."),
    Tool("delete_draft", "delete_draft", "Delete a draft; one that is scheduled is not sent."),
    Tool(
        "claim_email", "claim_message", "Take the next mail that nobody works on, for a while; then ack or release it."
    ),
    Tool("ack_email", "ack_message", "Say that a claimed mail is done."),
    Tool("release_email", "release_message", "Give a claimed mail back for others to claim."),
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
    "open_stream": "wait_for_email and list_events wait",
    "readyz": "for who runs the server",
    "recover_account": "a page for people",
    "show_email_verification": "a page for people",
    "show_invitation": "a page for people",
    "show_recovery": "a page for people",
    "stream_events": "wait_for_email and list_events wait",
    "verify_email": "a page for people",
    "export_account": "an archive of any size; take it over HTTP",
}
