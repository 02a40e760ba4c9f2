"""MTA-STS records and policies (RFC 8461), good, wrong and hostile."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.mail.mta_sts import LONGEST_AGE, Mode, MtaSts, parse_policy, record_id
from daimon.mail.wildcard import covers

GOOD = b"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n"


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=1"], "1"),
        ([b"v=STSv1 ; id=1"], None),  # our reading: the version is announced by `v=STSv1;` (§3.1)
        ([b"v=STSv1; \tid=1 \t;  "], "1"),
        ([b"v=STSv1; x.y-z=a:b; id=1;"], "1"),
        ([b"v=spf1 -all", b"v=STSv1; id=1;"], "1"),
        ([b"v=STSv1; id=1;", b"v=STSv1; id=1;"], None),
        ([b"v=STSv1; id=1;", b"v=STSv1; junk"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; id=1; id=2;"], None),
        ([b"v=STSv1; id=" + b"1" * 33], None),
        ([b"v=STSv1; id=a-b;"], None),
        ([b"v=STSv1; id=1;;"], None),
        ([b"v=STSv1; id=1\n;"], None),
        ([b"v=STSv1; id=1; x=a b;"], None),
        ([b"v=STSv1; id=\xc3\xbc"], None),
        ([b"v=STSv2; id=1"], None),
        ([b"V=STSv1; id=1"], None),
        ([b" v=STSv1; id=1"], None),
        ([b"v=STSv1; id=1;" + b"a=b;" * 100_000], "1"),
        ([b"v=STSv1; id=1;"] * 10_000, None),
        ([], None),
    ],
)
def test_the_record(texts: list[bytes], expected: str | None) -> None:
    """One that announces a policy, and no more than one."""
    assert record_id(texts) == expected


def test_a_policy_is_read() -> None:
    """As the standard shows it."""
    assert parse_policy(GOOD) == MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ((b"\r\n", b"\n"), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)),
        ((b": ", b":\t "), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)),
        ((b"mail.ex", b"MAIL.Ex"), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)),
        ((b"enforce", b"testing"), MtaSts(Mode.TESTING, ("mail.example.com", "*.example.net"), 604_800)),
        ((b"mode: ", b"future: x y\r\nmode: "), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)),
        ((b"max_age", b"mode: none\r\nmax_age"), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), 604_800)),
        ((b"604800", b"9999999999"), MtaSts(Mode.ENFORCE, ("mail.example.com", "*.example.net"), LONGEST_AGE)),
        ((b"mx: *.example.net", b"mx: mail.example.com"), MtaSts(Mode.ENFORCE, ("mail.example.com",), 604_800)),
        ((b"604800", b"99999999999"), None),
        ((b"604800", b"-1"), None),
        ((b"604800", b"\xd9\xa1"), None),  # an Arabic digit
        ((b"604800", b""), None),
        ((b"STSv1", b"STSv2"), None),
        ((b"enforce", b"Enforce"), None),
        ((b"enforce", b"report"), None),
        ((b"mode: enforce\r\n", b""), None),
        ((b"*.example.net", b"*"), None),
        ((b"*.example.net", b"mail.*.net"), None),
        ((b"*.example.net", b".example.net"), None),
        ((b"*.example.net", b"example.net."), None),
        ((b"*.example.net", b"b\xc3\xbccher.example"), None),
        ((b"*.example.net", b""), None),
        ((b"*.example.net", b"a." * 200 + b"test"), None),
        ((b"version", b"\xff\xfeversion"), None),
    ],
)
def test_a_policy_that_is_changed(change: tuple[bytes, bytes], expected: MtaSts | None) -> None:
    """What may be changed, and what makes it none."""
    assert parse_policy(GOOD.replace(*change)) == expected


def test_only_mode_none_needs_no_host() -> None:
    """RFC 8461 §3.2."""
    text = b"version: STSv1\nmode: %s\nmax_age: 60\n"
    assert parse_policy(text % b"none") == MtaSts(Mode.NONE, (), 60)
    assert parse_policy(text % b"enforce") is None


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\x00" * 65_536,
        b"mx: a.test\n" * 6000,
        GOOD + b"mx: " + b"a" * 60_000,
        GOOD.decode().encode("utf-16"),
        b"<html>" + b"mode: enforce" * 5000,
        b"a:" * 32_000,
        b" " * 65_000 + b"x",
        b"mx:" + b" \t" * 32_000 + b"x",
    ],
    ids=range(9),
)
def test_a_hostile_policy_is_none(octets: bytes) -> None:
    """Whatever the size and the character set."""
    assert parse_policy(octets) is None


@given(st.binary(max_size=300), st.lists(st.binary(max_size=60), max_size=3))
def test_whatever_comes_is_read_or_none(octets: bytes, texts: list[bytes]) -> None:
    """No other error."""
    parse_policy(octets)
    parse_policy(GOOD + octets)
    record_id(texts)
    record_id([b"v=STSv1;" + octets])


@pytest.mark.parametrize(
    ("pattern", "host", "expected"),
    [
        ("mail.example.com", "mail.example.com", True),
        ("Mail.example.com", "mAil.example.com", True),
        ("mail.example.com", "other.example.com", False),
        ("*.example.com", "mail.example.com", True),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "mailexample.com", False),
        ("m*.example.com", "mail.example.com", False),
        ("*", "com", False),
        ("*.", "com.", True),
    ],
)
def test_a_wildcard_is_one_label(pattern: str, host: str, expected: bool) -> None:
    """The first, and whole (RFC 8461 §4.1)."""
    assert covers(pattern, host) is expected
