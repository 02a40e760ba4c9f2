"""Sender domains that are made to be taken for another's (UTS #39, in small)."""

import unicodedata

import idna

# Letters that look like a Latin one, by script: the usual ones of Cyrillic and Greek.
_CONFUSABLE = str.maketrans(
    {"а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "һ": "h", "і": "i", "ј": "j", "к": "k", "ӏ": "l", "м": "m",
     "ո": "n", "о": "o", "р": "p", "ԛ": "q", "ѕ": "s", "т": "t", "ц": "u", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y",
     "г": "r", "ɡ": "g", "ɩ": "i", "ı": "i", "α": "a", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
     "τ": "t", "υ": "u", "χ": "x", "ω": "w", "ß": "b"}
)  # fmt: skip
_SKELETON = (("rn", "m"), ("vv", "w"), ("cl", "d"), ("0", "o"), ("1", "l"), ("3", "e"), ("5", "s"), ("i", "l"))
_OFTEN_FORGED = frozenset(
    ("paypal", "google", "gmail", "microsoft", "apple", "icloud", "amazon", "facebook", "instagram", "linkedin",
     "netflix", "github", "stripe", "dropbox", "docusign", "adobe", "coinbase", "binance", "whatsapp", "outlook",
     "office365", "wellsfargo", "chase", "citibank", "dhl", "fedex", "ups", "twitter", "slack", "zoom", "openai",
     "anthropic", "cloudflare", "godaddy", "ebay", "yahoo", "hsbc", "revolut", "wise", "shopify", "twilio")
)  # fmt: skip
_SHORTEST = 4  # shorter names have too many neighbours
_MAY_MIX = frozenset(("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "LATIN"))


def reason(domain: str) -> str | None:
    """Return why a domain looks like another, or None if it does not."""
    if not domain.isascii() or "xn--" in domain:
        shown = _unicode(domain)
        for label in shown.split("."):
            if (why := _forged_script(label, shown)) is not None:
                return why
    return _forged_name(domain)


def _unicode(domain: str) -> str:
    labels = []
    for label in domain[:255].split("."):
        try:
            labels.append(idna.decode(label) if label.startswith("xn--") else label)
        except (idna.IDNAError, UnicodeError):
            labels.append(label)
    return ".".join(labels)


def _forged_script(label: str, domain: str) -> str | None:
    if label.isascii():
        return None
    scripts = {unicodedata.name(letter, "? ").split(" ", 1)[0] for letter in label if letter.isalpha()}
    if len(scripts) > 1 and not scripts <= _MAY_MIX:
        return f"The sender's domain {domain} mixes scripts ({', '.join(sorted(scripts)).lower()})."
    latin = label.translate(_CONFUSABLE)
    if latin.isascii() and scripts != {"LATIN"}:
        return f"The sender's domain {domain} reads like {latin} in another script."
    return None


def _forged_name(domain: str) -> str | None:
    labels = domain.rsplit(".", 2)
    name = labels[-2] if len(labels) > 1 else domain
    known = _KNOWN_SKELETONS.get(_skeleton(name))
    if known is None or name in _OFTEN_FORGED:
        return None
    return f"The sender's domain {domain} looks like {known}."


def _skeleton(name: str) -> str:
    for written, looks in _SKELETON:
        name = name.replace(written, looks)
    return name


_KNOWN_SKELETONS = {_skeleton(name): name for name in _OFTEN_FORGED if len(name) >= _SHORTEST}
