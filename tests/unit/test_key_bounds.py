"""What a key may hand on, as pure rules: whatever is asked for, in however many steps, it never gets wider."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from daimon.accounts.models import Account, AccountStatus, Tier
from daimon.db.scope import Scope
from daimon.keys import bounds
from daimon.keys.models import ALLOWED, Key, KeyScope, Network, Principal
from daimon.keys.permissions import ALL, Permission
from daimon.kit.errors import DaimonError

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_ACCOUNT = Account(UUID(int=1), Tier.GROWTH, AccountStatus.ACTIVE, None, _NOW)
_ROOT = Scope(_ACCOUNT.account_id)
_PODS = [UUID(int=2), UUID(int=3)]
_REACHES = {
    KeyScope.ACCOUNT: [_ROOT],
    KeyScope.POD: [Scope(_ROOT.account_id, (pod,)) for pod in _PODS],
    KeyScope.INBOX: [
        Scope(_ROOT.account_id, pods, UUID(int=9 + n)) for n, pods in enumerate((None, (_PODS[0],), (_PODS[1],)))
    ],
}
_NETWORKS = [ip_network(text) for text in ("0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9", "::/0", "10.1.1.1")]
_PROBES = [ip_address(text) for text in ("10.1.1.1", "10.200.0.1", "192.0.2.1", "2001:db8::1")]
_SOME = [*sorted(ALL)[:6], Permission.KEYS_WRITE, Permission.BILLING_READ]


@dataclass(frozen=True)
class Wish:
    """What is asked for in one step."""

    key_scope: KeyScope
    reach: Scope
    permissions: frozenset[Permission] | None
    expires_at: datetime | None
    networks: tuple[Network, ...] | None


_wishes = st.sampled_from(list(_REACHES)).flatmap(
    lambda key_scope: st.builds(
        Wish,
        st.just(key_scope),
        st.sampled_from(_REACHES[key_scope]),
        st.none() | st.frozensets(st.sampled_from(_SOME)).map(lambda some: some | {Permission.KEYS_WRITE}),
        st.none() | st.integers(1, 4).map(lambda days: _NOW + timedelta(days)),
        st.none() | st.lists(st.sampled_from(_NETWORKS), min_size=1, max_size=2).map(tuple),
    )
)


def _made(maker: Principal, wish: Wish) -> Principal | None:
    """Return whom the new key speaks for, None if it is refused."""
    try:
        bounds.check_reach(maker, wish.key_scope, wish.reach)
        permissions = bounds.permissions(maker, wish.key_scope, wish.reach, wish.permissions)
        expires_at = bounds.expiry(maker, wish.expires_at or maker.expires_at)
        networks = bounds.networks(maker, wish.networks or maker.networks)
    except DaimonError:
        return None
    return _principal(wish.key_scope, wish.reach, permissions, expires_at, networks)


def _principal(
    key_scope: KeyScope,
    reach: Scope,
    permissions: frozenset[Permission] | None = None,
    expires_at: datetime | None = None,
    networks: tuple[Network, ...] | None = None,
) -> Principal:
    allowed = ALLOWED[key_scope] if permissions is None else ALLOWED[key_scope] & permissions
    return Principal(
        key_id=UUID(int=7), key_scope=key_scope, permissions=allowed, scope=reach, account=_ACCOUNT,
        expires_at=expires_at, networks=networks, capped=permissions is not None,
    )  # fmt: skip


def _is_within(inner: Principal, outer: Principal) -> bool:
    pods = outer.scope.pod_ids in (None, inner.scope.pod_ids) and outer.scope.inbox_id in (None, inner.scope.inbox_id)
    ends = outer.expires_at is None or (inner.expires_at is not None and inner.expires_at <= outer.expires_at)
    places = all(_works_from(outer, probe) for probe in _PROBES if _works_from(inner, probe))
    return pods and ends and places and inner.permissions <= outer.permissions and inner.is_owner <= outer.is_owner


def _works_from(who: Principal, probe: object) -> bool:
    return who.networks is None or any(probe in network for network in who.networks)


def _key_of(who: Principal) -> Key:
    return Key(
        id=UUID(int=8), account_id=_ACCOUNT.account_id, key_scope=who.key_scope, pod_id=who.scope.pod_id,
        inbox_id=who.scope.inbox_id, member_id=None, name=None,
        permissions=who.permissions if who.capped else None, expires_at=who.expires_at, networks=who.networks,
        created_by=None, made_by_member=False, created_at=_NOW, last_used_at=None, prefix="", is_revoked=False,
        client_id=None,
    )  # fmt: skip


@given(st.lists(_wishes, min_size=1, max_size=5))
def test_what_is_made_is_within_its_maker(wishes: list[Wish]) -> None:
    """And so within whoever made the maker, back to the first key."""
    chain = [_principal(KeyScope.ACCOUNT, _ROOT)]
    for wish in wishes:
        if made := _made(chain[-1], wish):
            assert all(_is_within(made, maker) for maker in chain)
            chain.append(made)


@given(_wishes, _wishes)
def test_only_what_is_within_is_renewed(one: Wish, another: Wish) -> None:
    """A key whose secret a principal may see is one that he could have made himself."""
    root = _principal(KeyScope.ACCOUNT, _ROOT)
    who, key = _made(root, one), _made(root, another)
    if who is None or key is None:
        return
    try:
        bounds.check_may_renew(who, _key_of(key))
    except DaimonError:
        return
    assert _is_within(key, who)


@given(_wishes)
def test_a_whole_key_makes_all_that_there_is(wish: Wish) -> None:
    """Nothing but a permission that the scope cannot have is refused to a key that may do everything."""
    made = _made(_principal(KeyScope.ACCOUNT, _ROOT), wish)
    if wish.permissions is None or wish.permissions <= ALLOWED[wish.key_scope]:
        assert made is not None
        assert made.permissions == (ALLOWED[wish.key_scope] if wish.permissions is None else wish.permissions)
    else:
        assert made is None
