"""The DNS records that a domain needs, each compared with what stands there. Pure: no clock, no network."""

from collections.abc import Callable, Sequence
from datetime import datetime

import msgspec

from daimon.domains import spf
from daimon.domains.lookup import question
from daimon.domains.models import (
    REMOVABLE_AFTER,
    DkimKey,
    Domain,
    DomainPolicy,
    Purpose,
    Record,
    RecordStatus,
    Seen,
    Stage,
)
from daimon.mail.dkim_signing import Algorithm

_PRIORITIES = (10, 20)
_NULL_MX = "0 ."
_POLICIES = ("none", "quarantine", "reject")
_SHOWN = 80
Found = list[str] | None


def of(domain: Domain, policy: DomainPolicy, now: datetime) -> list[Record]:
    """Return the records of a domain as its last check found them."""
    return [
        _ownership(domain),
        *_mx(domain, policy.mx_hosts),
        _spf(domain, policy.service_domain),
        *(_dkim(domain, key, now) for key in domain.keys),
        _dmarc(domain),
    ]


def token_text(token: str) -> str:
    """Return the TXT record that proves a claim."""
    return f"daimon-verification={token}"


def shows_token(domain: Domain, seen: Seen) -> bool | None:
    """Tell whether the DNS shows the domain's token; None: nobody answered."""
    found = seen.get(question("TXT", f"_daimon.{domain.domain}"))
    return None if found is None else token_text(domain.token) in map(str.strip, found)


def shows_key(name: str, key: DkimKey, seen: Seen) -> bool:
    """Tell whether the DNS shows a key of a domain."""
    return any(_same_key(text, key.record) for text in seen.get(question("TXT", _key_name(name, key))) or ())


def _ownership(domain: Domain) -> Record:
    name, value = f"_daimon.{domain.domain}", token_text(domain.token)
    found = _found(domain, "TXT", name)
    return _compared(
        Record("TXT", name, value, Purpose.OWNERSHIP, True, RecordStatus.PENDING),
        found, lambda text: text.strip() == value, f"add a TXT record {name} beside it",
    )  # fmt: skip


def _mx(domain: Domain, hosts: Sequence[str]) -> list[Record]:
    found = _found(domain, "MX", domain.domain)
    return [
        _one_mx(domain.domain, host, priority, found, hosts, first=priority == _PRIORITIES[0])
        for priority, host in zip(_PRIORITIES, (hosts[0], hosts[-1] if len(hosts) < 2 else hosts[1]), strict=True)
    ]


def _one_mx(name: str, host: str, priority: int, found: Found, hosts: Sequence[str], *, first: bool) -> Record:
    record = Record("MX", name, host, Purpose.RECEIVING, first, RecordStatus.PENDING, priority=priority)
    compared = _compared(record, found, lambda text: _exchange(text) == host, "replace them, or mail goes there")
    others = [text for text in found or () if _exchange(text) not in hosts]
    if compared.status is RecordStatus.VERIFIED and others:
        return _with(compared, hint=f"Mail may also go to {_list(others)}, and does not come here then.")
    if found == [_NULL_MX]:
        return _with(compared, hint="The domain says that it takes no mail (RFC 7505): replace `0 .`.")
    return compared


def _spf(domain: Domain, service: str) -> Record:
    found = _found(domain, "TXT", domain.domain)
    present = spf.records_in(found or ())
    record = Record("TXT", domain.domain, spf.merged(present, service), Purpose.SPF, False, RecordStatus.PENDING)
    if not present:
        return _compared(record, None if found is None else [], lambda _: False, "")
    hint, status = None, RecordStatus.MISMATCH
    if len(present) > 1:
        hint = f"There are {len(present)} SPF records, and with more than one none holds (RFC 7208 §4.5): join them."
    elif not spf.includes(present[0], service):
        hint = f"The present record does not let {service} send: replace it with this one, which keeps what it says."
    elif spf.is_too_long(present[0]):
        hint = f"The record makes its readers ask the DNS {spf.lookups(present[0])} times; more than 10 are not asked."
    else:
        status, record = RecordStatus.VERIFIED, _with(record, value=present[0])
    return _with(record, status=status, found=tuple(present), hint=hint)


def _dkim(domain: Domain, key: DkimKey, now: datetime) -> Record:
    name = _key_name(domain.domain, key)
    retired, wanted = key.stage is Stage.RETIRED, key.algorithm is Algorithm.RSA
    record = Record("TXT", name, key.record, Purpose.DKIM, wanted and not retired, RecordStatus.PENDING)
    if retired:
        over = key.retired_at is not None and now - key.retired_at >= REMOVABLE_AFTER
        return _with(
            record,
            status=RecordStatus.REMOVABLE if over else RecordStatus.VERIFIED,
            found=tuple(_found(domain, "TXT", name) or ()),
            hint="Remove it: this key signs no more." if over else "Keep it for 7 days after its key signed last.",
        )
    return _compared(
        record, _found(domain, "TXT", name), lambda text: _same_key(text, key.record),
        "it is another key, or not whole: put this one in its place",
    )  # fmt: skip


def _dmarc(domain: Domain) -> Record:
    name = f"_dmarc.{domain.domain}"
    found = _found(domain, "TXT", name)
    advice = f"v=DMARC1; p=none; rua=mailto:postmaster@{domain.domain}"
    record = Record("TXT", name, advice, Purpose.DMARC, False, RecordStatus.PENDING)
    present = [text for text in found or () if text.lower().replace(" ", "").startswith("v=dmarc1")]
    if len(present) > 1:
        hint = f"There are {len(present)} DMARC records, and with more than one none holds (RFC 7489 §6.6.3)."
        return _with(record, status=RecordStatus.MISMATCH, found=tuple(present), hint=hint)
    if present and _tags(present[0]).get("p", "").lower() in _POLICIES:
        return _with(record, value=present[0], status=RecordStatus.VERIFIED, found=tuple(present))
    return _compared(record, found, lambda _: False, "a DMARC record needs v=DMARC1 and p=none, quarantine or reject")


def _found(domain: Domain, kind: str, name: str) -> Found:
    return domain.seen.get(question(kind, name), [])


def _compared(record: Record, found: Found, good: Callable[[str], bool], otherwise: str) -> Record:
    """Return a record with its status: whether anything found is good, and what to do about the rest."""
    if found is None:
        hint = f"The name servers of {record.name} did not answer; try again later."
        return _with(record, status=RecordStatus.UNREACHABLE, hint=hint)
    if any(map(good, found)):
        return _with(record, status=RecordStatus.VERIFIED, found=tuple(found))
    if found:
        hint = f"Found {_list(found)} instead: {otherwise}."
        return _with(record, status=RecordStatus.MISMATCH, found=tuple(found), hint=hint)
    return _with(record, hint=f"Add this {record.type} record at {record.name}.")


def _with(record: Record, **changes: object) -> Record:
    return msgspec.structs.replace(record, **changes)


def _list(texts: Sequence[str]) -> str:
    shown = [text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…" for text in texts[:3]]
    more = f" and {len(texts) - 3} more" if len(texts) > 3 else ""
    return ", ".join(f"`{each}`" for each in shown) + more


def _exchange(text: str) -> str:
    return text.rpartition(" ")[2]


def _key_name(domain: str, key: DkimKey) -> str:
    return f"{key.selector}._domainkey.{domain}"


def _same_key(text: str, record: str) -> bool:
    """Tell whether two key records hold the same key (RFC 6376 §3.6.1: tags in any order, blanks anywhere)."""
    found, wanted = _tags(text), _tags(record)
    version, kind = found.get("v", "DKIM1"), found.get("k", "rsa")
    return version == "DKIM1" and kind == wanted["k"] and found.get("p") == wanted["p"]


def _tags(text: str) -> dict[str, str]:
    pairs = (each.partition("=") for each in text.split(";"))
    return {name.strip(): "".join(value.split()) for name, _, value in pairs}
