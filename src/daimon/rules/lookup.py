"""Looking rules up for mail, many addresses at once: one statement, and of all rules only those that are about them."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from daimon.db.engine import Connection
from daimon.rules.errors import RecipientBlocked
from daimon.rules.judging import Lists, RuleList, judge, judge_mail
from daimon.rules.models import ACCOUNT_HOLDER, Action, Direction, Judgement, Level
from daimon.rules.values import candidates

_List = tuple[UUID, UUID]  # account, holder

# A list without rules, as most are, costs one look into the index; each value that is asked of another costs two. With
# the limit, which never cuts anything off, no plan reads a whole list to find a few values in it.
_FIND = """
with lists as materialized (
    select n.* from unnest($2::uuid[], $3::uuid[], $4::json[]) as n (account_id, holder_id, wanted)
    where exists (select from rules r
                  where r.account_id = n.account_id and r.holder_id = n.holder_id and r.direction = $1)
)
select l.account_id, l.holder_id, found.value, found.action, found.id,
       exists (select from rules r where r.account_id = l.account_id and r.holder_id = l.holder_id
               and r.direction = $1 and r.action = 'allow') as closed
from lists l left join lateral (
    select r.value, r.action, r.id from json_array_elements_text(l.wanted) as w (value)
    cross join lateral (
        select * from rules r where r.account_id = l.account_id and r.holder_id = l.holder_id and r.direction = $1
            and r.action in ('allow', 'block') and r.value = w.value
        limit 2) r
) found on true
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a mail comes in or goes out."""

    account_id: UUID
    pod_id: UUID | None
    inbox_id: UUID

    @property
    def lists(self) -> list[tuple[Level, _List]]:
        """The lists that hold there, the most specific first."""
        holders = [(Level.INBOX, self.inbox_id), (Level.POD, self.pod_id), (Level.ACCOUNT, ACCOUNT_HOLDER)]
        return [(level, (self.account_id, holder)) for level, holder in holders if holder is not None]


@dataclass(frozen=True, slots=True)
class Incoming:
    """Whom a mail that comes in is from: its author (RFC 5322 From), and the sender in its envelope."""

    place: Place
    author: str | None
    mail_from: str | None


async def judge_addresses(
    db: Connection, place: Place, direction: Direction, addresses: Sequence[str]
) -> dict[str, Judgement]:
    """Return what the rules that hold for an inbox say of each address."""
    wanted = {address: candidates(address) for address in addresses}
    values = {value for each in wanted.values() for value in each}
    found = await _find(db, direction, {key: values for _, key in place.lists})
    lists = _at(place, found)
    return {address: judge(lists, each) for address, each in wanted.items()}


async def judge_incoming(db: Connection, mails: Sequence[Incoming]) -> list[Judgement]:
    """Return what the rules say of mails to any inboxes of any accounts, in their order."""
    told = [(candidates(mail.author), candidates(mail.mail_from)) for mail in mails]
    wanted: defaultdict[_List, set[str]] = defaultdict(set)
    for mail, (author, mail_from) in zip(mails, told, strict=True):
        for _, key in mail.place.lists:
            wanted[key].update(author, mail_from)
    found = await _find(db, Direction.INBOUND, wanted)
    return [judge_mail(_at(mail.place, found), *each) for mail, each in zip(mails, told, strict=True)]


async def check_outbound(db: Connection, mails: Sequence[tuple[Place, Sequence[str]]]) -> None:
    """Raise RecipientBlocked if a rule forbids an inbox to write to one of the addresses that its mail goes to."""
    told = [{address: candidates(address) for address in addresses} for _, addresses in mails]
    wanted: defaultdict[_List, set[str]] = defaultdict(set)
    for (place, _), asked in zip(mails, told, strict=True):
        for _, key in place.lists:
            wanted[key].update(*asked.values())
    found = await _find(db, Direction.OUTBOUND, wanted)
    for (place, _), asked in zip(mails, told, strict=True):
        lists = _at(place, found)
        for address, values in asked.items():
            judgement = judge(lists, values)
            if judgement.blocked:
                raise RecipientBlocked.of(address, judgement.rule_id, judgement.level)


async def _find(db: Connection, direction: Direction, wanted: Mapping[_List, set[str]]) -> dict[_List, RuleList]:
    """Return of each list that holds a rule of this direction what it says about the wanted values."""
    if not wanted:
        return {}
    rows = await db.fetch(
        _FIND,
        direction,
        [account for account, _ in wanted],
        [holder for _, holder in wanted],
        [msgspec.json.encode(values).decode() for values in wanted.values()],
    )
    found: dict[_List, RuleList] = {}
    for row in rows:
        rules = found.setdefault((row["account_id"], row["holder_id"]), RuleList(row["closed"]))
        if row["id"] is not None:
            rules.add(row["value"], Action(row["action"]), row["id"])
    return found


def _at(place: Place, found: Mapping[_List, RuleList]) -> Lists:
    return [(level, found[key]) for level, key in place.lists if key in found]
