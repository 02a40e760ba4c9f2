"""Octets to text, whatever the label says. Wrong labels are common; text that cannot be stored is not made."""

import codecs

REPLACEMENT = "\ufffd"
_FALLBACK = "windows-1252"

# Labels as mail carries them → Python codecs. Only these are ever looked up: others (`punycode`, `zlib`, …) are
# no charsets, and some are slow by nature. Superset codecs stand in for their subsets, as in WHATWG Encoding.
_CODECS = {
    "utf-8": "utf-8", "utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "utf-8-sig": "utf-8", "utf8mb4": "utf-8",
    "us-ascii": "cp1252", "ascii": "cp1252", "ansi_x3.4-1968": "cp1252", "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252", "iso_8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "l1": "cp1252",
    "windows-1252": "cp1252", "cp1252": "cp1252", "cp-1252": "cp1252", "x-cp1252": "cp1252",
    "windows-874": "cp874", "tis-620": "cp874", "iso-8859-11": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "gb18030": "gb18030", "cp936": "gb18030", "x-gbk": "gb18030",
    "gb_2312-80": "gb18030", "euc-cn": "gb18030", "hz-gb-2312": "hz",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "cp950": "cp950",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "cp932": "cp932",
    "windows-31j": "cp932", "ms_kanji": "cp932", "euc-jp": "euc_jp", "x-euc-jp": "euc_jp",
    "iso-2022-jp": "iso2022_jp_2", "iso-2022-jp-2": "iso2022_jp_2", "iso-2022-jp-1": "iso2022_jp_1",
    "iso-2022-jp-3": "iso2022_jp_3", "iso-2022-jp-ms": "iso2022_jp_ext", "cp50220": "iso2022_jp_ext",
    "iso-2022-kr": "iso2022_kr", "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949",
    "cp949": "cp949", "ksc5601": "cp949", "johab": "johab",
    "koi8-r": "koi8_r", "koi8r": "koi8_r", "koi8-u": "koi8_u", "macintosh": "mac_roman", "x-mac-roman": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic", "utf-7": "utf_7", "unicode-1-1-utf-7": "utf_7",
    "utf-16": "utf_16", "utf-16le": "utf_16_le", "utf-16be": "utf_16_be", "utf-32": "utf_32",
    "ibm437": "cp437", "cp437": "cp437", "ibm850": "cp850", "cp850": "cp850", "cp866": "cp866", "ibm866": "cp866",
    "iso-8859-8-i": "iso8859_8", "iso-8859-9": "cp1254", "iso-8859-6-i": "iso8859_6",
    **{f"iso-8859-{n}": f"iso8859_{n}" for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"iso8859-{n}": f"iso8859_{n}" for n in (2, 5, 7, 9, 15)},
    **{f"windows-{n}": f"cp{n}" for n in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
    **{f"cp{n}": f"cp{n}" for n in (1250, 1251, 1253, 1254, 1255, 1256, 1257, 1258)},
}  # fmt: skip

# Their octets can be valid UTF-8 by nature (7-bit shift sequences) or are full of NULs.
_LABEL_FIRST = frozenset(
    {"hz", "iso2022_jp_1", "iso2022_jp_2", "iso2022_jp_3", "iso2022_jp_ext", "iso2022_kr", "utf_7",
     "utf_16", "utf_16_le", "utf_16_be", "utf_32"}
)  # fmt: skip
# A few characters of these can be valid UTF-8 by accident (two octets each, below U+0800).
_DOUBLE_BYTE = frozenset({"gb18030", "big5hkscs", "cp950", "cp932", "euc_jp", "cp949", "johab"})


def codec_of(label: str | None) -> str | None:
    """Return the Python codec for a charset label of a mail, or None for one that is unknown."""
    return _CODECS.get(label.strip(" \t\"'").lower()) if label else None


def decode(octets: bytes, label: str | None = None) -> tuple[str, bool]:
    """Return the text, and whether the label (if any) did not fit.

    Valid UTF-8 is UTF-8 whatever the label says; then the label is tried, then windows-1252.
    """
    if octets.isascii() and b"\x1b" not in octets and b"~" not in octets and b"+" not in octets:
        return clean(octets.decode("ascii")), False
    codec = codec_of(label)
    if codec in _LABEL_FIRST:
        text = _strictly(octets, codec)
        if text is not None:
            return clean(text), False
        if octets.isascii():
            return clean(octets.decode("ascii" if codec == "utf_7" else codec, "replace")), True
    text = _strictly(octets, "utf-8")
    if text is not None and not _by_accident(text, codec):
        return clean(text), label is not None and codec != "utf-8" and not text.isascii()
    if codec is not None and codec != "utf-8":
        return clean(octets.decode(codec, "replace")), False
    return clean(_damaged_utf8(octets)), True


def clean(text: str) -> str:
    """Return the text without NUL, lone surrogates and byte order mark: what PostgreSQL and JSON can hold."""
    if "\x00" in text:
        text = text.replace("\x00", "")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.removeprefix("\ufeff")


def _strictly(octets: bytes, codec: str) -> str | None:
    try:
        return codecs.decode(octets, codec)
    except (UnicodeError, ValueError):
        return None


def _by_accident(text: str, codec: str | None) -> bool:
    return codec in _DOUBLE_BYTE and not text.isascii() and max(text) < "\u0800"


def _damaged_utf8(octets: bytes) -> str:
    """Return UTF-8 with a few broken characters as such; with many, it is some 8-bit charset."""
    text = octets.decode("utf-8", "replace")
    broken = text.count(REPLACEMENT)
    sound = sum(character > "\x7f" for character in text[:4096]) - text[:4096].count(REPLACEMENT)
    return text if sound > broken else octets.decode(_FALLBACK, "replace")
