"""Objects held against the types that the stripe package carries, so that nothing is tried that Stripe never says."""

import types
import typing
from decimal import Decimal
from typing import Any, ForwardRef, Literal, Union, get_args, get_origin

import stripe


class NotStripes(AssertionError):
    """An object is not of the shape that the stripe package declares."""


def check(value: Any, kind: type, *, whole: bool = False, where: str = "") -> None:
    """Raise NotStripes unless every field of an object is declared and of its type; `whole`: and none is missing."""
    where = where or kind.__name__
    if not isinstance(value, dict):
        raise NotStripes(f"{where} is no object: {value!r}")
    declared = _fields(kind)
    for name, each in value.items():
        if name not in declared:
            raise NotStripes(f"{where}.{name} is not declared")
        if not _fits(each, declared[name], f"{where}.{name}"):
            raise NotStripes(f"{where}.{name} is {each!r}, not {declared[name]}")
    missing = [name for name, hint in declared.items() if name not in value and not _may_miss(hint)]
    if whole and missing:
        raise NotStripes(f"{where} has no {missing}")


def _fields(kind: type) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in reversed(kind.__mro__):
        if issubclass(each, stripe.StripeObject) and each is not stripe.StripeObject:
            found |= {name: hint for name, hint in vars(each).get("__annotations__", {}).items() if name[0] != "_"}
    return {name: hint for name, hint in found.items() if get_origin(hint) is not typing.ClassVar}


def _may_miss(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType) and type(None) in get_args(hint)


def _fits(value: Any, hint: Any, where: str) -> bool:
    if isinstance(hint, (str, ForwardRef)):
        return _fits_named(value, hint if isinstance(hint, str) else hint.__forward_arg__, where)
    origin, inside = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        words = [each for each in inside if get_origin(each) is Literal]
        if words and isinstance(value, str):  # `Union[Literal[…], str]`: the words of today
            return any(value in get_args(each) for each in words)
        return any(_tried(value, each, where) for each in inside)
    if origin is Literal:
        return value in inside
    if origin is list:
        return isinstance(value, list) and all(_fits(each, inside[0], where) for each in value)
    if origin is not None and origin.__name__ == "ListObject":
        return (
            isinstance(value, dict)
            and value["object"] == "list"
            and all(_fits(each, inside[0], f"{where}[]") for each in value["data"])
        )
    if origin is not None:  # metadata
        return isinstance(value, dict)
    if hint is Decimal:
        return isinstance(value, str)
    if hint is Any or hint is type(None):
        return hint is Any or value is None
    if hint in (int, bool, float, str):
        return type(value) is hint
    check(value, hint, where=where)
    return True


def _fits_named(value: Any, name: str, where: str) -> bool:
    # Names of the package are imported when they are asked for, those that its own modules alone know are not there.
    kind = getattr(stripe, name.strip("\"'"), None)
    if kind is None:
        return isinstance(value, dict)
    check(value, kind, where=where)
    return True


def _tried(value: Any, hint: Any, where: str) -> bool:
    if isinstance(value, dict):  # an object is either an expanded one, whose faults are told, or it is none of these
        return hint not in (int, str, bool, float, type(None)) and _fits(value, hint, where)
    try:
        return _fits(value, hint, where)
    except NotStripes:
        return False
