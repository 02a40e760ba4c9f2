"""Amounts as people write them, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daimon.billing import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (123_450, "usd", "USD 1,234.50"),
        (-5, "eur", "EUR -0.05"),
        (0, "usd", "USD 0.00"),
        (1_234, "jpy", "JPY 1,234"),
        (1_234, "kwd", "KWD 1.234"),
        (1_200, "isk", "ISK 12.00"),
    ],
)
def test_written(amount: int, currency: str, text: str) -> None:
    """With the digits that the currency has, as Stripe counts it."""
    assert money.written(amount, currency) == text


@given(st.integers(-(10**15), 10**15), st.sampled_from(["usd", "jpy", "kwd"]))
def test_what_is_written_is_read_back(amount: int, currency: str) -> None:
    """Without its commas and its currency."""
    assert money.read(money.written(amount, currency).split()[1].replace(",", ""), currency) == amount


@pytest.mark.parametrize(("text", "amount"), [("49", 4900), ("49.5", 4950), ("-0.05", -5), ("007.10", 710)])
def test_read(text: str, amount: int) -> None:
    """Digits behind the point may be left out."""
    assert money.read(text, "usd") == amount


@pytest.mark.parametrize("text", ["", "-", ".5", "5.", "1,000", "1.005", "1e3", "+5", "--5", "٣", "1 000", "0x1"])
def test_what_is_no_amount(text: str) -> None:
    """Nothing is guessed, and nothing is rounded."""
    with pytest.raises(ValueError, match="is not an amount of USD"):
        money.read(text, "usd")


def test_a_currency_without_minor_unit_has_no_point() -> None:
    """Half a yen is none."""
    with pytest.raises(ValueError, match="0 digits"):
        money.read("1.0", "jpy")
