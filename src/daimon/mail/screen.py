"""What an agent should distrust in a mail: findings, and a score that is their plain sum.

`WEIGHTS` is the whole rule. A score of 0.6 or more is `dangerous`, of 0.2 or more `suspicious`.
"""

import re
from collections.abc import Iterable

from daimon.mail import lookalike, words
from daimon.mail.parsed import Finding, Mailbox, Verdict
from daimon.mail.phrases import Phrases
from daimon.mail.words import Words

WEIGHTS = {
    "executable_attachment": 0.6,
    "llm_instructions": 0.6,
    "lookalike_sender": 0.5,
    "display_name_spoofing": 0.4,
    "failed_dmarc": 0.4,  # found in the worker, which knows the peer and asks DNS
    "encrypted_attachment": 0.3,
    "invisible_unicode": 0.2,
    "hidden_text": 0.15,
    "no_sender": 0.1,
    "no_date": 0.05,
    "shouting": 0.1,
}
DANGEROUS, SUSPICIOUS = 0.6, 0.2

# Addressed to a model, not to a person. The words are looked for first, for they are rare; then the whole phrase.
_HINTS = Phrases((
    "ignor", "disregard", "forget", "prompt", "<|", "[inst]", "system>", " ai", "ai ", "llm", "language model",
    "instructions", "jailbreak", "dan mode", "you are ", "overrid", "bypass", "vergiss", "oubli", "olvid", "negeer",
    "tell", "inform", "mention", "alert", "notify", "developer mode",
    "игнорируй", "забудь", "忽略", "無視", "무시", "précédentes", "früheren",
))  # fmt: skip
_TO_A_MODEL = re.compile(
    r"(?:ignore|disregard|forget|override|bypass) (?:(?:all|any|every|the|your|my|of|these|those|other) ){0,4}"
    r"(?:previous|prior|above|earlier|preceding|former|existing|system|safety) (?:\w{1,20} )?"
    r"(?:instruction|prompt|rule|direction|guideline|command|message|context)"
    r"|(?:forget|disregard) (?:everything|all) (?:you|above|before|that)"
    r"|system prompt|<\|im_(?:start|end)\||<\|endoftext\|>|\[inst\]|</?system>"
    r"|(?:if|as|since|because) you are an? (?:ai|llm|large language|language|automated|assistant|agent|chatbot)"
    r"|(?:attention|note|message|instructions?|important)(?: to| for)?:? (?:all |any |the |every )?(?:ai|llm)s?\b"
    r"|(?:ai|llm) (?:assistant|agent|model)s?(?:,)? (?:reading|processing|parsing|summari[sz]ing|handling|must|"
    r"should|please|that read)"
    r"|you are now (?:an? |in |the )?(?:\w{1,20} )?(?:ai|assistant|agent|mode|unrestricted|dan|jailbroken)\b"
    r"|(?:new|updated|revised) (?:system )?instructions?(?: are)?\s?:|developer mode (?:on|enabled)|jailbreak"
    r"|(?:do not|don't|never|without) (?:tell|telling|inform|informing|mention|alert|"
    r"notify)(?:ing)? (?:this )?(?:to )?(?:the|your) (?:user|operator|owner|human)"
    r"|(?:ignorier|vergiss)\w{0,4} (?:\w{1,12} ){0,3}(?:vorherigen|bisherigen|obigen|"
    r"früheren) (?:\w{1,12} )?(?:anweisung|anleitung|befehl|regel)"
    r"|(?:ignore[rz]?|oublie[rz]?) (?:\w{1,12} ){0,3}(?:instructions|consignes) (?:précédentes|antérieures|ci-dessus)"
    r"|(?:ignor[ae]|olvid[ae]) (?:\w{1,12} ){0,3}(?:instrucciones|instruções) (?:anteriores|previas|prévias)"
    r"|ignora (?:\w{1,12} ){0,3}istruzioni (?:precedenti|sopra)|negeer (?:\w{1,12} ){0,3}(?:vorige|"
    r"eerdere) (?:instructies|opdrachten)"
    r"|(?:игнорируй|забудь)\w{0,3} (?:\w{1,12} ){0,3}(?:предыдущие|прежние|все) (?:\w{1,12} )?(?:инструкции|указания)"
    r"|忽略(?:之前|以上|先前|前面|所有|上述)[^\n]{0,8}(?:指令|指示|提示|说明)|(?:以前|上記|"
    r"これまで)の(?:すべての)?(?:指示|命令)[^\n]{0,4}無視"
    r"|(?:이전|위의)[^\n]{0,8}(?:지시|명령)[^\n]{0,6}무시"
)
_TAGS = re.compile("[\U000e0020-\U000e007e]{2,}")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]{1,8}")  # Scotland's is spelt in tag characters
_SELECTORS = re.compile("[\ufe00-\ufe0f]{3,}|[\U000e0100-\U000e01ef]{2,}")
_OVERRIDES = re.compile("[\u202d\u202e]")
_BROKEN_WORD = re.compile("[A-Za-z][\u200b\u200c\u200d\u2060-\u2064\ufeff\u180e\u115f\u3164]{1,50}[A-Za-z]")
_ADDRESS_IN_NAME = re.compile(r"[\w.+%-]{1,64}@((?:[\w-]{1,63}\.){1,8}[a-z]{2,24})", re.IGNORECASE)


def of_sender(sender: Mailbox | None) -> list[Finding]:
    """Look at the From field: a name that pretends to be another address, a domain that looks like another."""
    if sender is None:
        return [Finding("no_sender", "The mail names no sender.")]
    found = []
    _, _, domain = sender.address.rpartition("@")
    domain = domain.lower()
    shown = _ADDRESS_IN_NAME.search(sender.name) if sender.name and "@" in sender.name else None
    if shown is not None and shown[1].lower() != domain:
        found.append(
            Finding("display_name_spoofing", f"The name shows {shown[0]}, but the address is {sender.address}.")
        )
    if (reason := lookalike.reason(domain)) is not None:
        found.append(Finding("lookalike_sender", reason))
    return found


def of_words(said: Words, hidden: Iterable[str] = (), preheader: str = "") -> list[Finding]:
    """Look at the words, seen and unseen, for what is meant for a machine and not for a reader.

    A preheader is unseen too, but every newsletter has one: only what it says can be wrong with it.
    """
    found = []
    unseen = "\n".join(hidden)
    if unseen:
        found.append(Finding("hidden_text", f"Text that cannot be seen: {_excerpt(unseen)}"))
    unseen = f"{preheader}\n{unseen}"
    if not (said.whole.isascii() and unseen.isascii()) and (invisible := _invisible(said.whole + unseen)):
        found.append(Finding("invisible_unicode", invisible))
    if (phrase := _to_a_model(said.lowered)) is not None:
        found.append(Finding("llm_instructions", f"Addresses a language model: {_excerpt(phrase)}"))
    elif (phrase := _to_a_model(words.lower(unseen))) is not None:
        found.append(Finding("llm_instructions", f"Addresses a language model in hidden text: {_excerpt(phrase)}"))
    if said.subject.isupper() and sum(map(str.isalpha, said.subject[:200])) > 12:
        found.append(Finding("shouting", "The subject is all in capitals."))
    return found


def score(findings: Iterable[Finding]) -> float:
    """Return the sum of the weights, each kind once, at most 1."""
    return round(min(1.0, sum((WEIGHTS.get(kind, 0.0) for kind in {finding.kind for finding in findings}), 0.0)), 2)


def more(spam_score: float, found: Finding) -> float:
    """Return a score with what a finding of a new kind adds to it."""
    return round(min(1.0, spam_score + WEIGHTS.get(found.kind, 0.0)), 2)


def verdict(spam_score: float) -> Verdict:
    """Return the word for a score."""
    if spam_score >= DANGEROUS:
        return "dangerous"
    return "suspicious" if spam_score >= SUSPICIOUS else "clean"


def _to_a_model(lowered: str) -> str | None:
    if not _HINTS.are_in(lowered):
        return None
    match = _TO_A_MODEL.search(" ".join(lowered.split()))
    return match[0] if match else None


def _invisible(text: str) -> str:
    if (tags := _TAGS.search(_FLAG.sub("", text))) is not None:
        written = "".join(chr(ord(character) - 0xE0000) for character in tags[0])
        return f"Invisible tag characters that spell: {_excerpt(written)}"
    if _SELECTORS.search(text):
        return "Runs of invisible variation selectors."
    if _OVERRIDES.search(text):
        return "Characters that turn the direction of the text."
    broken = _BROKEN_WORD.findall(text)
    return "Invisible characters inside words." if len(broken) >= 2 else ""


def _excerpt(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 120 else words[:119] + "…"
