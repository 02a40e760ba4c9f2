"""What the reference shows of billing."""

from daimon.api.operation import Example

_ACCOUNT = "acc_019cf63f0ac17c03b5d1f2a3b4c5d6e7"
_TOKEN = "AQGc9j8KwXwDtdHyo7TF1ucBAAAAAGm_aMAAAAAAAAAAADq1YkV0vV0m5h5cPp0C2mQk5nq3ZrU8bH1sWkE9xQyD"  # noqa: S105

CREATE_UPGRADE_LINK = Example(
    body={"target_tier": "developer", "reason": "I have to answer ann@example.com, and the free tier only receives."},
    result={
        "url": f"https://api.daimon.email/upgrade/{_TOKEN}",
        "expires_at": "2026-03-23T10:30:00.000Z",
        "target_tier": "developer",
    },
)
GET_BILLING = Example(
    result={
        "account_id": _ACCOUNT,
        "tier": "developer",
        "enabled": True,
        "subscription": {
            "id": "sub_1TBQx2L8Wn4bq0",
            "state": "active",
            "tier": "developer",
            "amount": 900,
            "currency": "usd",
            "period": "month",
            "current_period_start": "2026-03-16T10:30:00.000Z",
            "current_period_end": "2026-04-16T10:30:00.000Z",
            "trial_end": None,
            "cancel_at": None,
            "grace_ends_at": None,
        },
    }
)
OPEN_PORTAL = Example(
    body={"return_url": "https://agents.example.com/settings"},
    result={"url": "https://billing.stripe.com/p/session/live_YWNjdF8xT"},
)
LIST_INVOICES = Example(
    result={
        "invoices": [
            {
                "id": "in_1TBQx2L8Wn4bq0",
                "number": "8E3F2A-0001",
                "status": "paid",
                "currency": "usd",
                "total": 900,
                "period_start": "2026-03-16T10:30:00.000Z",
                "period_end": "2026-04-16T10:30:00.000Z",
                "hosted_url": "https://invoice.stripe.com/i/acct_1/live_YWNjdF8x",
                "pdf_url": "https://pay.stripe.com/invoice/acct_1/live_YWNjdF8x/pdf",
                "finalized_at": "2026-03-16T10:30:01.000Z",
                "created_at": "2026-03-16T10:30:00.000Z",
            }
        ],
        "has_more": False,
        "next_cursor": None,
    }
)
HEAR_STRIPE = Example(
    body={
        "id": "evt_1TBQx2L8Wn4bq0",
        "type": "customer.subscription.updated",
        "created": 1773657000,
        "data": {"object": {"id": "sub_1TBQx2L8Wn4bq0", "customer": "cus_U9x1"}},
    },
    result={"received": True, "applied": True},
)
