"""What ties a mail to a thread: message ids, and the subject without what replies put before it."""

import hashlib
import re

from daimon.mail import bounds

_MESSAGE_ID = re.compile(r"<[^<>\s]{1,998}>")  # RFC 5322 §3.6.4; one line is the longest there can be
_BARE_ID = re.compile(r"[^<>\s,;]{1,900}@[^<>\s,;@]{1,255}\Z")
# Reply and forward prefixes of mail programs in many languages, with counters such as `Re[2]:` and `Re(3):`.
_PREFIX = re.compile(
    r"\s*+(?:re|fwd?|aw|wg|antw|antwort|sv|vs|vb|vl|doorst|rif|r|i|rv|res|enc|tr|réf|ref|odp|pd|ynt|ilt|ang|"
    r"fs|bls|trs|továbbítás|válasz|atb|továb|απ|πρθ|ha|на|отв|пересл|hl|回复|回覆|答复|转发|轉寄|返信|転送|답장|전달|"
    r"رد|إعادة توجيه|תשובה|הועבר)"
    r"\s{0,3}(?:[\[(]\d{1,3}[\])]|\^\d{1,3})?\s{0,3}[:：]",
    re.IGNORECASE,
)
_LIST_TAG = re.compile(r"\s*+\[[^\[\]]{1,60}\]")
_KEY_OCTETS = 16
_SUBJECT_CHARS = 2_000


def message_id(text: str) -> str | None:
    """Return the first message id in a field, with angle brackets, or None."""
    match = _MESSAGE_ID.search(text)
    if match is not None:
        return match[0]
    bare = text.strip()[:1200]
    return f"<{bare}>" if _BARE_ID.match(bare) else None  # some senders forget the brackets


def message_ids(text: str) -> tuple[str, ...]:
    """Return the message ids in a field, each once: of many, the first (the root) and the last fifty."""
    found = list(dict.fromkeys(_MESSAGE_ID.findall(text)))
    if len(found) > bounds.REFERENCES_LAST + 1:
        return (found[0], *found[-bounds.REFERENCES_LAST :])
    return tuple(found)


def ref_key(message_id: str) -> bytes:
    """Return the short fixed-length key under which a message id is looked up."""
    return hashlib.sha256(message_id.encode("utf-8", "replace")).digest()[:_KEY_OCTETS]


def is_reply_subject(subject: str) -> bool:
    """Tell whether a subject begins as replies and forwards do."""
    match = _LIST_TAG.match(subject[:_SUBJECT_CHARS])
    return _PREFIX.match(subject[:_SUBJECT_CHARS], match.end() if match else 0) is not None


def base_subject(subject: str) -> str:
    """Return the subject without reply prefixes and list tags, in one case and with single spaces."""
    rest = subject[:_SUBJECT_CHARS]
    at = 0
    while match := _PREFIX.match(rest, at) or _LIST_TAG.match(rest, at):
        at = match.end()
    kept = rest[at:].strip() or rest  # `[urgent]` alone is a subject, not a tag
    return " ".join(kept.casefold().split())


def subject_key(subject: str) -> bytes:
    """Return the key of a subject's thread: the same for a mail and its replies."""
    return hashlib.sha256(base_subject(subject).encode("utf-8", "replace")).digest()[:_KEY_OCTETS]
