"""Amounts for people."""

from decimal import Decimal

# https://docs.stripe.com/currencies: those without minor units, and those with three digits of them
_WITHOUT = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_WITH_THREE = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def digits(currency: str) -> int:
    """Return how many digits the minor units of a currency have at Stripe."""
    return 0 if currency.lower() in _WITHOUT else 3 if currency.lower() in _WITH_THREE else 2


def written(amount: int, currency: str) -> str:
    """Return an amount in minor units as people write it, such as `USD 9.00`."""
    places = digits(currency)
    return f"{currency.upper()} {Decimal(amount).scaleb(-places):,.{places}f}"


def read(text: str, currency: str) -> int:
    """Return an amount in minor units, written as `49`, `49.00` or `-0.5`. Raises ValueError for what is none."""
    places, sign = digits(currency), -1 if text.startswith("-") else 1
    whole, point, fraction = text.removeprefix("-").partition(".")
    figures = whole + fraction
    if not (figures.isascii() and figures.isdigit() and whole) or len(fraction) > places or (point and not fraction):
        raise ValueError(f"{text!r} is not an amount of {currency.upper()}, which has {places} digits behind the point")
    return sign * int(whole + fraction.ljust(places, "0"))
