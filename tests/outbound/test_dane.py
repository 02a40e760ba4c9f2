"""DANE (RFC 7672): which TLSA records count, and which certificates they mean."""

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail.dane import MOST_RECORDS, Tlsa, matches, usable

from .authority import NOW, Issued

HOST = "mx.example.com"
ROOT = Issued.root()
MIDDLE = ROOT.issue("Middle", authority=True)
LEAF = MIDDLE.issue(HOST, HOST)
CHAIN = [LEAF.der, MIDDLE.der, ROOT.der]


def tlsa(usage: int, selector: int, matching: int, of: Issued) -> Tlsa:
    data = of.public_key if selector else of.der
    digest = {0: lambda: data, 1: hashlib.sha256(data).digest, 2: hashlib.sha512(data).digest}[matching]
    return Tlsa(usage, selector, matching, digest())


def good(records: list[Tlsa], chain: list[bytes], *names: str, later: timedelta = timedelta()) -> bool:
    return matches(usable(records), chain, names=names or (HOST,), now=NOW + later)


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
def test_every_form_of_a_record(selector: int, matching: int) -> None:
    """The server's certificate or key; an authority above it; whole, SHA-256, SHA-512."""
    assert good([tlsa(3, selector, matching, LEAF)], CHAIN)
    assert good([tlsa(2, selector, matching, MIDDLE)], CHAIN)
    assert good([tlsa(2, selector, matching, ROOT)], CHAIN)
    assert not good([tlsa(3, selector, matching, MIDDLE)], CHAIN)
    assert not good([tlsa(2, selector, matching, LEAF)], CHAIN)


def test_one_of_several_records_is_enough() -> None:
    """As while a key is changed."""
    assert good([tlsa(3, 1, 1, ROOT), tlsa(3, 1, 1, LEAF)], CHAIN)
    assert good([tlsa(2, 1, 1, LEAF), tlsa(3, 1, 1, LEAF)], CHAIN)


def test_dane_ee_asks_for_neither_name_nor_time() -> None:
    """RFC 7672 §3.1.1; under a trust anchor both count."""
    later = timedelta(days=31)
    for asked in ((["other.test"], timedelta()), ([HOST], later)):
        assert good([tlsa(3, 1, 1, LEAF)], CHAIN, *asked[0], later=asked[1])
        assert not good([tlsa(2, 1, 1, ROOT)], CHAIN, *asked[0], later=asked[1])


def test_the_name_under_a_trust_anchor() -> None:
    """Alternative names, wildcards; the common name only where there are none."""
    record = [tlsa(2, 0, 1, ROOT)]
    assert good(record, [ROOT.issue("x", "*.example.com").der, ROOT.der])
    assert good(record, [ROOT.issue(HOST).der, ROOT.der])
    assert good(record, [ROOT.issue("x", "example.com").der, ROOT.der], HOST, "example.com")
    assert not good(record, [ROOT.issue(HOST, "other.test").der, ROOT.der])


def test_an_anchor_that_is_only_shown_is_none() -> None:
    """Anybody can send an authority's certificate along; it must have signed."""
    stranger = Issued.root("Stranger")
    impostor = Issued.root("Middle").issue(HOST, HOST)  # the name of its issuer, not its key
    for leaf in (stranger.issue(HOST, HOST), impostor):
        assert not good([tlsa(2, 0, 1, ROOT)], [leaf.der, ROOT.der])
        assert not good([tlsa(2, 0, 1, ROOT)], [leaf.der, MIDDLE.der, ROOT.der])
        assert not good([tlsa(2, 0, 1, MIDDLE)], [leaf.der, MIDDLE.der, ROOT.der])


def test_who_is_no_authority_signs_for_nobody() -> None:
    """A server's own certificate is no anchor's arm; an authority's length of path holds; an ended one is none."""
    other = LEAF.issue(HOST, HOST)
    assert not good([tlsa(2, 0, 1, ROOT)], [other.der, *CHAIN])
    short = Issued.root("Short", path_length=0)
    assert good([tlsa(2, 0, 1, short)], [short.issue(HOST, HOST).der, short.der])
    between = short.issue("Between", authority=True)
    assert not good([tlsa(2, 0, 1, short)], [between.issue(HOST, HOST).der, between.der, short.der])
    ended = Issued.root("Ended", days=-1)
    assert not good([tlsa(2, 0, 1, ended)], [ended.issue(HOST, HOST).der, ended.der])


def test_the_order_of_a_chain_does_not_matter() -> None:
    """RFC 8446 §4.4.2: beyond the first."""
    assert good([tlsa(2, 0, 1, ROOT)], [LEAF.der, ROOT.der, Issued.root("Other").der, MIDDLE.der])


@pytest.mark.parametrize(
    "record",
    [
        Tlsa(0, 0, 1, b"x" * 32),
        Tlsa(1, 1, 1, b"x" * 32),
        Tlsa(4, 0, 1, b"x" * 32),
        Tlsa(255, 255, 255, b""),
        Tlsa(3, 2, 1, b"x" * 32),
        Tlsa(3, 0, 3, b"x" * 32),
        Tlsa(3, 0, 1, b"x" * 31),
        Tlsa(3, 0, 2, b"x" * 32),
        Tlsa(3, 0, 0, b""),
    ],
)
def test_records_that_say_nothing_to_a_mail_server(record: Tlsa) -> None:
    """RFC 7672 §3.1.3, and wrong sizes."""
    assert usable([record]) == ()


def test_records_are_counted() -> None:
    """An answer may hold thousands."""
    assert len(usable([tlsa(3, 1, 1, LEAF)] * 10_000)) == MOST_RECORDS


RECORDS = [tlsa(usage, selector, 1, LEAF) for usage in (2, 3) for selector in (0, 1)]


@pytest.mark.parametrize(
    "chain", [[], [b""], [b"\x30"], [b"\x30\x80"], [b"\x30\x84\xff\xff\xff\xff" * 9], [b"\x30\xff"]]
)
def test_what_is_no_certificate(chain: list[bytes]) -> None:
    """It matches nothing."""
    assert not good(RECORDS, chain)
    assert not good([*RECORDS, tlsa(2, 0, 1, ROOT)], [*chain, ROOT.der])


@given(st.integers(0, len(LEAF.der) - 1), st.binary(min_size=1, max_size=4), st.integers(0, 2))
def test_a_certificate_that_was_tampered_with(at: int, octets: bytes, which: int) -> None:
    """No other error; and none that is trusted by its signature."""
    chain = list(CHAIN)
    chain[which] = chain[which][:at] + octets + chain[which][at + len(octets) :]
    if chain != CHAIN:
        assert not good([tlsa(3, 0, 1, LEAF), tlsa(2, 0, 1, ROOT)], chain) or which
        good([tlsa(3, 1, 1, LEAF), tlsa(2, 1, 1, ROOT)], chain)


@given(st.lists(st.binary(max_size=80), max_size=3))
def test_whatever_a_server_sends(chain: list[bytes]) -> None:
    """No error."""
    assert not good(RECORDS, chain)
