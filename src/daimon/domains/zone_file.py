"""A domain's records as a fragment of a zone, in the form of RFC 1035 §5 that BIND and others read."""

from collections.abc import Sequence

from daimon.domains.models import Record, RecordStatus

_TTL = 3600
_LONGEST_STRING = 255  # RFC 1035 §3.3: of one <character-string>, in octets


def fragment(domain: str, records: Sequence[Record]) -> str:
    """Return the records that the domain should have, to be put into its zone."""
    lines = [f"; Records of {domain}. Where the zone has an SPF or DMARC record, these take its place.",
             f"$ORIGIN {domain}.", f"$TTL {_TTL}"]  # fmt: skip
    seen = dict.fromkeys(_line(domain, each) for each in records if each.status is not RecordStatus.REMOVABLE)
    return "\n".join([*lines, *seen]) + "\n"


def _line(domain: str, record: Record) -> str:
    owner = "@" if record.name == domain else record.name.removesuffix(f".{domain}")
    value = f"{record.priority} {record.value}." if record.type == "MX" else _strings(record.value)
    return f"{owner}\tIN\t{record.type}\t{value}"


def _strings(text: str) -> str:
    octets = text.encode()
    pieces = [octets[at : at + _LONGEST_STRING] for at in range(0, len(octets), _LONGEST_STRING)]
    return " ".join(f'"{_escaped(piece)}"' for piece in pieces)


def _escaped(octets: bytes) -> str:
    """Return octets between quotes: others may have written them into the domain's present records (§5.1)."""
    return "".join(
        f"\\{chr(octet)}" if octet in b'"\\' else chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}"
        for octet in octets
    )
