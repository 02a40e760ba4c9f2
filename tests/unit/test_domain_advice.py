"""SPF advice and the ladder of checks: tables of examples, and anything at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.domains import spf

SERVICE = "include:daimon.email"


@pytest.mark.parametrize(
    ("present", "advised"),
    [
        ([], f"v=spf1 {SERVICE} ~all"),
        (["v=spf1 -all"], f"v=spf1 {SERVICE} -all"),
        (["v=spf1"], f"v=spf1 {SERVICE} ~all"),
        (["v=spf1 mx redirect=_spf.example"], f"v=spf1 mx {SERVICE} redirect=_spf.example"),
        (["v=spf1 a ~all", "v=spf1 mx -all"], f"v=spf1 a mx {SERVICE} ~all"),
        (["v=spf1 -include:daimon.email ?all"], f"v=spf1 {SERVICE} ?all"),
        (["V=SPF1 ip4:192.0.2.0/24 ALL"], f"v=spf1 ip4:192.0.2.0/24 {SERVICE} ALL"),
    ],
)
def test_present_records_are_joined_with_ours(present: list[str], advised: str) -> None:
    assert spf.merged(present, "daimon.email") == advised


def test_lookups_are_counted() -> None:
    """RFC 7208 §4.6.4: these terms, and no others."""
    assert spf.lookups("v=spf1 a mx/24 ptr include:x exists:%{i}.x ip4:1.2.3.4 redirect=y -all") == 6
    assert spf.is_too_long("v=spf1 " + "include:x " * 11)
    assert spf.records_in(["v=spf1", "v=spf10 a", "V=SPF1 a", "x v=spf1"]) == ["v=spf1", "V=SPF1 a"]


@given(st.lists(st.text(max_size=80).map(lambda text: f"v=spf1 {text}"), max_size=4))
def test_advice_holds_for_anything(present: list[str]) -> None:
    """It is one record that lets us send, with one end; and to follow it is to be done."""
    advised = spf.merged(present, "daimon.email")
    assert spf.includes(advised, "daimon.email")
    assert spf.merged([advised], "daimon.email") == advised
