"""Who sent a request, behind proxies and without."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.api.client_address import client_address

_TRUSTED = [ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", [b"198.51.100.1"], "192.0.2.1"),  # the peer is no proxy of ours: hearsay
        ("10.0.0.1", [b"198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", [b"203.0.113.9, 198.51.100.1"], "198.51.100.1"),  # the left one is what the client claims
        ("10.0.0.1", [b"198.51.100.1, 10.0.0.2"], "198.51.100.1"),
        ("10.0.0.1", [b"198.51.100.1", b"10.0.0.2"], "198.51.100.1"),  # two header lines are one list
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", [b"198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", [b""], "10.0.0.1"),
        ("10.0.0.1", [b"\xff"], "10.0.0.1"),
        ("2001:db8::1", [b"2001:db9::7"], "2001:db9::7"),
        ("::ffff:10.0.0.1", [b"::ffff:198.51.100.1"], "198.51.100.1"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("", [], "0.0.0.0"),
    ],
)
def test_the_rightmost_hop_that_is_no_proxy_of_ours(peer: str, forwarded: list[bytes], client: str) -> None:
    """Only what a trusted proxy wrote is believed."""
    assert client_address(peer, forwarded, _TRUSTED) == ip_address(client)


@given(st.text(), st.lists(st.binary()))
def test_anything_is_some_address(peer: str, forwarded: list[bytes]) -> None:
    """Whatever a header holds, there is an address and no exception."""
    assert client_address(peer, forwarded, _TRUSTED).version in (4, 6)
