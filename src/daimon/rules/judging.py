"""Judging addresses by rules: pure, over lists that were read before.

The most specific wins: the inbox's list before the pod's before the account's; in a list, an address before its
domain before the domains above it; of an allow and a block of the same value, the block. A list that allows anybody
blocks everybody else.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from daimon.rules.models import Action, Judgement, Level


@dataclass(slots=True)
class RuleList:
    """What one list says about the values that were asked for. `closed`: it allows somebody, so nobody else."""

    closed: bool = False
    found: dict[str, tuple[Action, UUID]] = field(default_factory=dict)

    def add(self, value: str, action: Action, rule_id: UUID) -> None:
        """Note a rule; beside a block of the same value an allow means nothing."""
        if action is Action.BLOCK or value not in self.found:
            self.found[value] = (action, rule_id)


Lists = Sequence[tuple[Level, RuleList]]  # that hold for an inbox, the most specific first


def judge(lists: Lists, candidates: Sequence[str]) -> Judgement:
    """Return what lists say of an address, given what is looked up for it, the most specific first."""
    for level, rules in lists:
        for value in candidates:
            if value in rules.found:
                action, rule_id = rules.found[value]
                return Judgement(action is Action.BLOCK, rule_id, level)
        if rules.closed:
            return Judgement(True, None, level)
    return Judgement(False)


def judge_mail(lists: Lists, author: Sequence[str], mail_from: Sequence[str]) -> Judgement:
    """Return what lists say of a mail, by its author (RFC 5322 From) and its envelope's sender.

    Either can be blocked. Only the author has to be allowed: mail of an allowed author often comes in an envelope of
    whoever sends it for him.
    """
    of_author = judge(lists, author)
    if of_author.blocked or not mail_from:
        return of_author
    of_envelope = judge([(level, RuleList(False, rules.found)) for level, rules in lists], mail_from)
    return of_envelope if of_envelope.blocked else of_author
