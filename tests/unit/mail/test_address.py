"""RFC 5321 mailboxes."""

import pytest

from daimon.mail.address import Address, BadAddress, parse_address

GOOD = [
    ("ada@example.org", Address("ada", "example.org"), "ada@example.org"),
    ("Ada+News@Example.ORG", Address("Ada+News", "example.org", "News"), "ada@example.org"),
    ("ada+a+b@example.org", Address("ada+a+b", "example.org", "a+b"), "ada@example.org"),
    ("ada+@example.org", Address("ada+", "example.org", ""), "ada@example.org"),
    ("+ada@example.org", Address("+ada", "example.org"), "+ada@example.org"),
    ('"ada lovelace"@example.org', Address("ada lovelace", "example.org"), '"ada lovelace"@example.org'),
    ('"ada"@example.org', Address("ada", "example.org"), "ada@example.org"),
    ('"a\\"b"@example.org', Address('a"b', "example.org"), '"a\\"b"@example.org'),
    ('"a@b"@example.org', Address("a@b", "example.org"), '"a@b"@example.org'),
    ("!#$%&'*/=?^_`{|}~-@example.org", Address("!#$%&'*/=?^_`{|}~-", "example.org"), "!#$%&'*/=?^_`{|}~-@example.org"),
    ("用户@例子.广告", Address("用户", "xn--fsqu00a.xn--4rr70v"), "用户@xn--fsqu00a.xn--4rr70v"),
    ("ada@BÜCHER.example", Address("ada", "xn--bcher-kva.example"), "ada@xn--bcher-kva.example"),
    ("u\u0308@example.org", Address("ü", "example.org"), "ü@example.org"),
    ("ada@[192.0.2.1]", Address("ada", "[192.0.2.1]"), "ada@[192.0.2.1]"),
    ("ada@[IPv6:2001:DB8::1]", Address("ada", "[IPv6:2001:db8::1]"), "ada@[IPv6:2001:db8::1]"),
    ("x@My_Host.example", Address("x", "my_host.example"), "x@my_host.example"),
    ("x@_a_._b.example", Address("x", "_a_._b.example"), "x@_a_._b.example"),
    ("ada@localhost", Address("ada", "localhost"), "ada@localhost"),
    ("a" * 64 + "@example.org", Address("a" * 64, "example.org"), "a" * 64 + "@example.org"),
]

BAD = [
    "", "@", "ada", "ada@", "@example.org", "ada@@example.org", "a b@example.org", "ada@exa mple.org",
    ".ada@example.org",
    "ada.@example.org", "a..b@example.org", "ada@example..org", "ada@-example.org", "ada@example-.org", "ada@.org",
    "ada@example.org.", "ada@_-.org", "a" * 65 + "@example.org", "é" * 33 + "@example.org",
    "ada@" + "a" * 64 + ".org",
    "a@" + "b." * 130 + "org", "ada\r\n@example.org", "ada@example.org\r\nRCPT TO:<x>", "ada\x00@example.org",
    '"ada@example.org',
    'ada"@example.org', '"a\nb"@example.org', "ada@[300.1.1.1]", "ada@[192.0.2.1", "ada@[IPv6:zz]", "ada@[]",
    "<ada@example.org>",
    "ada@exämple\u0000.org", "a\x7f@example.org", "ada\ud800@example.org", "ada\n@example.org", "ada@example.org\n",
]  # fmt: skip


@pytest.mark.parametrize(("text", "address", "base"), GOOD)
def test_good_address(text: str, address: Address, base: str) -> None:
    """The parts are as meant, the base is what inboxes are looked up by."""
    assert parse_address(text) == address
    assert parse_address(text).base == base


@pytest.mark.parametrize("text", BAD)
def test_bad_address(text: str) -> None:
    """What RFC 5321 does not allow is refused, line ends and over-long parts included."""
    with pytest.raises(BadAddress):
        parse_address(text)


def test_literal_is_told() -> None:
    """An address literal is known as such."""
    assert parse_address("a@[192.0.2.1]").is_literal
    assert not parse_address("a@example.org").is_literal
