"""What every parsed mail has to be, so that it can be stored."""

import msgspec

from daimon.mail import bounds
from daimon.mail.parsed import ParsedMail


def assert_storable(mail: ParsedMail) -> None:
    """PostgreSQL refuses NUL and lone surrogates; the caps hold."""
    encoded = msgspec.json.encode(mail)
    assert b"\\u0000" not in encoded
    encoded.decode("utf-8")
    assert len(mail.body_text) <= bounds.BODY_TEXT_CHARS
    assert len(mail.body_html or "") <= bounds.BODY_HTML_CHARS
    assert len(mail.attachments) <= bounds.PARTS
    assert len(mail.preview) <= bounds.PREVIEW_CHARS
    assert 0.0 <= mail.spam_score <= 1.0
    assert msgspec.json.decode(encoded, type=ParsedMail) == mail
