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
