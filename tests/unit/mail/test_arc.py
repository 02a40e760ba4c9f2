"""Chains verified: those that dkimpy seals, as dkimpy verifies them, and those that must not hold."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count

import dkim as dkimpy
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from chains import NAMES, hop, sealed
from corpus.hostile import HOSTILE
from daimon.kit.dns import Answer, NoSuchName, Unanswered
from daimon.mail import arc, arc_chain
from daimon.mail.arc_chain import MOST_KEYS, MOST_SETS, ArcResult
from daimon.mail.canonical import FIELD
from daimon.mail.dkim_signing import Algorithm, SigningKey, generate, load, record
from daimon.mail.signed_mail import SignedMail

NOW = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ONE, TWO, THREE = (load(f"{each}.example", "s", generate(Algorithm.RSA)) for each in ("one", "two", "three"))
ED25519 = load("four.example", "s", generate(Algorithm.ED25519))
MAIL = (
    b"Received: from somewhere\r\nFrom: Ada  <ada@example.org>\r\nTo: bob@example.net\r\nSubject: Plans for\r\n"
    b"\tthe  summer\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n\r\nDear Bob,\r\n\r\n  two  spaces\r\n"
)


def name_of(key: SigningKey) -> str:
    return f"{key.selector}._domainkey.{key.domain}"


RECORDS = {name_of(key): record(key).encode() for key in (ONE, TWO, THREE, ED25519)}


class Zone:
    """Answers from some texts; says nothing of the silent names."""

    def __init__(self, records: Mapping[str, bytes | tuple[bytes, ...]] = RECORDS, *silent: str) -> None:
        self.records = records
        self.silent = silent
        self.asked: list[str] = []

    async def txt(self, name: str) -> Answer[bytes]:
        self.asked.append(name)
        if name in self.silent:
            raise Unanswered
        if name not in self.records:
            raise NoSuchName
        found = self.records[name]
        return Answer(found if isinstance(found, tuple) else (found,), 60, authentic=False, canonical=None)


def result(mail: bytes, zone: Zone | None = None, at: datetime = NOW) -> ArcResult:
    return asyncio.run(arc.check(zone or Zone(), arc_chain.read(SignedMail(mail)), at=at))


def by_dkimpy(mail: bytes) -> str:
    """Return what dkimpy says: `pass`, `none`, or `fail`, also of a chain that somebody found broken."""
    found, _, _ = dkimpy.arc_verify(mail, dnsfunc=lambda name, timeout: RECORDS.get(name.decode().rstrip(".")))
    return (found or b"fail").decode()


def chained(*keys: SigningKey) -> bytes:
    mail = MAIL
    for number, key in enumerate(keys, 1):
        mail = hop(mail, key, number)
    return mail


HOPS = [sealed(MAIL, keys) for keys in ((), (ONE,), (ONE, TWO), (ONE, TWO, THREE), (ONE, TWO, THREE, TWO))]
HOPS.append(sealed(MAIL, (ONE, TWO, THREE, TWO, ONE)))


def test_no_chain() -> None:
    """Nobody is asked anything."""
    zone = Zone()
    assert result(MAIL, zone) == by_dkimpy(MAIL) == "none"
    assert result(b"X-Arc-Seal: i=1\r\nX: arc-seal: i=1\r\n" + MAIL, zone) == "none"
    assert zone.asked == []


@pytest.mark.parametrize("hops", range(1, 6))
def test_what_dkimpy_seals_holds(hops: int) -> None:
    """Chains of one to five hops, and also when what is relaxed about changes on the way."""
    assert result(HOPS[hops]) == by_dkimpy(HOPS[hops]) == "pass"
    on_the_way = HOPS[hops].replace(b"Ada  <", b"Ada <").replace(b"two  spaces", b"two spaces") + b"\r\n"
    assert result(b"Received: by a relay\r\n" + on_the_way) == "pass"


def test_what_the_tests_seal_holds() -> None:
    """The chains of the other tests are what they should be: dkimpy says so."""
    mail = chained(ONE, TWO, THREE)
    assert result(mail) == by_dkimpy(mail) == "pass"
    assert result(chained(ED25519, ONE, ED25519)) == "pass"


def _fields(mail: bytes) -> list[bytes]:
    return [each[0] for each in FIELD.finditer(mail.partition(b"\r\n\r\n")[0] + b"\r\n")]


def _field(mail: bytes, name: bytes, number: int) -> bytes:
    """Return a field of a set."""
    found = [each for each in _fields(mail) if each.lower().startswith(name + b":") and b"i=%d;" % number in each]
    assert len(found) == 1
    return found[0]


def _without(mail: bytes, name: bytes, number: int) -> bytes:
    return mail.replace(_field(mail, name, number), b"")


def _again(mail: bytes, name: bytes, number: int) -> bytes:
    return _field(mail, name, number) + mail


def _within(mail: bytes, name: bytes, number: int, old: bytes, new: bytes) -> bytes:
    """Return the mail with a field of a set changed."""
    field = _field(mail, name, number)
    assert old in field
    return mail.replace(field, field.replace(old, new, 1))


RESULTS, SIGNATURE, SEAL = NAMES
BREAKAGES: dict[str, Callable[[bytes], bytes]] = {
    "body": lambda mail: mail.replace(b"Dear", b"Cheap"),
    "body longer": lambda mail: mail + b"More.\r\n",
    "From": lambda mail: mail.replace(b"ada@", b"eve@"),
    "subject": lambda mail: mail.replace(b"summer", b"winter"),
    **{
        f"without {name.decode()} {number}": partial(_without, name=name, number=number)
        for name in NAMES
        for number in (1, 2, 3)
    },
    **{
        f"{name.decode()} {number} twice": partial(_again, name=name, number=number)
        for name in NAMES
        for number in (1, 3)
    },
    "gap": lambda mail: _without(_without(_without(mail, RESULTS, 2), SIGNATURE, 2), SEAL, 2),
    "without the first": lambda mail: _without(_without(_without(mail, RESULTS, 1), SIGNATURE, 1), SEAL, 1),
    "seal moved": lambda mail: _within(mail, SEAL, 3, b"i=3", b"i=4"),
    "results changed": lambda mail: _within(mail, RESULTS, 1, b"pass", b"fail"),
    "signature changed": lambda mail: _within(mail, SIGNATURE, 1, b"d=one", b"d=two"),
    "seal changed": lambda mail: _within(mail, SEAL, 2, b"d=two", b"d=three"),
    "seal by another": lambda mail: _within(mail, SEAL, 3, b"d=three", b"d=two"),
    "cv=none late": lambda mail: _within(mail, SEAL, 2, b"cv=pass", b"cv=none"),
    "cv=pass first": lambda mail: _within(mail, SEAL, 1, b"cv=none", b"cv=pass"),
    "cv=fail": lambda mail: _within(mail, SEAL, 3, b"cv=pass", b"cv=fail"),
    "cv nonsense": lambda mail: _within(mail, SEAL, 3, b"cv=pass", b"cv=maybe"),
    "no cv": lambda mail: _within(mail, SEAL, 3, b"cv=pass;", b""),
    "h in a seal": lambda mail: _within(mail, SEAL, 3, b"cv=pass", b"h=from; cv=pass"),
    "a weak hash": lambda mail: _within(mail, SEAL, 3, b"rsa-sha256", b"rsa-sha1"),
    "no such key": lambda mail: _within(mail, SEAL, 3, b"s=s;", b"s=other;"),
    "no tags": lambda mail: _within(mail, SEAL, 2, b"cv=", b"=;=cv="),
}


@pytest.mark.parametrize("how", BREAKAGES)
def test_a_broken_chain(how: str) -> None:
    """As dkimpy says: one thing wrong with one set, wherever, and nothing holds."""
    mail = BREAKAGES[how](HOPS[3])
    assert mail != HOPS[3]
    assert result(mail) == by_dkimpy(mail) == "fail"


@given(
    st.integers(0, 5),
    st.lists(
        st.tuples(
            st.sampled_from(("drop", "again", "swap", "alter", "receive", "fold")), st.integers(0), st.integers(0)
        ),
        max_size=3,
    ),
)
def test_changed_chains(hops: int, changes: list[tuple[str, int, int]]) -> None:
    """What dkimpy does not let pass does not pass here, and all else does: headers shuffled, cut and altered."""
    head, _, body = HOPS[hops].partition(b"\r\n\r\n")
    fields = _fields(head + b"\r\n\r\n")
    for change, which, where in changes:
        nth = which % len(fields)
        if change == "drop" and len(fields) > 1:
            del fields[nth]
        elif change == "again":
            fields.insert(where % len(fields), fields[nth])
        elif change == "swap":
            fields[0], fields[nth] = fields[nth], fields[0]
        elif change == "alter":
            words = [m.start() for m in re.finditer(rb"\w", fields[nth])]
            at = words[-1 - where % (len(words) // 2)]
            fields[nth] = fields[nth][:at] + b"x" + fields[nth][at + 1 :]
        elif change == "receive":
            fields.insert(0, b"Received: from %d\r\n" % where)
        elif change == "fold":
            fields[nth] = fields[nth].replace(b"; ", b";\r\n\t ")
    ours = result(mail := b"".join(fields) + b"\r\n" + body)
    theirs = by_dkimpy(b"".join(_in_order(fields)) + b"\r\n" + body)
    # Two From or Subject fields, and lines that are no fields, are never believed here (RFC 6376 §8.15).
    assert ours == theirs or (ours == "fail" and not _is_plain(mail))


def _in_order(fields: list[bytes]) -> list[bytes]:
    """Return fields with the sets as they were added: dkimpy goes by their places, not by their numbers (§5.1.1)."""
    numbers = {each: int(m[1]) for each in fields if (m := re.match(rb"(?i)arc-[a-z-]+: i=(\d+);", each))}
    newest_first = sorted(numbers, key=lambda each: (-numbers[each], -NAMES.index(each.partition(b":")[0].lower())))
    sets = [each for name in newest_first for each in [name] * fields.count(name)]
    return [*sets, *(each for each in fields if each not in numbers)]


def _is_plain(mail: bytes) -> bool:
    fields = _fields(mail)
    names = [each.partition(b":")[0].lower() for each in fields]
    return (
        names.count(b"from") == 1
        and names.count(b"subject") <= 1
        and b"".join(fields) == mail.partition(b"\r\n\r\n")[0] + b"\r\n"
    )


def test_what_a_hop_changes_is_its_own_to_sign() -> None:
    """A list's footer breaks the earlier signature of the mail, but not the chain: only the newest has to hold."""
    changed = sealed(MAIL, (ONE,)) + b"-- \r\nThe list\r\n"
    assert result(changed) == "fail"
    resealed = hop(changed, TWO, 2)
    assert result(resealed) == by_dkimpy(resealed) == "pass"


def test_the_last_hop_is_all_that_a_chain_proves() -> None:
    """Seals are over sets alone: those of one mail are as good above another, if somebody signs for it."""
    sets = b"".join(each for each in _fields(HOPS[2]) if each.lower().startswith(NAMES))
    other = b"From: ceo@example.org\r\n\r\nPay him.\r\n"
    assert result(sets + other) == "fail"
    assert result(hop(sets + other, THREE, 3)) == by_dkimpy(hop(sets + other, THREE, 3)) == "pass"


@pytest.mark.parametrize("cvs", [(b"pass",), (b"fail",), (b"none", b"none"), (b"none", b"fail"), (b"fail", b"pass")])
def test_who_seals_what_was_broken_says_so(cvs: tuple[bytes, ...]) -> None:
    """RFC 8617 §5.2, 3 C: whatever the seals are worth, the first says `none` and all others `pass`."""
    mail = MAIL
    for number, cv in enumerate(cvs, 1):
        mail = hop(mail, ONE, number, cv)
    assert result(mail) == by_dkimpy(mail) == "fail"


@pytest.mark.parametrize(("signature", "seal", "expected"), [
    (b"", b"", "pass"),
    (b"t=1700000000; ", b"t=1700000000; ", "pass"),
    (b"x=4000000000; ", b"", "pass"),
    (b"x=1700000000; ", b"", "fail"),
    (b"l=5; ", b"", "fail"),
    (b"l=100000000; ", b"", "fail"),
    (b"", b"h=from; ", "fail"),
    (b"", b"n=a note; ", "pass"),
    (b"d=one.example; ", b"", "fail"),
    (b"", b"cv=none; ", "fail"),
    (b"q=http; ", b"", "fail"),
    (b"n=\x00\xff; ", b"", "fail"),
    (b"n=\x00; ", b"n=\x00; ", "pass"),
])  # fmt: skip
def test_tags(signature: bytes, seal: bytes, expected: str) -> None:
    """What the signatures, which hold, say of themselves."""
    assert result(hop(MAIL, ONE, 1, signature=signature, seal=seal)) == expected


@pytest.mark.parametrize("number", [0, 51, 99, 100, 2**64])
def test_numbers_out_of_range(number: int) -> None:
    """RFC 8617 §4.2.1: from 1 to 50."""
    assert result(hop(MAIL, ONE, number, b"none")) == "fail"


@pytest.mark.parametrize("number", ["01", "1.", "1 ", "+1", "-1", "1.0", "\u0661", "", "i", "0x1", "1" * 5000])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_that_are_none(number: str, name: bytes) -> None:
    """Nobody guesses which set a field belongs to. What is another way to write a number is not what was sealed."""
    mail = _within(HOPS[1], name, 1, b"i=1;", b"i=%s;" % number.encode())
    assert result(mail) == "fail"


def test_a_number_in_comments() -> None:
    """RFC 8617 §4.1.1 lets CFWS stand around it."""
    key = load("one.example", "s", generate(Algorithm.ED25519))
    mail = hop(MAIL, key, 1)
    zone = Zone({name_of(key): record(key).encode()})
    assert result(mail, zone) == "pass"
    commented = _within(mail, RESULTS, 1, b"i=1;", b"(the) i (is) = (one)\r\n 1 (set);")
    assert arc_chain.read(SignedMail(commented)).links
    assert result(commented, zone) == "fail"  # it is sealed as it was


def test_fifty_sets() -> None:
    """RFC 8617 §4.2.1: as many may be there, and not one more."""
    mail = chained(*[ONE] * MOST_SETS)
    assert result(mail) == by_dkimpy(mail) == "pass"
    assert result(hop(mail, ONE, MOST_SETS + 1)) == "fail"
    assert result(_without(mail, SEAL, 17)) == "fail"


def test_the_keys_of_a_chain_are_counted() -> None:
    """Whoever names more is not asked for."""
    keys = [load(f"d{each}.example", "s", generate(Algorithm.ED25519)) for each in range(MOST_KEYS + 1)]
    zone = Zone({name_of(key): record(key).encode() for key in keys})
    assert result(chained(*keys[:-1], *keys[:-1]), zone) == "pass"
    assert set(zone.asked) == {name_of(key) for key in keys[:-1]}
    zone.asked.clear()
    assert result(chained(*keys), zone) == "fail"
    assert zone.asked == []


def test_keys_are_asked_for_until_something_does_not_hold() -> None:
    """The newest first; a forged chain does not lead to those whom it names."""
    zone = Zone()
    assert result(HOPS[3], zone) == "pass"
    assert zone.asked == [name_of(key) for key in (THREE, THREE, TWO, ONE)]
    for mail, asked in (
        (HOPS[3].replace(b"summer", b"winter"), [THREE]),
        (_within(HOPS[3], SEAL, 3, b"cv=pass", b"n=1; cv=pass"), [THREE, THREE]),
        (HOPS[3].replace(b"Dear", b"Cheap"), []),
    ):
        zone.asked.clear()
        assert result(mail, zone) == "fail"
        assert zone.asked == [name_of(key) for key in asked]


def test_dns_that_does_not_answer() -> None:
    """Nobody is blamed for it, as with DKIM; a key that is not there is no key."""
    assert result(HOPS[3], Zone(RECORDS, name_of(ONE))) == "temperror"
    assert result(HOPS[3], Zone(RECORDS, name_of(THREE))) == "temperror"
    assert result(HOPS[3].replace(b"Dear", b"Cheap"), Zone(RECORDS, name_of(THREE))) == "fail"
    assert result(HOPS[3], Zone({})) == "fail"


def test_a_signature_of_the_mail_ends() -> None:
    """`x=` is compared with the moment of receipt."""
    mail = hop(MAIL, ONE, 1, signature=b"x=1700000000; ")
    end = datetime.fromtimestamp(1_700_000_000, UTC)
    assert result(mail, at=end) == "pass"
    assert result(mail, at=end + timedelta(seconds=1)) == "fail"


def test_what_could_be_read_in_two_ways_is_not_believed() -> None:
    """RFC 6376 §8.15, as for DKIM: a chain says nothing if it is not clear which From it is about."""
    for more in (b"From: ceo@example.org\r\n", b"no field\r\n", b"X-A: 1\nFrom: ceo@example.org\r\n", b" folded\r\n"):
        assert result(more + HOPS[2]) == "fail"


def test_the_costliest_chain() -> None:
    """Fifty sets, the largest keys, and two wrong ones before each right one: within the promised CPU time."""
    large, other = (SigningKey("one.example", "s", generate_private_key(65537, 4096)) for _ in range(2))
    wrong = record(other).encode()
    zone = Zone({name_of(large): (wrong, wrong + b"; n=other", record(large).encode())})
    mail = chained(*[large] * MOST_SETS)
    started = time.process_time()
    found = result(mail, zone)
    spent = time.process_time() - started
    assert found == "pass"
    assert spent <= 2.0


ARC_HOSTILE = [name for name in HOSTILE if name.startswith("arc_")]


@pytest.mark.parametrize("name", ARC_HOSTILE)
def test_hostile_chains(name: str) -> None:
    """They are broken, and nobody is asked for their keys."""
    zone = Zone()
    assert result(HOSTILE[name](), zone) == "fail"
    assert zone.asked == []


@given(st.lists(st.tuples(st.sampled_from((*NAMES, b"ARC-Seal", b"arc-x")), st.binary(max_size=200)), max_size=6))
def test_any_octets_are_read(fields: list[tuple[bytes, bytes]]) -> None:
    """Nothing raises, whatever the fields of a chain are."""
    assert result(b"".join(b"%s:%s\r\n" % each for each in fields) + MAIL) in ("none", "fail")
    numbers = count(2)
    more = b"".join(b"%s: i=%d;%s\r\n" % (name, next(numbers) // 2, value) for name, value in fields)
    assert result(more + HOPS[1]) in ("pass", "fail", "none")
