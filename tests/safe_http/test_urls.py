"""Which URLs of users may be opened: tables, and properties of addresses."""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from daimon.kit.safe_http import UnsafeUrl, checked
from daimon.kit.safe_http.address import refusal

# A URL, and a word of why it is refused.
REFUSED = [
    # what is not a URL of the web
    ("", "begin with https"),
    ("example.com", "begin with https"),
    ("//example.com/x", "begin with https"),
    ("http://example.com/", "https"),
    ("ftp://example.com/", "https"),
    ("file:///etc/passwd", "https"),
    ("gopher://example.com/_x", "https"),
    ("javascript://example.com/%0aalert(1)", "https"),
    ("https:example.com", "begin with https"),
    ("https:/example.com", "begin with https"),
    ("https:///example.com", "no host"),
    ("https://", "no host"),
    ("https://:443/", "no host"),
    ("https://?x", "no host"),
    (" https://example.com", "spaces"),
    ("https://example.com/a b", "spaces"),
    ("https://example.com/\n", "control"),
    ("https://exa\tmple.com/", "control"),
    ("https://example.com/\r\nHost: 10.0.0.1", "control"),
    ("https://example.com/\x00", "control"),
    ("https://example.com\u2028/", "invisible"),
    ("https://exam\u200bple.com/", "invisible"),
    ("https://example.com\\@10.0.0.1/", "backslash"),
    ("https:\\\\example.com/", "backslash"),
    ("https://example.com/%zz", "%"),
    ("https://example.com/\ud800", "half a character"),
    ("https://example.com/" + "a" * 2048, "longer"),
    ("https://example.com/" + "ü" * 600, "longer"),
    # whose host is not what it seems
    ("https://user@example.com/", "user name"),
    ("https://user:secret@example.com/", "user name"),
    ("https://example.com@10.0.0.1/", "user name"),
    ("https://@example.com/", "user name"),
    ("https://exa%6dple.com/", "domain name"),
    ("https://127.0.0.1%2f@example.com/", "user name"),
    ("https://example..com/", "domain name"),
    ("https://-example.com/", "domain name"),
    ("https://exam!ple.com/", "domain name"),
    ("https://" + "a" * 64 + ".com/", "domain name"),
    ("https://" + "a." * 127 + "com/", "domain name"),
    ("https://example.com\u2100/", "domain name"),
    # ports
    ("https://example.com:0/", "port 0"),
    ("https://example.com:25/", "port 25"),
    ("https://example.com:465/", "port 465"),
    ("https://example.com:587/", "port 587"),
    ("https://example.com:22/", "port 22"),
    ("https://example.com:53/", "port 53"),
    ("https://example.com:3306/", "port 3306"),
    ("https://example.com:5432/", "port 5432"),
    ("https://example.com:6379/", "port 6379"),
    ("https://example.com:11211/", "port 11211"),
    ("https://example.com:10250/", "port 10250"),
    ("https://example.com:65536/", "no port"),
    ("https://example.com:443443/", "cannot be read"),
    ("https://example.com:-1/", "cannot be read"),
    ("https://example.com:４４３/", "cannot be read"),
    ("https://example.com:80:80/", "cannot be read"),
    # names of this machine and of local networks
    ("https://localhost/", "this machine"),
    ("https://LOCALHOST/", "this machine"),
    ("https://a.localhost/", "this machine"),
    ("https://localhost./", "dot"),
    ("https://example.com./", "dot"),
    ("https://10.0.0.1./", "dot"),
    ("https://printer.local/", "local network"),
    ("https://metadata.google.internal/", "local network"),
    ("https://localhost.localdomain/", "this machine"),
    ("https://router.home.arpa/", "local network"),
    ("https://intranet/", "local network"),
    ("https://metadata/", "single word"),
    ("https://ip6-localhost/", "single word"),
    # IPv4, plainly
    ("https://127.0.0.1/", "loopback"),
    ("https://127.255.255.254/", "loopback"),
    ("https://0.0.0.0/", "unspecified"),
    ("https://10.1.2.3/", "private"),
    ("https://172.16.0.1/", "private"),
    ("https://172.31.255.255/", "private"),
    ("https://192.168.1.1/", "private"),
    ("https://169.254.169.254/latest/meta-data/", "link-local"),
    ("https://168.63.129.16/", "metadata"),
    ("https://100.64.0.1/", "carrier"),
    ("https://100.100.100.200/", "carrier"),
    ("https://192.0.0.192/", "reserved"),
    ("https://192.0.2.1/", "documentation"),
    ("https://198.51.100.7/", "documentation"),
    ("https://203.0.113.7/", "documentation"),
    ("https://198.18.0.1/", "benchmark"),
    ("https://192.88.99.1/", "6to4"),
    ("https://224.0.0.1/", "multicast"),
    ("https://240.0.0.1/", "reserved"),
    ("https://255.255.255.255/", "reserved"),
    # IPv4, in disguise
    ("https://2130706433/", "number"),
    ("https://017700000001/", "number"),
    ("https://0x7f000001/", "number"),
    ("https://0177.0.0.1/", "unusual"),
    ("https://0x7f.0.0.1/", "unusual"),
    ("https://0x7f.1/", "unusual"),
    ("https://127.1/", "unusual"),
    ("https://127.0.1/", "unusual"),
    ("https://127.0.0.01/", "unusual"),
    ("https://127.0.0.0x1/", "unusual"),
    ("https://127.0.0.0x/", "unusual"),
    ("https://0/", "number"),
    ("https://1.1.1.1.1/", "unusual"),
    ("https://256.1.1.1/", "unusual"),
    ("https://8.8.8.8.08/", "unusual"),
    ("https://１２７.０.０.１/", "loopback"),
    ("https://①②⑦.⓪.⓪.①/", "loopback"),
    ("https://127。0。0。1/", "loopback"),
    # IPv6
    ("https://[::1]/", "loopback"),
    ("https://[0:0:0:0:0:0:0:1]/", "loopback"),
    ("https://[::]/", "unspecified"),
    ("https://[::ffff:127.0.0.1]/", "mapped"),
    ("https://[::ffff:7f00:1]/", "mapped"),
    ("https://[::ffff:8.8.8.8]/", "mapped"),
    ("https://[::ffff:0:127.0.0.1]/", "translated"),
    ("https://[::127.0.0.1]/", "compatible"),
    ("https://[64:ff9b::7f00:1]/", "NAT64"),
    ("https://[64:ff9b:1::a00:1]/", "NAT64"),
    ("https://[2002:7f00:1::]/", "6to4"),
    ("https://[2001:0:4136:e378::1]/", "Teredo"),
    ("https://[2606:4700::5efe:10.0.0.1]/", "ISATAP"),
    ("https://[2606:4700::200:5efe:10.0.0.1]/", "ISATAP"),
    ("https://[fe80::1]/", "link-local"),
    ("https://[fe80::5efe:10.0.0.1]/", "link-local"),
    ("https://[fe80::1%25eth0]/", "interface"),
    ("https://[fe80::1%eth0]/", "interface"),
    ("https://[2606:4700::1%1]/", "interface"),
    ("https://[fec0::1]/", "site-local"),
    ("https://[fc00::1]/", "unique local"),
    ("https://[fd00:ec2::254]/", "unique local"),
    ("https://[ff02::1]/", "multicast"),
    ("https://[2001:db8::1]/", "documentation"),
    ("https://[3fff::1]/", "documentation"),
    ("https://[2001:2::1]/", "benchmark"),
    ("https://[2001:20::1]/", "reserved"),
    ("https://[100::1]/", "discarding"),
    ("https://[5f00::1]/", "segment"),
    ("https://[4000::1]/", "reserved"),
    ("https://[::1/", "cannot be read"),
    ("https://::1/", "cannot be read"),
    ("https://[]/", "brackets"),
    ("https://[127.0.0.1]/", "brackets"),
    ("https://[v1.fe80]/", "brackets"),
    ("https://[::1]x/", "cannot be read"),
]

# A URL, and its normal form.
ALLOWED = [
    ("https://example.com", "https://example.com/"),
    ("HTTPS://Example.COM:443/Hook?a=B#part", "https://example.com/Hook?a=B"),
    ("https://example.com?x=1", "https://example.com/?x=1"),
    ("https://example.com:8443/", "https://example.com:8443/"),
    ("https://example.com:/x", "https://example.com/x"),
    ("https://example.com/@user:10.0.0.1", "https://example.com/@user:10.0.0.1"),
    ("https://example.com/%2e%2E/%7euser", "https://example.com/%2e%2E/%7euser"),
    ("https://bücher.example/ü?q=ü", "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC"),
    ("https://example。com/", "https://example.com/"),
    ("https://my_app.tunnel.example.com/", "https://my_app.tunnel.example.com/"),
    ("https://localhost.example.com/", "https://localhost.example.com/"),
    ("https://10.0.0.1.example.com/", "https://10.0.0.1.example.com/"),
    ("https://1.1.1.1/", "https://1.1.1.1/"),
    ("https://172.32.0.1/", "https://172.32.0.1/"),
    ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
    ("https://[2606:4700:4700:0:0:0:0:1111]:8443/", "https://[2606:4700:4700::1111]:8443/"),
]

LOOPBACK = [
    ("http://127.0.0.1:3000/hook", "http://127.0.0.1:3000/hook"),
    ("http://localhost", "http://localhost/"),
    ("http://app.localhost:8000/", "http://app.localhost:8000/"),
    ("http://[::1]:3000/", "http://[::1]:3000/"),
    ("https://127.8.9.10/", "https://127.8.9.10/"),
]

STILL_REFUSED = [
    "http://example.com/",
    "http://10.0.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/",
    "https://[::ffff:127.0.0.1]/",
    "https://[fe80::1]/",
    "http://0.0.0.0/",
    "http://127.1/",
    "http://2130706433/",
    "http://localhost:25/",
    "http://user@localhost/",
    "http://localhost./",
    "https://printer.local/",
]


@pytest.mark.parametrize(("url", "why"), REFUSED)
def test_a_bad_url_is_refused(url: str, why: str) -> None:
    """It is refused for the reason that it should be."""
    with pytest.raises(UnsafeUrl) as refused:
        checked(url)
    assert why in refused.value.reason


@pytest.mark.parametrize(("url", "normal"), ALLOWED)
def test_a_good_url_has_one_form(url: str, normal: str) -> None:
    """It comes out in its normal form, which is its own normal form, and which the HTTP client reads alike."""
    safe = checked(url)
    assert safe.text == normal
    assert checked(safe.text) == safe
    read = URL(safe.text, encoded=True)
    assert (read.scheme, read.raw_host, read.port, read.raw_path_qs) == (safe.scheme, safe.host, safe.port, safe.target)


@pytest.mark.parametrize(("url", "normal"), LOOPBACK)
def test_loopback_only_where_it_is_allowed(url: str, normal: str) -> None:
    """Loopback and plain HTTP to it need the setting."""
    assert checked(url, allow_insecure=True).text == normal
    with pytest.raises(UnsafeUrl):
        checked(url)


@pytest.mark.parametrize("url", STILL_REFUSED)
def test_the_setting_allows_nothing_else(url: str) -> None:
    """Private addresses, odd forms and plain HTTP to others stay refused."""
    with pytest.raises(UnsafeUrl):
        checked(url, allow_insecure=True)


def test_the_table_is_long() -> None:
    """Nobody has cut it."""
    assert len(REFUSED) >= 80


BAD_4 = [IPv4Network(each) for each in ("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16")]
BAD_4 += [IPv4Network(each) for each in ("172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15", "224.0.0.0/3")]
in_bad_4 = st.sampled_from(BAD_4).flatmap(lambda network: st.ip_addresses(v=4, network=network))


@given(in_bad_4)
def test_bad_networks_are_refused_to_their_edges(address: IPv4Address) -> None:
    """Each address of them, in its own form."""
    assert refusal(address)
    with pytest.raises(UnsafeUrl):
        checked(f"https://{address}/")


@given(st.ip_addresses(v=4), st.integers(0, 2**32 - 1))
def test_no_ipv4_address_in_disguise(address: IPv4Address, salt: int) -> None:
    """Whatever the address within, what embeds it is refused."""
    inner = int(address)
    for disguised in (
        (0xFFFF << 32) | inner,
        (0xFFFF << 48) | inner,
        inner,
        (0x0064FF9B << 96) | inner,
        (0x0064FF9B0001 << 80) | inner,
        (0x2002 << 112) | (inner << 80) | salt,
        (0x20010000 << 96) | (salt << 32) | inner,
        (0x26064700 << 96) | (0x5EFE << 32) | inner,
        (0x26064700 << 96) | (0x02005EFE << 32) | inner,
    ):
        assert refusal(IPv6Address(disguised))


@given(st.ip_addresses())
def test_what_may_be_reached_is_global(address: IPv4Address | IPv6Address) -> None:
    """Python's own registry agrees, as far as it goes."""
    if refusal(address) is None:
        assert address.is_global
        assert not address.is_multicast
        assert not address.is_reserved


@given(st.ip_addresses(v=4), st.sampled_from(["dec", "hex", "oct", "short"]))
def test_no_number_is_read_as_an_address(address: IPv4Address, form: str) -> None:
    """What inet_aton would read is refused, for good addresses too."""
    number = int(address)
    high, low = number >> 24, number & 0xFFFFFF
    text = {"dec": str(number), "hex": hex(number), "oct": f"0{number:o}", "short": f"{high}.{low}"}[form]
    with pytest.raises(UnsafeUrl):
        checked(f"https://{text}/")


@given(st.text(max_size=60))
def test_whatever_is_given_is_read_or_refused(text: str) -> None:
    """No other error, and what is accepted is read alike by the client's own parser."""
    for url in (text, f"https://{text}", f"https://example.com{text}"):
        try:
            safe = checked(url)
        except UnsafeUrl:
            continue
        read = URL(safe.text, encoded=True)
        assert (read.scheme, read.raw_host, read.port) == (safe.scheme, safe.host, safe.port)
        assert read.user is None
        assert safe.text.isascii()


def test_what_is_not_an_address_is_refused() -> None:
    """The last wall meets strings; it lets none through that it cannot read."""
    assert refusal("fe80::1%eth0")
    assert refusal("example.com")
    assert refusal("")
    assert refusal(ipaddress.ip_address("127.0.0.1"), allow_loopback=True) is None
