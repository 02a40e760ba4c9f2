"""Text that a client looks for, as a pattern of LIKE."""


def contains(text: str | None) -> str | None:
    """Return the pattern of values that contain `text` literally, or None for none."""
    if not text:
        return None
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
