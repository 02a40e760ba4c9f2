"""Attachments that run, or that cannot be looked into. The name and the first octets tell; nothing is unpacked."""

import re
from collections.abc import Iterator

from daimon.mail.parsed import Finding

_EXECUTABLE = frozenset(
    ("exe", "com", "scr", "pif", "bat", "cmd", "vbs", "vbe", "js", "jse", "wsf", "wsh", "ws", "hta", "msi",
    "msp", "mst",
     "cpl", "jar", "ps1", "psm1", "reg", "lnk", "scf", "inf", "dll", "sys", "app", "dmg", "pkg", "deb", "rpm", "apk",
     "sh", "command", "run", "bin", "elf", "iso", "img", "vhd", "vhdx", "chm", "gadget", "xll", "docm", "xlsm",
     "pptm",
     "dotm", "xltm", "xlam", "potm", "ppam", "sldm", "ade", "adp", "application", "appx", "msix", "url", "desktop")
)  # fmt: skip
_MAGIC = (b"MZ", b"\x7fELF", b"\xca\xfe\xba\xbe", b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"#!/")
_ZIP_ENTRY = b"PK\x03\x04"
_ZIP_ENTRIES = 200
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_7Z = b"7z\xbc\xaf\x27\x1c"
_RAR5 = b"Rar!\x1a\x07\x01\x00"
_RAR4 = b"Rar!\x1a\x07\x00"
_EXTENSION = re.compile(r"\.([A-Za-z0-9]{1,12})[\s.]*\Z")
_HEAD, _TAIL = 64 * 1024, 64 * 1024


def findings(filename: str | None, content: bytes) -> Iterator[Finding]:
    """Tell whether an attachment runs, or is locked by a password."""
    name = filename or "an attachment"
    if _runs(filename or "", content):
        yield Finding("executable_attachment", f"{name} can run programs.")
    elif inner := next((entry for entry, _ in _zip_entries(content) if _extension(entry) in _EXECUTABLE), None):
        yield Finding("executable_attachment", f"{name} holds {inner}, which can run programs.")
    if _locked(content):
        yield Finding("encrypted_attachment", f"{name} is encrypted and cannot be looked into.")


def _runs(filename: str, content: bytes) -> bool:
    return _extension(filename) in _EXECUTABLE or content.startswith(_MAGIC)


def _locked(content: bytes) -> bool:
    if content.startswith(b"PK"):
        return any(locked for _, locked in _zip_entries(content))
    if content.startswith(b"%PDF"):
        return b"/Encrypt" in content[-_TAIL:] or b"/Encrypt" in content[:4096]
    if content.startswith(_OLE):
        return _OLE_ENCRYPTED in content[:_HEAD] or _OLE_ENCRYPTED in content[-_HEAD:]
    if content.startswith(_RAR5):
        return b"\x04" in content[12:14]  # the archive encryption header
    if content.startswith(_RAR4):
        return len(content) > 11 and bool(content[10] & 0x80)  # MHD_PASSWORD
    return content.startswith(_7Z) and b"\x06\xf1\x07\x01" in content[-1024:]  # the AES codec in the end header


def _zip_entries(content: bytes) -> Iterator[tuple[str, bool]]:
    """Yield name and encryption bit of the first entries, from their local headers (APPNOTE §4.3.7)."""
    if not content.startswith(_ZIP_ENTRY):
        return
    at = 0
    for _ in range(_ZIP_ENTRIES):
        head = content[at : at + 30]
        if len(head) < 30:
            return
        length = int.from_bytes(head[26:28], "little")
        yield content[at + 30 : at + 30 + length].decode("utf-8", "replace"), bool(head[6] & 1)
        at = content.find(_ZIP_ENTRY, at + 30 + length)
        if at < 0:
            return


def _extension(name: str) -> str:
    match = _EXTENSION.search(name[-64:])
    return match[1].lower() if match else ""
