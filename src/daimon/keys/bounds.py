"""No key makes, changes or renews a wider one than itself. What a principal may hand on is decided here alone."""

from collections.abc import Sequence
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, collapse_addresses

from daimon.db.scope import Scope
from daimon.keys.errors import WouldWiden
from daimon.keys.models import ALLOWED, Key, KeyScope, Network, Principal
from daimon.keys.permissions import ALL, Permission
from daimon.kit.errors import Invalid

Permissions = frozenset[Permission]
Networks = tuple[Network, ...]


def check_reach(who: Principal, key_scope: KeyScope, reach: Scope) -> None:
    """Raise WouldWiden unless the principal may make keys that reach this far."""
    if key_scope is KeyScope.MEMBER:
        if who.member_id is None:
            raise WouldWiden.field("scope", "a member's key is made by the member, with a key of his own")
    elif not _covers(who.allowed(Permission.KEYS_WRITE), reach):
        raise WouldWiden.field("scope", f"this key may not make {key_scope} keys that reach further than itself")


def permissions(who: Principal, key_scope: KeyScope, reach: Scope, wanted: Permissions | None) -> Permissions | None:
    """Return what a key of this reach gets of what is wanted, or with None of all; None stands for all of its scope.

    Raises Invalid for what such a key cannot have, WouldWiden for what the principal does not have there himself.
    """
    if key_scope is KeyScope.MEMBER:
        return _member_permissions(who, wanted)
    most = ALLOWED[key_scope]
    if wanted is not None and wanted - most:
        raise Invalid.field("permissions", f"{_named(wanted - most)} cannot be given to an {key_scope} key")
    own = permissions_at(who, reach) & most
    given = own if wanted is None else wanted
    if given - own:
        raise WouldWiden.field("permissions", f"this key does not have {_named(given - own)} there itself")
    if not given:
        raise WouldWiden.field("permissions", f"this key has no permission that an {key_scope} key can have")
    if _is_whole(key_scope, given) and not who.is_owner:
        raise WouldWiden.field("permissions", "an account key with all permissions is made by an owner; leave one out")
    return None if wanted is None and given == most else given


def expiry(who: Principal, wanted: datetime | None) -> datetime | None:
    """Return when a key expires for which this is wanted, None for never. Raises WouldWiden."""
    if who.expires_at is None or (wanted and wanted <= who.expires_at):
        return wanted
    raise WouldWiden.field("expires_at", "this key expires earlier itself")


def networks(who: Principal, wanted: Networks | None) -> Networks | None:
    """Return from where a key may be used for which this is wanted, None for anywhere. Raises WouldWiden."""
    if not _within(wanted, who.networks):
        raise WouldWiden.field("allowed_networks", "this key may not be used from all of these networks itself")
    return wanted


def check_may_change(who: Principal, key: Key) -> None:
    """Raise WouldWiden for a key that may do more than the principal. One's own key is never wider."""
    if key.id == who.key_id:
        return
    if key.key_scope is KeyScope.MEMBER:
        _check_may_change_personal(who, key)
        return
    if key.effective - permissions_at(who, key.reach):
        raise WouldWiden("This key may not change that one, which has permissions that it does not have itself.")
    if _is_whole(key.key_scope, key.effective) and not who.is_owner:
        raise WouldWiden("An account key with all permissions can be changed by an owner only.")


def check_may_renew(who: Principal, key: Key) -> None:
    """Raise WouldWiden for a key whose new secret the principal may not see: it would be wider in some way."""
    check_may_change(who, key)
    if key.id == who.key_id:
        return
    if key.key_scope is KeyScope.MEMBER and key.member_id != who.member_id:
        raise WouldWiden("The key of a member is rotated by that member only.")
    if who.expires_at and (key.expires_at is None or key.expires_at > who.expires_at):
        raise WouldWiden("This key expires earlier than that one, so it may not see its secret.")
    if not _within(key.networks, who.networks):
        raise WouldWiden("This key may be used from fewer networks than that one, so it may not see its secret.")


def permissions_at(who: Principal, reach: Scope) -> Permissions:
    """Return what the principal may do in all of a reach."""
    return frozenset(each for each in who.permissions if _covers(who.allowed(each), reach))


def _member_permissions(who: Principal, wanted: Permissions | None) -> Permissions | None:
    if wanted is None:
        return who.permissions if who.capped else None
    if wanted - who.permissions:
        raise WouldWiden.field("permissions", f"this key does not have {_named(wanted - who.permissions)} itself")
    return wanted


def _check_may_change_personal(who: Principal, key: Key) -> None:
    if key.member_id != who.member_id:
        if not who.is_owner:
            raise WouldWiden("The key of another member can be changed by an owner only.")
    elif who.capped and (key.permissions is None or key.permissions - who.permissions):
        raise WouldWiden("This key may not change that one, which has permissions that it does not have itself.")


def _is_whole(key_scope: KeyScope, given: Permissions) -> bool:
    """Whether a key stands for the account itself, and so may do what is left to owners."""
    return key_scope is KeyScope.ACCOUNT and given >= ALL


def _covers(outer: Scope | None, inner: Scope) -> bool:
    if outer is None or outer.account_id != inner.account_id:
        return False
    if outer.inbox_id is not None:
        return inner.inbox_id == outer.inbox_id
    return outer.pod_ids is None or (inner.pod_ids is not None and set(inner.pod_ids) <= set(outer.pod_ids))


def _within(inner: Networks | None, outer: Networks | None) -> bool:
    if outer is None:
        return True
    whole = _collapsed(outer)
    return inner is not None and all(any(_is_part(each, one) for one in whole) for each in inner)


def _collapsed(given: Networks) -> list[Network]:
    of_4: Sequence[IPv4Network] = [each for each in given if isinstance(each, IPv4Network)]
    of_6: Sequence[IPv6Network] = [each for each in given if isinstance(each, IPv6Network)]
    return [*collapse_addresses(of_4), *collapse_addresses(of_6)]


def _is_part(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network):
        return isinstance(outer, IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def _named(given: Permissions) -> str:
    return ", ".join(sorted(given))
