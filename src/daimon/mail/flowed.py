"""Text with `format=flowed` (RFC 3676): paragraphs put together again."""

_SIGNATURE = "-- "


def unflow(text: str, *, delsp: bool = False) -> str:
    """Return the text with soft line breaks removed; quoted lines keep their `>` marks."""
    paragraphs: list[str] = []
    pending: list[str] = []
    pending_depth = 0
    for raw in text.split("\n"):
        depth, line = _quote_depth(raw.rstrip("\r"))
        if pending and (depth != pending_depth or line == _SIGNATURE):
            paragraphs.append(_mark(pending_depth, pending))  # §4.5: a flowed line before another depth ends there
            pending = []
        pending_depth = depth
        if line.endswith(" ") and line != _SIGNATURE:
            pending.append(line[:-1] if delsp else line)
            continue
        paragraphs.append(_mark(depth, [*pending, line]))
        pending = []
    if pending:
        paragraphs.append(_mark(pending_depth, pending))
    return "\n".join(paragraphs)


def _quote_depth(line: str) -> tuple[int, str]:
    """Return the number of leading `>` and the rest, space-stuffing removed (§4.4)."""
    rest = line.lstrip(">")
    return len(line) - len(rest), rest.removeprefix(" ") if rest != _SIGNATURE else rest


def _mark(depth: int, lines: list[str]) -> str:
    text = "".join(lines)
    return f"{'>' * depth} {text}" if depth else text
