"""What the reference shows of billing splits."""

from typing import Any

from daimon.api.operation import Example

_POD = "pod_019cf63f0ac47f36d7e8f90a1b2c3d4e"
_SPLIT: dict[str, Any] = {
    "by": "pod",
    "method": "usage",
    "weights": {"sends": 3, "received": 1, "storage": 0, "inboxes": 1},
    "fixed": {},
    "markup_percent": 15.0,
    "markups": {_POD: 12.5},
    "updated_at": "2026-11-03T10:30:00.000Z",
}
_COST: dict[str, Any] = {
    "id": "in_1SX0aB2eZvKYlo2C:0",
    "description": "1 × Growth (at $49.00 / month)",
    "invoice_id": "in_1SX0aB2eZvKYlo2C",
    "amount_cents": 4900,
    "first_day": "2026-11-01",
    "last_day": "2026-11-30",
    "corrects": None,
}
_USAGE = {"sends": 1200, "received": 310, "stored_bytes": 5_242_880, "inbox_days": 90}


def _line(unit: str, name: str | None, share: float, amount: int, markup: int) -> dict[str, Any]:
    return {
        "id": unit,
        "name": name,
        "corrects": None,
        "usage": _USAGE,
        "share": share,
        "amount_cents": amount,
        "markup_cents": markup,
        "charge_cents": amount + markup,
    }


GET_SPLITS = Example(result=_SPLIT)
PUT_SPLITS = Example(
    body={"by": "pod", "method": "usage", "weights": {"sends": 3, "received": 1, "inboxes": 1}, "markup_percent": 15},
    result=_SPLIT | {"markups": {}},
)
GET_SPLIT_REPORT = Example(
    result={
        "period": "2026-11",
        "first_day": "2026-11-01",
        "last_day": "2026-11-30",
        "status": "open",
        "closed_at": None,
        "currency": "usd",
        "by": "pod",
        "method": "usage",
        "total_cents": 4900,
        "markup_cents": 306,
        "charge_cents": 5206,
        "costs": [_COST],
        "lines": [_line(_POD, "Customer A", 0.5, 2450, 306), _line("unallocated", None, 0.5, 2450, 0)],
        "limit": 100_000,
        "has_more": False,
        "next_cursor": None,
    }
)
