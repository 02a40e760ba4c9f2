"""What can be wrong with a rule, and what a rule forbids."""

from uuid import UUID

from daimon.kit.errors import Detail, Forbidden, NotFound, StateConflict
from daimon.kit.ids import Kind, show


class RuleNotFound(NotFound):
    """There is no such rule within the reach of this key."""

    error = "RULE_NOT_FOUND"
    next_steps = ("GET /v1/rules lists the rules within this key's reach.",)


class RuleExists(StateConflict):
    """The list has this rule already."""

    code = "RULE_EXISTS"
    next_steps = ("GET /v1/rules shows it.",)


class TooManyRules(StateConflict):
    """The account has as many rules as it may have."""

    code = "TOO_MANY_RULES"
    next_steps = (
        "Delete rules that are no longer needed: GET /v1/rules lists them.",
        "One rule for a domain stands for all addresses in it and in its subdomains.",
    )


class RecipientBlocked(Forbidden):
    """A rule forbids sending to one of the recipients. Nothing was sent to any of them."""

    error = "RECIPIENT_BLOCKED"
    next_steps = (
        "Leave the recipient out, and send again.",
        "GET /v1/rules?direction=outbound lists the rules within this key's reach.",
    )

    @classmethod
    def of(cls, address: str, rule_id: UUID | None, level: str | None) -> "RecipientBlocked":
        """Return the error for a recipient: by a rule of a level, or by none where only others are allowed."""
        whose = f"the {level}'s outbound rules"
        if rule_id is None:
            why = f"{address} is not among those that {whose} allow."
            step = "Or let somebody who may change that list allow the recipient: POST /v1/rules."
        else:
            rule = show(Kind.RULE, rule_id)
            why = f"{address} is blocked by {rule}, one of {whose}."
            step = f"Or let somebody who may change it delete the rule: DELETE /v1/rules/{rule}."
        return cls(why, details=[Detail(address, why)], next_steps=[cls.next_steps[0], step])
