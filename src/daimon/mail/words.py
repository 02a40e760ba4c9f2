"""The words of a mail as those need them who search it for phrases: put in lower case once for all of them."""

from typing import NamedTuple

from daimon.mail import bounds


class Words(NamedTuple):
    """Subject and text together. `lowered` is as long as `whole`: a place in one is the same place in the other."""

    subject: str
    whole: str
    lowered: str


def of(subject: str, text: str) -> Words:
    """Return what is searched of a mail: its subject, and its text as far as the bounds go."""
    whole = f"{subject}\n\n{text[: bounds.EXTRACT_CHARS]}"
    return Words(subject, whole, lower(whole))


def lower(text: str) -> str:
    """Return the text in lower case, each letter one letter."""
    # Turkish `İ` is the one letter that grows: into an `i` and a combining dot.
    return (text.replace("İ", "i") if "İ" in text else text).lower()
