"""What the reference shows of submission by SMTP."""

from typing import Any

from daimon.api.operation import Example

_SETTINGS: dict[str, Any] = {
    "host": "smtp.agents.example.com",
    "port": 587,
    "security": "starttls",
    "tls_port": 465,
    "auth_mechanisms": ["PLAIN", "LOGIN"],
    "max_message_bytes": 26_214_400,
    "max_recipients": 100,
}

ACCOUNT_SMTP = Example(
    result=_SETTINGS
    | {
        "username": "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7",
        "password_hint": "Any key of this account with the permission messages:send.",
        "from_hint": "Any inbox that the key reaches.",
    }
)
INBOX_SMTP = Example(
    result=_SETTINGS
    | {
        "username": "platform-admin@daimon.email",
        "password_hint": "Any key with the permission messages:send that reaches platform-admin@daimon.email.",
        "from_hint": "platform-admin@daimon.email, or another inbox that the key reaches.",
    }
)
