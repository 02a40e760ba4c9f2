"""What rules say of an address, in plain words: the model that the quick way is compared with."""

from uuid import UUID

from daimon.rules.judging import Lists, RuleList
from daimon.rules.models import Action, Level

ALLOW, BLOCK = Action.ALLOW, Action.BLOCK
Rules = dict[Level, set[tuple[Action, str]]]


def lists_of(rules: Rules) -> Lists:
    """Return lists as they are read for an inbox."""
    lists = []
    for level in Level:
        if held := rules.get(level):
            listed = RuleList(any(action is ALLOW for action, _ in held))
            for action, value in held:
                listed.add(value, action, UUID(int=0))
            lists.append((level, listed))
    return lists


def is_about(value: str, address: str) -> bool:
    """Tell whether a rule is about an address."""
    return value == address or address.endswith((f"@{value}", f".{value}"))


def plainly(rules: Rules, address: str, *, must_be_allowed: bool = True) -> bool:
    """Tell whether an address is blocked, as the documentation says it."""
    for level in (Level.INBOX, Level.POD, Level.ACCOUNT):
        about = [(action, value) for action, value in rules.get(level, ()) if is_about(value, address)]
        if about:
            nearest = max(("@" in value, len(value)) for _, value in about)
            return any(action is BLOCK for action, value in about if ("@" in value, len(value)) == nearest)
        if must_be_allowed and any(action is ALLOW for action, _ in rules.get(level, ())):
            return True
    return False
