"""Letting in who shows a key: the same rules for every protocol."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from daimon.accounts.errors import AccountDeleted, AccountSuspended
from daimon.accounts.models import Account, AccountStatus
from daimon.audit.models import Actor, ActorKind
from daimon.keys.cache import KeyCache
from daimon.keys.errors import ApiKeyExpired, ApiKeyRevoked, InvalidApiKey, UsedFromElsewhere
from daimon.keys.failures import AuthFailures
from daimon.keys.models import Principal
from daimon.keys.permissions import Permission
from daimon.kit.errors import Forbidden

Client = Callable[[], IPv4Address | IPv6Address]  # asked only where the address matters


async def admit(keys: KeyCache, failures: AuthFailures, octets: bytes, client: Client) -> Principal:
    """Return whose key the octets are.

    Raises what KeyCache raises, AuthenticationFailures for a network that tried too many, and UsedFromElsewhere for a
    key that is not for the client's network.
    """
    try:
        principal = await _look_up(keys, failures, octets, client)
    except (InvalidApiKey, ApiKeyRevoked, ApiKeyExpired):
        failures.count(client())
        raise
    if principal.networks is not None and not any(client() in network for network in principal.networks):
        raise UsedFromElsewhere
    return principal


async def _look_up(keys: KeyCache, failures: AuthFailures, octets: bytes, client: Client) -> Principal:
    secret = octets.decode("ascii", "replace")
    # A key that was good before is looked up all the same: agents that share an address with a guesser work on.
    if failures.refuses_any and not keys.knows(secret):
        failures.check(client())
    if not octets.isascii():
        raise InvalidApiKey
    return await keys.principal(secret)


def permitted(principal: Principal, permission: Permission) -> Principal:
    """Return a principal as far as it has a permission. Raises Forbidden if it has it nowhere."""
    reach = principal.allowed(permission)
    if reach is None:
        raise lacking(permission)
    return replace(principal, scope=reach)


def lacking(permission: Permission | None) -> Forbidden:
    """Return the refusal of a key that reaches an object and may not do this to it."""
    return Forbidden(
        f"This key lacks the permission {permission}.",
        next_steps=["GET /v1/whoami lists the permissions of a key.", "Use a key that has this one."],
    )


def check_open(account: Account) -> None:
    """Raise AccountDeleted or AccountSuspended for an account that changes nothing."""
    if account.deleted_at is not None:
        raise AccountDeleted
    if account.status is AccountStatus.SUSPENDED:
        raise AccountSuspended


def actor_of(key: Principal | None, ip: str, request_id: str | None = None) -> Actor:
    """Return who the audit trail says it was; None is somebody without a key."""
    if key is None:
        return Actor(ActorKind.ANONYMOUS, ip=ip, request_id=request_id)
    kind = ActorKind.MEMBER if key.member_id else ActorKind.KEY
    return Actor(kind, key.key_id, key.member_id, ip, request_id)
