"""What the reference shows for an account's ownership and capabilities."""

from daimon.api import examples
from daimon.api.operation import Example

_ACCOUNT = examples.GET_ACCOUNT.result
assert isinstance(_ACCOUNT, dict)
_ACCOUNT_ID = _ACCOUNT["account_id"]

PATCH_ACCOUNT = Example(
    body={"operator_email": "ops@example.com"}, result=_ACCOUNT | {"operator_email": "ops@example.com"}
)
ASK_FOR_RECOVERY = Example(body={"email": "ops@example.com"}, result={"accepted": True})
DELETE_ACCOUNT = Example(
    result={
        "id": _ACCOUNT_ID,
        "deleted": True,
        "deleted_at": "2026-03-16T10:30:00.000Z",
        "erased_at": "2026-04-15T10:30:00.000Z",
    }
)
RESTORE_ACCOUNT = Example(result=_ACCOUNT)
CAPABILITIES = Example(
    result={
        "tier": "free",
        "can": [{"action": "create_inbox", "description": "Make inboxes; 9 of 10 are left."}],
        "cannot": [
            {
                "action": "send",
                "reason": "The free tier receives only; sending needs a paid tier.",
                "unlock_url": "https://api.daimon.email/console/billing",
            }
        ],
    }
)
