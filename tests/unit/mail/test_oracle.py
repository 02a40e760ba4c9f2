"""Our reader of parts against another one, `fast-mail-parser`, on sound mails."""

from pathlib import Path

import pytest
from fast_mail_parser import parse_email_tree, walk

from daimon.mail import header, structure, transfer

MAILS = Path(__file__).parents[2] / "corpus" / "mails"
UNSOUND = {"broken_boundary", "truncated", "headerless_lines", "no_headers", "broken_encoded_words"}


@pytest.mark.parametrize(
    "path", [p for p in sorted(MAILS.glob("*.eml")) if p.stem not in UNSOUND], ids=lambda p: p.stem
)
def test_parts_are_those_another_reader_finds(path: Path) -> None:
    """The same leaves in the same order, with the same name and the same decoded content."""
    octets = path.read_bytes()
    inside = set()  # we leave an enclosed message whole
    theirs = []
    for node in walk(parse_email_tree(octets)):
        inside |= {id(below) for below in walk(node) if node.is_message and below is not node}
        if node.content is not None and id(node) not in inside:
            theirs.append((node.content_type, node.filename or None, node.content.rstrip()))
    ours = [
        (part.content_type, part.filename, transfer.decode(octets[part.start : part.end], part.encoding).rstrip())
        for part in structure.read(octets, header.read(octets)).parts
    ]
    assert ours == theirs
