"""Who is told of what happens to an account: its owners, and the operator behind its verified address."""

from datetime import datetime

from daimon.accounts.models import Account
from daimon.db.engine import Connection
from daimon.db.scope import Scope
from daimon.notices import service as notices
from daimon.quotas.usage import NO_POD


class PeopleRepository:
    """The people of one account."""

    def __init__(self, db: Connection, scope: Scope) -> None:
        self._db = db
        self._account_id = scope.account_id

    async def owners(self) -> list[str]:
        """Return the addresses of the members who own the whole account, themselves or by a team."""
        rows = await self._db.fetch(
            """
            with holders as (
                select holder_id from grants where account_id = $1 and role = 'owner' and pod_id = $2
            )
            select m.email from members m
            where m.account_id = $1 and m.status = 'active' and m.id in (
                select holder_id from holders
                union all
                select t.member_id from team_members t join holders h on h.holder_id = t.team_id
                where t.account_id = $1)
            order by m.id
            """,
            self._account_id,
            NO_POD,
        )
        return [row["email"] for row in rows]


async def tell(db: Connection, account: Account, subject: str, body: str, *, now: datetime) -> None:
    """Write a notice to every owner, and to the operator if his address was verified."""
    people = dict.fromkeys(await PeopleRepository(db, Scope(account.account_id)).owners())
    if account.operator_email and account.operator_email_verified_at:
        people.setdefault(account.operator_email.lower())
    await notices.tell_all(db, account.account_id, list(people), subject, body, now=now)
