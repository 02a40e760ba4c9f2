"""What a label may be."""

from collections.abc import Sequence

from daimon.kit.errors import Invalid

MAX_LABELS = 50
MAX_CHARS = 64


def check(labels: Sequence[str]) -> list[str]:
    """Return labels without repetition, in their order. Raises Invalid."""
    if len(labels) > MAX_LABELS:
        raise Invalid.field("labels", f"at most {MAX_LABELS} labels")
    for label in labels:
        if not label.strip() or len(label) > MAX_CHARS:
            raise Invalid.field("labels", f"each label has 1-{MAX_CHARS} characters that are not all blank")
    return list(dict.fromkeys(labels))
