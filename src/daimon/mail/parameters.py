"""Content-Type and Content-Disposition: a token and its parameters (RFC 2045 §5.1, RFC 2183, RFC 2231)."""

import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from daimon.mail import bounds, charset, encoded_word

_TOKEN = re.compile(r"\s*+([^\s;,\"]{1,127})")
# name=value, the value quoted (perhaps never closed) or up to the next semicolon
_PARAMETER = re.compile(r";\s*+([^\s=;\"]{1,80}+)\s*+=\s*+(?:\"((?:[^\"\\]++|\\.)*+)\"?|([^;]*+))", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SECTION = re.compile(r"([^*]++)(?:\*(\d{1,3}))?(\*)?\Z")
_PATH = re.compile(r"[/\\]")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def parse(text: str) -> tuple[str, dict[str, str]]:
    """Return the token in lower case and the parameters by lower-case name, continuations put together."""
    text = text[: bounds.PARAMETER_CHARS]
    token = _TOKEN.match(text)
    kind = token[1].lower() if token else ""
    if ";" not in text:
        return kind, {}
    plain: dict[str, str] = {}
    sections: dict[str, list[tuple[int, bool, str]]] = {}
    for match in islice(_PARAMETER.finditer(text), bounds.PARAMETERS):
        name, quoted, bare = match.groups()
        value = _value(quoted, bare)
        if "*" not in name:
            plain.setdefault(name.lower(), value)
        elif section := _SECTION.match(name.lower()):
            sections.setdefault(section[1], []).append((int(section[2] or 0), section[3] is not None, value))
    if sections:  # RFC 2231 values are the exact ones; a plain twin is there for old readers.
        plain.update({name: _joined(parts) for name, parts in sections.items()})
    return kind, plain


def filename(disposition: dict[str, str], content_type: dict[str, str]) -> str | None:
    """Return the name a part is to be saved under: no directories, no control characters, of bounded length."""
    name = disposition.get("filename") or content_type.get("name")
    if not name:
        return None
    name = _CONTROLS.sub("", _PATH.split(encoded_word.decode(name))[-1]).strip()
    if len(name) > bounds.FILENAME_CHARS:  # the extension says what the file is, so it is kept
        name = name[: bounds.FILENAME_CHARS - 20] + name[-20:]
    return None if name in ("", ".", "..") else charset.clean(name)


def _value(quoted: str | None, bare: str) -> str:
    if quoted is None:
        return bare.strip()
    return _ESCAPED.sub(r"\1", quoted) if "\\" in quoted else quoted


def _joined(parts: list[tuple[int, bool, str]]) -> str:
    """Return the value of numbered sections (RFC 2231 §3, §4); only the encoded ones are percent-decoded."""
    parts.sort(key=lambda part: part[0])
    label = "utf-8"
    _, encoded, first = parts[0]
    if encoded and first.count("'") >= 2:
        label, _, first = first.split("'", 2)
    sections = [(encoded, first), *((encoded, value) for _, encoded, value in parts[1:])]
    octets = b"".join(unquote_to_bytes(value) if enc else value.encode("utf-8", "replace") for enc, value in sections)
    return charset.decode(octets, label)[0]
