"""What the help of a command says that the API's description does not: an example, and what a flag is for."""

# In place of the API's own words, where the command does more.
IN_PLACE = {("wait_for_message", "timeout"): "Seconds to wait, any number of them; default 30."}

# Of what the API leaves to the name.
FLAGS = {
    "action": "What becomes of the mail.",
    "attachments": "A file to attach.",
    "body_html": "The same as HTML.",
    "by": "What shares the cost.",
    "body": "The text.",
    "description": "What it is for.",
    "direction": "Inbound: who may write to an inbox. Outbound: to whom an inbox may write.",
    "display_name": "The name that recipients see.",
    "domain": "Only those at this domain.",
    "draft_id": "A draft to send, changed by what else is given.",
    "filter": 'Only such a message: `{"label": …, "from": …, "subject": …, "has_code": …}`.',
    "format": "What is answered.",
    "grants": 'A list of `{"role": …, "pod_id": … or null}`; null is the whole account.',
    "inbox_id": "An inbox's id.",
    "key": "The key; by `@FILE` or `@-`, so that it stands in no history.",
    "key_id": "A key's id.",
    "label": "Only with this label.",
    "labels": "A label.",
    "lease_id": "As the claim answered it.",
    "limits": '`{"max_inboxes": …, "max_sends_per_day": …}`; null is no limit but the account\'s.',
    "member_id": "A member's id.",
    "method": "How the cost is divided.",
    "name": "A name for people.",
    "order": "Which way it is sorted.",
    "pod_id": "A pod's id.",
    "read": "Mark it as read, or as unread.",
    "reason": "Why.",
    "references": "A `Message-ID` that it goes on from, the oldest first.",
    "scope": "How far the key reaches.",
    "sort": "What comes first.",
    "status": "What state it is in.",
    "subject": "The subject.",
    "target_tier": "The tier to pay for.",
    "team_id": "A team's id.",
    "thread_id": "A thread's id.",
    "unread": "Only with unread mail, or only without.",
    "weights": 'With `usage`: what each kind weighs, `{"sends": 3, "received": 1}`.',
}

# What is written behind a command that needs no more than its arguments, or that says less than a body does.
EXAMPLES = {
    "create_draft": "agent-1@daimon.email --to ada@example.com --subject 'Your invoice' --body @letter.txt",
    "create_inbox": "--username agent-1",
    "create_key": "--scope inbox --inbox-id inbox_0198c5f2a7d47c3e8f0a1b2c3d4e5f60 --name agent-1 --save agent-1",
    "create_pod": "--name 'Customer A' --subdomain customer-a --save customer-a",
    "export_account": "--output account.zip",
    "get_attachment": "agent-1@daimon.email msg_0198c5f2a7d47c3e8f0a1b2c3d4e5f60 att_0198c5f2a7d47c3e8f0a1b2c3d4e5f60"
    " --output invoice.pdf",
    "get_split_report": "--period 2026-11 --format csv --output november.csv",
    "get_split_statement": "--period 2026-11 --issuer 'Acme Ltd' --output statement.html",
    "get_usage": "--from 2026-11-01 --by inbox",
    "list_audit": "--from 2026-11-01T00:00:00Z --limit 20",
    "list_events": "--event message.received --after 0",
    "list_inboxes": "--all --json",
    "list_keys": "--status active",
    "list_messages": "agent-1@daimon.email --unread --limit 10",
    "report_leaked_key": "--key @leaked.txt",
    "rotate_account_key": "--grace-seconds 3600 --show-secret",
    "rotate_inbox_key": "agent-1@daimon.email --grace-seconds 3600 --save agent-1",
    "rotate_key": "key_0198c5f2a7d47c3e8f0a1b2c3d4e5f60 --grace-seconds 3600 --show-secret",
    "rotate_pod_key": "pod_0198c5f2a7d47c3e8f0a1b2c3d4e5f60 --grace-seconds 3600 --save customer-a",
    "rotate_webhook_secret": "wh_0198c5f2a7d47c3e8f0a1b2c3d4e5f60 --show-secret",
    "send_message": "agent-1@daimon.email --to 'Ada <ada@example.com>' --subject 'Your invoice' --body @letter.txt"
    " --attach invoice.pdf",
    "wait_for_message": "agent-1@daimon.email --has-code --timeout 120",
}
