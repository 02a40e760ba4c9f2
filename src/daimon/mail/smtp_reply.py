"""What a refusal is about: the recipient, the content, or the road between two servers (RFC 5321 §4.2, RFC 3463)."""

import re
from typing import NamedTuple

from daimon.mail.smtp_reply_table import ENHANCED, PHRASES, Scope, Why

__all__ = ["Refusal", "Scope", "Why", "classify"]

_TEXT_CHARS = 2_000
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")
_BARE_CODES = {421: Why.UNAVAILABLE, 450: Why.DEFERRED, 451: Why.LOCAL_ERROR, 452: Why.UNAVAILABLE,
               500: Why.PROTOCOL, 501: Why.PROTOCOL, 502: Why.PROTOCOL, 503: Why.PROTOCOL, 504: Why.PROTOCOL,
               530: Why.AUTHENTICATION, 535: Why.AUTHENTICATION, 550: Why.POLICY, 551: Why.NO_SUCH_RECIPIENT,
               552: Why.TOO_LARGE, 553: Why.NO_SUCH_RECIPIENT, 554: Why.POLICY, 521: Why.NO_MAIL_HERE,
               556: Why.NO_MAIL_HERE}  # fmt: skip


class _Codes(NamedTuple):
    class_: int
    subject_detail: str  # `1.1` of `5.1.1`


class Refusal(NamedTuple):
    """What a refusal is about, whether trying again is of no use, and why it was made."""

    scope: Scope
    permanent: bool
    why: Why

    @property
    def condemns_recipient(self) -> bool:
        """Tell whether no mail will ever reach the recipient: a full mailbox may be emptied, a list may be left."""
        return self.permanent and self.why in (Why.NO_SUCH_RECIPIENT, Why.DISABLED, Why.NO_MAIL_HERE)


def classify(smtp_code: int, enhanced_status: str | None, text: str) -> Refusal:
    """Return what a refusal means. `smtp_code` is 0 where none was told, as in a notification by another server.

    Telling words come first, for many servers give one code for everything; then the enhanced code, then the plain one.
    """
    words = " ".join(text[:_TEXT_CHARS].lower().replace("-", " ").split())
    codes = _codes(enhanced_status or text[:_TEXT_CHARS])
    why = _by_words(words) or _by_enhanced(codes) or _BARE_CODES.get(smtp_code, Why.UNAVAILABLE)
    if smtp_code == 0 and codes is None:
        return Refusal(why.scope, why in (Why.NO_SUCH_RECIPIENT, Why.DISABLED, Why.NO_MAIL_HERE), why)
    permanent = smtp_code >= 500 if smtp_code else codes is not None and codes.class_ == 5
    return Refusal(why.scope, permanent, why)


def _by_words(words: str) -> Why | None:
    return next((why for pattern, why in PHRASES if pattern.search(words)), None)


def _by_enhanced(codes: _Codes | None) -> Why | None:
    if codes is None:
        return None
    subject = codes.subject_detail.partition(".")[0]
    return ENHANCED.get(codes.subject_detail) or ENHANCED.get(f"{subject}.*")


def _codes(text: str) -> _Codes | None:
    match = _ENHANCED.search(text)
    return _Codes(int(match[1]), f"{int(match[2])}.{int(match[3])}") if match else None
