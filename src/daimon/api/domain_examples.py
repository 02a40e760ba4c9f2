"""What the reference shows of domains."""

from typing import Any

from daimon.api.operation import Example

_AT = "2026-03-16T10:30:00.000Z"
_ID = "dom_019cf63f0ac57f36d7e8f90a1b2c3d4e"
_INBOX_ID = "inbox_019cf63f0ac57a36d7e8f90a1b2c3d4e"


def _record(kind: str, name: str, value: str, purpose: str, **more: object) -> dict[str, Any]:
    return {
        "type": kind, "name": name, "value": value, "priority": None, "purpose": purpose, "required": False,
        "status": "pending", "found": [], "hint": f"Add this {kind} record at {name}.",
    } | more  # fmt: skip


_RECORDS = [
    _record(
        "TXT", "_daimon.acme.com", "daimon-verification=4f1c9a02d7b35e6880c1aa94b2f0d3e76c58190b", "ownership",
        required=True,
    ),
    _record("MX", "acme.com", "daimon.email", "receiving", priority=10, required=True),
    _record("MX", "acme.com", "daimon.email", "receiving", priority=20),
    _record("TXT", "acme.com", "v=spf1 include:daimon.email ~all", "spf"),
    _record("TXT", "dm5e1f9a3ce._domainkey.acme.com", "v=DKIM1; k=ed25519; p=...", "dkim"),
    _record("TXT", "dm5e1f9a3cr._domainkey.acme.com", "v=DKIM1; k=rsa; p=...", "dkim", required=True),
    _record("TXT", "_dmarc.acme.com", "v=DMARC1; p=none; rua=mailto:postmaster@acme.com", "dmarc"),
]  # fmt: skip
_DOMAIN: dict[str, Any] = {
    "id": _ID,
    "account_id": "acc_019cf63f0ac27d14b5c6d7e8f90a1b2c",
    "pod_id": None,
    "domain": "acme.com",
    "status": "pending",
    "reason": None,
    "records": _RECORDS,
    "catch_all_inbox_id": None,
    "client_id": "acme",
    "checked_at": None,
    "verified_at": None,
    "created_at": _AT,
    "updated_at": _AT,
}
_VERIFIED = _DOMAIN | {
    "status": "verified",
    "checked_at": _AT,
    "verified_at": _AT,
    "records": [each | {"status": "verified", "found": [each["value"]], "hint": None} for each in _RECORDS],
}

CREATE_DOMAIN = Example(body={"domain": "acme.com", "client_id": "acme"}, result=_DOMAIN)
LIST_DOMAINS = Example(
    result={"domains": [_DOMAIN], "total": 1, "limit": 50, "offset": 0, "has_more": False, "next_cursor": None}
)
GET_DOMAIN = Example(result=_DOMAIN)
PATCH_DOMAIN = Example(body={"catch_all_inbox_id": _INBOX_ID}, result=_VERIFIED | {"catch_all_inbox_id": _INBOX_ID})
DELETE_DOMAIN = Example(result={"id": _ID, "deleted": True})
VERIFY_DOMAIN = Example(result=_VERIFIED)
ROTATE_DKIM = Example(
    result=_VERIFIED
    | {
        "records": [
            *_VERIFIED["records"],
            _record("TXT", "dm07c2b4d1e._domainkey.acme.com", "v=DKIM1; k=ed25519; p=...", "dkim"),
            _record("TXT", "dm07c2b4d1r._domainkey.acme.com", "v=DKIM1; k=rsa; p=...", "dkim", required=True),
        ]
    }
)
