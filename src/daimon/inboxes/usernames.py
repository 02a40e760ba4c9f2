"""Which usernames there are, and pleasant ones for those who do not choose."""

import re
import secrets
from collections.abc import Sequence

from daimon.kit.errors import Invalid

# 3-32 of a-z 0-9 - . _, first and last alphanumeric; a doubled dot would have to be quoted (RFC 5321 §4.1.2).
_USERNAME = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9._-]{1,30}[a-z0-9]\Z")
# fmt: off
_ADJECTIVES: Sequence[str] = (
    "amber", "bold", "brave", "bright", "brisk", "calm", "clear", "clever", "cosmic", "crisp", "eager", "early",
    "fair", "fleet", "fresh", "gentle", "glad", "golden", "grand", "happy", "keen", "kind", "lively", "lucid", "lucky",
    "merry", "mighty", "neat", "nimble", "noble", "patient", "polite", "proud", "quick", "quiet", "rapid", "ready",
    "silver", "smart", "snowy", "solar", "steady", "sunny", "swift", "tidy", "vivid", "warm", "wise", "witty", "zesty",
)
_NOUNS: Sequence[str] = (
    "acorn", "anchor", "aspen", "badger", "beacon", "birch", "breeze", "brook", "cedar", "comet", "coral", "crane",
    "delta", "ember", "falcon", "fern", "finch", "fjord", "forest", "fox", "garden", "harbor", "hawk", "heron",
    "island", "juniper", "lake", "lark", "lynx", "maple", "meadow", "meteor", "moon", "oak", "ocean", "otter", "owl",
    "panda", "pebble", "pine", "planet", "raven", "reef", "river", "robin", "sparrow", "spruce", "summit", "tiger",
    "wren",
)
# fmt: on


def check(text: str) -> str:
    """Return the username as it is stored, in lower case. Raises Invalid."""
    username = text.lower()
    if not _USERNAME.match(username):
        raise Invalid.field(
            "username",
            "must be 3-32 of a-z, 0-9, '-', '.' and '_', begin and end with a letter or digit, and have no '..'",
        )
    return username


def pleasant() -> str:
    """Return a username such as `brisk-otter-4821`; one of 22 million, so a taken one is rare."""
    return f"{secrets.choice(_ADJECTIVES)}-{secrets.choice(_NOUNS)}-{secrets.randbelow(9000) + 1000}"


def alternatives(username: str) -> list[str]:
    """Return usernames near a taken one, the nicest first."""
    stem = username[:26].rstrip("-._")
    close = [f"{stem}-{n}" for n in (2, 3, 4)] + [f"{stem}-agent"[:32]]
    return close + [f"{stem}-{secrets.randbelow(9000) + 1000}" for _ in range(4)]
