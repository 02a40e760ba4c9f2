"""Amounts as people read them. They are kept in minor units: cents, or whole yen."""

# https://docs.stripe.com/currencies: ISK and UGX have no minor unit, but are counted in hundredths there.
_WITHOUT_MINOR_UNIT = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")
)
_OF_A_THOUSAND = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def decimals(currency: str) -> int:
    """Return how many digits of an amount are behind the point."""
    return 0 if currency in _WITHOUT_MINOR_UNIT else 3 if currency in _OF_A_THOUSAND else 2


def written(amount: int, currency: str) -> str:
    """Return an amount as people write it, such as `-1,234.50 USD`."""
    digits = decimals(currency)
    whole, part = divmod(abs(amount), 10**digits)
    sign, fraction = "-" if amount < 0 else "", f".{part:0{digits}d}" if digits else ""
    return f"{sign}{whole:,}{fraction} {currency.upper()}"


def read(text: str, currency: str) -> int:
    """Return an amount in minor units, written as `49`, `49.00` or `-0.5`. Raises ValueError for what is none."""
    digits = decimals(currency)
    sign = -1 if text.startswith("-") else 1
    whole, point, fraction = text.removeprefix("-").partition(".")
    figures = whole + fraction
    if not (figures.isascii() and figures.isdigit() and whole) or len(fraction) > digits or (point and not fraction):
        raise ValueError(f"{text!r} is not an amount of {currency.upper()}, which has {digits} digits behind the point")
    return sign * int(whole + fraction.ljust(digits, "0"))
