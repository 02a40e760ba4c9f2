"""Organisations, their reports, and the mail that waits, as the operator sees them."""

from admin import SECRET, Operator, uuid_of

from daimon.kit import ids
from daimon.notices import sealing


async def test_organisations_group_accounts(operator: Operator) -> None:
    """By id or name; an account is in one at most, and its membership is in its trail."""
    corp = operator.gives("org", "create", "Example Corp")
    assert operator.says("org", "create", "Other").endswith(" is Other\n")
    assert operator.refuses("org", "create", "Other") == "there is an organisation 'Other' already"
    account = operator.gives("account", "create")["account_id"]
    assert operator.gives("org", "add", corp["organisation_id"], account) == {"account_id": account, **corp}
    assert operator.refuses("org", "add", "Example Corp", account) == f"{account} is in this organisation already"
    assert operator.refuses("org", "add", "Other", account) == f"{account} is in {corp['organisation_id']} already"
    assert operator.refuses("org", "remove", "Other", account) == f"{account} is not in Other"
    assert operator.gives("account", "show", account)["organisation"] == "Example Corp"
    assert operator.says("org", "remove", "Example Corp", account) == f"{account} is not in Example Corp any more\n"
    assert operator.says("org", "add", "Other", account) == f"{account} is in Other\n"
    assert operator.gives("org", "remove", "Other", account) == {"account_id": account, "organisation_id": None}
    assert (await operator.trail(account))[1:3] == [
        ("join_organisation", account, None, {"organisation": "Example Corp"}),
        ("leave_organisation", account, {"organisation": "Example Corp"}, None),
    ]
    first = operator.gives("org", "list", "--limit", "1")
    assert ([each["name"] for each in first["organisations"]], first["has_more"]) == (["Example Corp"], True)
    [second] = operator.gives("org", "list", "--after", first["after"])["organisations"]
    assert second["name"] == "Other"
    assert [line.split()[-2] for line in operator.says("org", "list").splitlines()[1:]] == ["Corp", "Other"]


async def test_a_report_adds_up_what_accounts_use(operator: Operator) -> None:
    """Each account of the organisation and all together, in the days that were asked for; nobody else's."""
    operator.says("org", "create", "Corp")
    inside = [operator.gives("account", "create", "--org", "Corp", "--tier", "enterprise") for _ in range(2)]
    outside = operator.gives("account", "create")
    for number, made in enumerate([*inside, outside], start=1):
        account_id = uuid_of(made["account_id"])
        await operator.db.execute("insert into quotas values ($1, default, 'inboxes', $2)", account_id, number)
        for day in ("2026-02-28", "2026-03-01", "2026-03-31", "2026-04-01"):
            await operator.db.execute(
                "insert into usage_account_days values ($1, $2::text::date, $3, 2, 1, 100)", account_id, day, number
            )
    told = operator.gives("org", "report", "Corp", "--from", "2026-03-01", "--to", "2026-03-31")
    assert (told["name"], told["from"], told["to"]) == ("Corp", "2026-03-01", "2026-03-31")
    assert told["accounts"] == [
        {
            "account_id": made["account_id"], "tier": "enterprise", "status": "active",
            "inboxes": number, "received": 2 * number, "sent": 4, "bounced": 2, "stored_bytes": 200,
        }
        for number, made in enumerate(inside, start=1)
    ]  # fmt: skip
    assert told["total"] == {"inboxes": 3, "received": 6, "sent": 8, "bounced": 4, "stored_bytes": 400}
    lines = operator.says("org", "report", "Corp", "--from", "2026-03-01", "--to", "2026-03-31").splitlines()
    assert lines[0] == "Corp, 2026-03-01 to 2026-03-31 (UTC)"
    assert lines[-1].split() == ["total", "3", "6", "8", "4", "400"]
    until = operator.gives("org", "report", "Corp", "--to", "2026-02-28")
    assert (until["from"], until["total"]["received"]) == ("2026-02-01", 3)
    assert operator.gives("org", "report", "Corp")["total"]["inboxes"] == 3


async def test_an_empty_organisation_has_a_report(operator: Operator) -> None:
    """Of zeros."""
    operator.says("org", "create", "Corp")
    told = operator.gives("org", "report", "Corp")
    assert (told["accounts"], set(told["total"].values())) == ([], {0})
    assert operator.says("org", "report", "Corp").splitlines()[-1].split() == ["total", *"00000"]


async def test_mail_that_waits_is_printed(operator: Operator) -> None:
    """As the mail that it is, the oldest first."""
    sealing.configure(SECRET.encode())
    assert operator.says("notices") == "No mail waits.\n"
    account = operator.gives("account", "create")["account_id"]
    for number in range(2):
        await operator.db.execute(
            "insert into notices (account_id, id, recipient, subject, body, created_at, due_at)"
            " values ($1, $2, 'a@example.org', $3, $4, now(), now())",
            uuid_of(account), ids.new(), f"Number {number}", sealing.seal_body("Follow:\n\nhttps://x/y\n"),
        )  # fmt: skip
    told = operator.gives("notices", "--limit", "1")
    assert told["has_more"]
    [notice] = told["notices"]
    assert (notice["account_id"], notice["subject"], notice["recipient"]) == (account, "Number 0", "a@example.org")
    said = operator.says("notices")
    assert "    To: a@example.org\n    Subject: Number 1\n\n    Follow:\n\n    https://x/y" in said
