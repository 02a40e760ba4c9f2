"""From the Authorization header to a principal, and whether it may call an operation."""

from dataclasses import replace
from typing import Any, NoReturn

from daimon.api.operation import Operation
from daimon.api.request import Request
from daimon.db.scope import Scope
from daimon.keys import admission
from daimon.keys.admission import check_open, lacking, permitted
from daimon.keys.errors import AuthenticationRequired
from daimon.keys.models import KeyScope, Principal
from daimon.keys.permissions import Permission
from daimon.kit.errors import Forbidden

_WIDTH = {KeyScope.INBOX: 0, KeyScope.POD: 1, KeyScope.ACCOUNT: 2, KeyScope.MEMBER: 2}


async def authenticate(request: Request) -> Principal | None:
    """Return whose key the Authorization header holds, None for no header.

    Raises AuthenticationRequired for another scheme, and what `admission.admit` raises.
    """
    header = request.headers.get(b"authorization")
    if header is None:
        return None
    scheme, _, octets = header.partition(b" ")
    if scheme.lower() != b"bearer":  # RFC 9110 §11.1: the scheme's case does not matter
        raise AuthenticationRequired
    services = request.services
    return await admission.admit(services.keys, services.auth_failures, octets.strip(), lambda: request.client)


async def admitted_again(request: Request) -> Principal:
    """Look anew at who asks, for a request that has waited. Raises as at its beginning if the key is no longer good."""
    principal = await authenticate(request)
    if principal is None:
        raise AuthenticationRequired
    return principal


async def admit_again(request: Request, permission: Permission) -> None:
    """Look anew at who asks, for a request that has waited. Raises as at its beginning if the key lost its right."""
    request.key = permitted(await admitted_again(request), permission)


def check_reach(called: Operation, principal: Principal | None) -> None:
    """Raise AuthenticationRequired without a key, Forbidden for a key too narrow for the operation."""
    if principal is None:
        if not called.anonymous:
            raise AuthenticationRequired
    elif called.reach is not None and _WIDTH[principal.key_scope] < _WIDTH[called.reach]:
        wide = "an account key" if called.reach is KeyScope.ACCOUNT else "an account or pod key"
        sent = "a pod key" if principal.key_scope is KeyScope.POD else "an inbox key"
        raise Forbidden(
            f"This needs {wide}; the one sent is {sent}.",
            next_steps=["GET /v1/whoami says what a key reaches.", "Send the same request with a wider key."],
        )


def narrowed(called: Operation, principal: Principal) -> Principal | None:
    """Return the principal as far as it may call this operation, None if nowhere.

    Only a member may be allowed something in a part of what his key reaches. Raises Forbidden for an operation on the
    whole account that the principal reaches in part.
    """
    if called.reach is KeyScope.ACCOUNT and not principal.scope.is_account:
        raise _in_part()
    reach = principal.scope if called.permission is None else principal.allowed(called.permission)
    # A key that was made with fewer permissions than its member has was meant to have fewer.
    if reach is None and called.personal and principal.member_id is not None and not principal.capped:
        reach = Scope(principal.scope.account_id, ())  # nothing but what is his own
    if reach is None:
        return None
    if called.reach is KeyScope.ACCOUNT and not reach.is_account:
        raise _in_part()
    return principal if reach == principal.scope else replace(principal, scope=reach)


def _in_part() -> Forbidden:
    return Forbidden(
        "This needs a role in the whole account; yours are in single pods.",
        next_steps=["Ask an owner or admin of the account for the role."],
    )


def check_account(called: Operation, principal: Principal) -> None:
    """Raise Forbidden where the account, or not being its owner, forbids the call."""
    account = principal.account
    if called.method != "GET" and not called.when_closed:
        check_open(account)
    if called.owner and not principal.is_owner:
        raise Forbidden("This needs an account key with all permissions, or an owner's key.")
    if called.unrestricted and not principal.is_unrestricted:
        raise Forbidden("This needs a key that may do everything in the account.")


async def refuse(request: Request, called: Operation, values: tuple[Any, ...], principal: Principal) -> NoReturn:
    """Raise Forbidden naming the permission that the key lacks, but first the 404 of an object it does not reach."""
    scope = principal.scope
    async with request.reading() as db:
        for count, (_, param) in enumerate(called.params, start=1):
            if param.find is not None:
                await param.find(db, scope, values[:count])
    raise lacking(called.permission)
